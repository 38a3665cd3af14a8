package duck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// session is one connection to one in-memory database, which spills into its
// temporary folder. Its context interrupts the query that is running.
type session struct {
	ctx    context.Context
	db     *sql.DB
	conn   *sql.Conn
	spill  string // removed on close
	memory string // as asked for
	bytes  int64  // of it that DuckDB may account for

	script *[]string // when set, statements are written here and not carried out
}

func open(ctx context.Context, b *build) (*session, error) {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("open DuckDB: %w", err)
	}
	s := &session{ctx: ctx, db: sql.OpenDB(connector)}
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open DuckDB: %w", err), s.close())
	}
	if err := s.configure(b); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *session) configure(b *build) error {
	var err error
	if s.spill, err = makeSpill(b); err != nil {
		return err
	}
	memory, threads := b.memory, b.threads
	if memory == "" {
		memory = "2GB"
	}
	s.memory = memory
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	asked, err := s.ints("SELECT CAST(parse_formatted_bytes("+quote(memory)+") AS BIGINT)", 1)
	if err != nil {
		return fmt.Errorf("set DuckDB option memory_limit = %s: %w", quote(memory), err)
	}
	s.bytes = accounted(asked[0])
	settings := []string{
		fmt.Sprintf("memory_limit = '%dKB'", max(s.bytes/1000, 1)),
		fmt.Sprintf("threads = %d", threads),
		"temp_directory = " + quote(s.spill),
		"TimeZone = 'UTC'",
		"default_collation = ''",              // byte order, as in Go
		"preserve_insertion_order = true",     // a query ends with its order; files keep it
		"allocator_background_threads = true", // give memory back that is freed: the process has a bound of its own
		"allocator_flush_threshold = '32MB'",
		"autoinstall_known_extensions = false",
		"autoload_known_extensions = false",
		"nested_loop_join_threshold = 1000", // the join with the few as_of dates is never worth a sort of the lake
	}
	for _, setting := range settings {
		if err := s.exec("SET " + setting); err != nil {
			return fmt.Errorf("set DuckDB option %s: %w", setting, err)
		}
	}
	return nil
}

// accounted is the part of the memory asked for that DuckDB is told of, bytes. It
// holds dictionaries, Parquet buffers and freed pages outside of its own account:
// with twenty million order lines and five dates a process of 3.8 GiB for 1.6 GiB
// accounted for. Below 1 GiB it needs more than two fifths to get along at all.
func accounted(asked int64) int64 {
	const plenty, scarce, enough = 0.4, 0.65, 700_000_000
	return int64(max(plenty*float64(asked), min(scarce*float64(asked), enough)))
}

// makeSpill makes the folder for data beyond memory. Its name in a given TempDir
// follows from the root, so that the next build of this root finds, and no build
// of another root touches, what a killed one left.
func makeSpill(b *build) (string, error) {
	dir := filepath.Join(b.work, "spill")
	if b.tempDir != "" {
		dir = filepath.Join(b.tempDir, fmt.Sprintf("regulars-spill-%08x", crc32.ChecksumIEEE([]byte(b.root))))
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", fmt.Errorf("remove what an earlier build left: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make folder for data beyond memory: %w", err)
	}
	return filepath.Abs(dir)
}

// lock leaves dir as the only folder within reach and freezes the configuration.
func (s *session) lock(dir string) error {
	for _, setting := range []string{
		"allowed_directories = [" + quote(dir) + "]",
		"enable_external_access = false",
		"lock_configuration = true",
	} {
		if err := s.exec("SET " + setting); err != nil {
			return fmt.Errorf("lock DuckDB (%s): %w", setting, err)
		}
	}
	return nil
}

func (s *session) close() error {
	var errs []error
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	errs = append(errs, s.db.Close())
	if s.spill != "" {
		errs = append(errs, os.RemoveAll(s.spill))
	}
	return errors.Join(errs...)
}

func (s *session) exec(query string) error {
	if s.script != nil {
		*s.script = append(*s.script, query)
		return nil
	}
	_, err := s.conn.ExecContext(s.ctx, query)
	return s.cause(err)
}

// ints runs a query that yields one row of whole numbers.
func (s *session) ints(query string, n int) ([]int64, error) {
	values, targets := make([]int64, n), make([]any, n)
	for i := range values {
		targets[i] = &values[i]
	}
	return values, s.cause(s.conn.QueryRowContext(s.ctx, query).Scan(targets...))
}

// pairs runs a query that yields rows of two strings.
func (s *session) pairs(query string) (out [][2]string, err error) {
	rows, err := s.conn.QueryContext(s.ctx, query)
	if err != nil {
		return nil, s.cause(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var pair [2]string
		if err := rows.Scan(&pair[0], &pair[1]); err != nil {
			return nil, err
		}
		out = append(out, pair)
	}
	return out, s.cause(rows.Err())
}

// code is the type of columns that are codes, see codes.go.
const code = "ENUM"

// columnTypes returns the names and types of a query's columns.
func (s *session) columnTypes(query string) (out [][2]string, err error) {
	rows, err := s.conn.QueryContext(s.ctx, query)
	if err != nil {
		return nil, s.cause(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	for _, t := range types {
		out = append(out, [2]string{t.Name(), t.DatabaseTypeName()})
	}
	return out, s.cause(rows.Err())
}

// ErrMemory is in the chain of every error that more memory would have spared.
var ErrMemory = errors.New("out of memory")

// cause puts the end of the context before DuckDB's word for it, "Interrupted",
// and says what can be done about a machine that is too small.
func (s *session) cause(err error) error {
	if err == nil {
		return nil
	}
	if ended := s.ctx.Err(); ended != nil {
		return ended
	}
	var e *duckdb.Error
	if !errors.As(err, &e) {
		return err
	}
	switch text := e.Error(); {
	case e.Type == duckdb.ErrorTypeOutOfMemory && strings.Contains(text, "max_temp_directory_size"), strings.Contains(text, "No space left on device"):
		return fmt.Errorf("the disk is full: free space below %s: %w", s.spill, err)
	case e.Type == duckdb.ErrorTypeOutOfMemory, strings.Contains(text, "std::bad_alloc"):
		return fmt.Errorf("%w: the SQL engine was given %s (machine.memory): give it more, or build fewer dates or groups at once: %w", ErrMemory, s.memory, err)
	}
	return err
}

// quote writes a string literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// name writes an identifier.
func name(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
