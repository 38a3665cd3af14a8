package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"regulars/data"
	"regulars/data/durable"
	"regulars/features"
)

// JoinRequest asks for the features of customers at times that the caller
// brings. Request's AsOf and Root do not count: the dates are those of the
// spine, and no feature table is kept.
type JoinRequest struct {
	features.Request
	Spine string // CSV with a header (.csv, .tsv) or Parquet: user_id, ts and any other columns
	Out   string // Parquet file to write
	Work  string // folder for temporary files, "" = that of Out
	Dates int    // as_of dates computed in one pass, 0 = 8
}

// JoinResult says what a join did.
type JoinResult struct {
	Rows, Columns int64 // of Out
	Dates         int
	Unknown       int64 // rows whose customer has no feature at that time
	Skipped       []features.Skip
}

// defaultDates bounds how many dates are computed in one pass: enough to share
// the load of the lake, few enough for the memory of one.
const defaultDates = 8

// SpineDays returns the UTC days on which the rows of a spine lie, ascending.
func SpineDays(ctx context.Context, spine string) (days []data.Day, err error) {
	work, err := os.MkdirTemp("", "regulars-spine-*")
	if err != nil {
		return nil, fmt.Errorf("make temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	s, err := open(ctx, &build{work: work, root: work})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if _, err := s.loadSpine(spine); err != nil {
		return nil, err
	}
	return s.spineDays()
}

// Join writes the rows of the spine, in their order and with all their columns,
// followed by the features of the customer as of the start of the row's UTC day:
// nothing of that day is known to it. A customer without features has nulls.
func (e *Engine) Join(ctx context.Context, r JoinRequest) (result JoinResult, err error) {
	groups, err := joinable(r.Groups)
	if err != nil {
		return result, err
	}
	if r.Work == "" {
		r.Work = filepath.Dir(r.Out)
	}
	work, err := os.MkdirTemp(r.Work, durable.TempPrefix+"join-*")
	if err != nil {
		return result, fmt.Errorf("make temporary folder for the join: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	s, err := open(ctx, &build{work: work, root: work, memory: r.MemoryLimit, threads: r.Threads})
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	columns, err := s.loadSpine(r.Spine)
	if err != nil {
		return result, err
	}
	if err := refuseClash(r.Spine, columns, groups); err != nil {
		return result, err
	}
	days, err := s.spineDays()
	if err != nil {
		return result, err
	}
	if err := s.loadPersons(r.Identities, days); err != nil {
		return result, err
	}
	result.Dates = len(days)
	if groups, result.Skipped, err = e.passes(ctx, s, r, groups, days, filepath.Join(work, "features")); err != nil {
		return result, err
	}
	return result, errors.Join(e.writeJoin(s, r.Out, work, columns, groups, &result))
}

// joinable refuses groups that are not about customers.
func joinable(groups []features.Group) ([]features.Group, error) {
	if len(groups) == 0 {
		return nil, errors.New("join: no feature group to join")
	}
	for _, g := range groups {
		if g.Entity != "user" || g.Label || len(g.Keys) != 1 {
			return nil, fmt.Errorf("join: group %s/%s is not about one customer: only groups of entity user can be joined", g.Entity, g.Name)
		}
	}
	return groups, nil
}

func refuseClash(spine string, columns []string, groups []features.Group) error {
	for _, g := range groups {
		for _, c := range g.Features() {
			if slices.ContainsFunc(columns, func(s string) bool { return strings.EqualFold(s, c.Name) }) {
				return fmt.Errorf("join: %s has a column %s, which is a feature of group %s too: rename it, or choose other groups", spine, c.Name, g.Name)
			}
		}
	}
	return nil
}

const spineTable = base + ".spine"

// loadSpine makes the table of the spine with its row numbers and days, and
// returns the names of its own columns.
func (s *session) loadSpine(path string) ([]string, error) {
	from := "read_parquet(" + quote(path) + ")"
	if ext := strings.ToLower(filepath.Ext(path)); ext == ".csv" || ext == ".tsv" {
		from = "read_csv(" + quote(path) + ", header = true, types = {'user_id': 'VARCHAR'})"
	}
	found, err := s.pairs("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM " + from + ")")
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var columns []string
	types := map[string]string{}
	for _, f := range found {
		columns = append(columns, f[0])
		types[f[0]] = f[1]
	}
	for _, want := range []string{"user_id", "ts"} {
		if types[want] == "" {
			return nil, fmt.Errorf("%s has no column %s: it has %s", path, want, strings.Join(columns, ", "))
		}
	}
	query := "CREATE SCHEMA " + base + "; CREATE TABLE " + spineTable + " AS SELECT *, ROW_NUMBER() OVER () AS " + spineRow + ", " +
		epochDay(strings.Replace(timestamp("ts", types["ts"]), "CAST(", "TRY_CAST(", 1)) + " AS " + spineDay + ", CAST(user_id AS VARCHAR) AS " + spineUser + " FROM " + from
	if err := s.exec(query); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	bad, err := s.ints("SELECT COUNT(*), COALESCE(MIN("+spineRow+"), 0) FROM "+spineTable+" WHERE "+spineDay+" IS NULL OR user_id IS NULL", 2)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if bad[0] > 0 {
		return nil, fmt.Errorf("%s: %d rows have no user_id or no ts that is a time such as 2011-12-08 10:00:00, the first of them row %d", path, bad[0], bad[1])
	}
	return columns, nil
}

const (
	spineRow  = features.ReservedPrefix + "row"
	spineDay  = features.ReservedPrefix + "day"
	spineUser = features.ReservedPrefix + "user"
)

func (s *session) spineDays() ([]data.Day, error) {
	n, err := s.ints("SELECT COUNT(DISTINCT "+spineDay+") FROM "+spineTable, 1)
	if err != nil {
		return nil, err
	}
	rows, err := s.conn.QueryContext(s.ctx, "SELECT DISTINCT "+spineDay+" FROM "+spineTable+" ORDER BY 1")
	if err != nil {
		return nil, s.cause(err)
	}
	defer rows.Close()
	days := make([]data.Day, 0, n[0])
	for rows.Next() {
		var d int32
		if err := rows.Scan(&d); err != nil {
			return nil, err
		}
		days = append(days, data.Day(d))
	}
	return days, s.cause(rows.Err())
}

// loadPersons puts the representative in place of an id that was known to be
// another customer's.
func (s *session) loadPersons(identities map[data.Day][]features.Identity, days []data.Day) error {
	b := build{identities: identities, asOf: days}
	if err := b.createIdentities(s); err != nil || len(identities) == 0 {
		return err
	}
	return s.exec("UPDATE " + spineTable + " SET " + spineUser + " = i.\"to\" FROM " + base + ".identities i WHERE i.\"from\" = " + spineTable + "." + spineUser +
		" AND CAST(i.as_of - DATE '1970-01-01' AS INTEGER) = " + spineTable + "." + spineDay)
}

// passes computes the features at every day of the spine, some days at a time,
// and keeps those of its rows.
func (e *Engine) passes(ctx context.Context, s *session, r JoinRequest, groups []features.Group, days []data.Day, root string) (built []features.Group, skipped []features.Skip, err error) {
	size := r.Dates
	if size == 0 {
		size = defaultDates
	}
	done := 0
	for pass := range slices.Chunk(days, size) {
		q := r.Request
		q.AsOf, q.Groups, q.Root, q.Force = pass, groups, root, true
		q.Progress = func(at, total int, what string) {
			if r.Progress != nil {
				r.Progress(done*total+at, total*((len(days)+size-1)/size), what)
			}
		}
		result, err := e.Build(ctx, q)
		if err != nil {
			return nil, nil, err
		}
		done++
		skipped = result.Skipped
		for _, t := range result.Written {
			if err := s.collect(t); err != nil {
				return nil, nil, err
			}
		}
		if err := os.RemoveAll(root); err != nil {
			return nil, nil, err
		}
	}
	for _, g := range groups {
		if !slices.ContainsFunc(skipped, func(k features.Skip) bool { return k.Group == g.Name }) {
			built = append(built, g)
		}
	}
	return built, skipped, nil
}

// collect adds what the spine needs of one feature table.
func (s *session) collect(t features.Table) error {
	target := base + "." + name("of_"+t.Group)
	from := fmt.Sprintf("SELECT f.*, %d AS %s FROM read_parquet(%s, hive_partitioning = false) f SEMI JOIN (SELECT %s FROM %s WHERE %s = %d) s ON s.%s = f.user_id", t.AsOf, spineDay, quote(t.Path), spineUser, spineTable, spineDay, t.AsOf, spineUser)
	if err := s.exec("CREATE TABLE IF NOT EXISTS " + target + " AS SELECT * FROM (" + from + ") WHERE false; INSERT INTO " + target + " " + from); err != nil {
		return fmt.Errorf("join features %s/%s at %s: %w", t.Entity, t.Group, t.AsOf, err)
	}
	return nil
}

// writeJoin joins the collected features to the spine, one group after another so
// that memory holds one at a time, and writes the result.
func (e *Engine) writeJoin(s *session, out, work string, columns []string, groups []features.Group, result *JoinResult) error {
	var list, known []string
	from := spineTable + " s"
	for _, c := range columns {
		list = append(list, "s."+name(c))
	}
	for i, g := range groups {
		alias := fmt.Sprint("g", i)
		for _, c := range g.Features() {
			list = append(list, alias+"."+name(c.Name))
		}
		known = append(known, alias+".user_id IS NOT NULL")
		from += fmt.Sprintf(" LEFT JOIN %s.%s %s ON %[3]s.user_id = s.%s AND %[3]s.%[5]s = s.%[5]s", base, name("of_"+g.Name), alias, spineUser, spineDay)
	}
	if len(known) == 0 {
		return errors.New("join: the lake has the tables of none of these groups")
	}
	counts, err := s.ints("SELECT COUNT(*), COUNT(*) FILTER (WHERE NOT ("+strings.Join(known, " OR ")+")) FROM "+from, 2)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	temporary := filepath.Join(work, "out.parquet")
	if err := s.exec(fmt.Sprintf("COPY (SELECT %s FROM %s ORDER BY s.%s) TO %s (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE %d)", strings.Join(list, ", "), from, spineRow, quote(temporary), rowGroupRows)); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	result.Rows, result.Unknown, result.Columns = counts[0], counts[1], int64(len(list))
	return publish(e.Disk, []file{{temporary, out}})
}
