package lake

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"regulars/data"
)

// Import gathers what one call brings to the lake, of any number of files and
// tables. It is used from one goroutine, by the holder of the workspace's lock,
// and ends with Commit or Abort.
type Import struct {
	lake    *Lake
	number  int                  // of this import, from 1
	known   map[string]bool      // sources imported before
	erased  func(id string) bool // whose rows are refused; nil: nobody's
	sources []SourceReport
	tables  map[data.Table]*tableImport
	created []string // folders made for staging, outermost first
	staged  bool
	ended   bool
}

// Begin starts an import, after finishing or removing what an earlier one that
// was killed left behind.
func (l *Lake) Begin() (*Import, error) {
	if err := l.Recover(); err != nil {
		return nil, fmt.Errorf("recovering from an earlier import: %w", err)
	}
	reports, err := l.Imports()
	if err != nil {
		return nil, err
	}
	im := &Import{lake: l, number: len(reports) + 1, known: map[string]bool{}, tables: map[data.Table]*tableImport{}}
	if im.erased, err = l.erasedNow(); err != nil {
		return nil, err
	}
	for _, r := range reports {
		for _, s := range r.Sources {
			im.known[s.identity()] = true
		}
	}
	return im, nil
}

func (s Source) identity() string { return s.SHA256 + " " + s.As }

// Known reports whether an earlier import, or this one already, holds a source
// of the same content that was read as the same thing.
func (im *Import) Known(s Source) bool { return im.known[s.identity()] }

// AddSource notes a file that this import reads, or passes over because it is
// Known.
func (im *Import) AddSource(s Source) {
	known := im.Known(s)
	im.sources = append(im.sources, SourceReport{Source: s, Known: known})
	im.known[s.identity()] = true
}

// Batch is a number of rows of one table from one source.
type Batch struct {
	// Schema is the contract of the table, with any extra columns behind.
	Schema data.Schema
	Source string // the file they come from, for the quarantine
	First  int64  // the number of the first row in it, from 1
	// Numbers, when set, gives the number of each row in place of First.
	Numbers []int64
	Rows    []data.Row
	// Raw, when set, returns row i as it stood in the source, as JSON, for the
	// quarantine; otherwise that holds the values of Rows.
	Raw func(i int) string
}

func (b *Batch) number(i int) int64 {
	if b.Numbers != nil {
		return b.Numbers[i]
	}
	return b.First + int64(i)
}

// raw returns row i as JSON.
func (b *Batch) raw(i int) string {
	if b.Raw != nil {
		return b.Raw(i)
	}
	return RowJSON(b.Schema.ColumnNames(), b.Rows[i])
}

// Write takes rows in: a row that breaks the contract of its table goes to the
// quarantine, one that the lake or this import already has is counted as
// duplicate, the others are staged. An error means that the import must be
// aborted, such as an extra column whose type is another one in the lake. Rows of
// who was erased (see Refuse) are counted in the quarantine, which holds nothing
// of them; a referrer who was erased is taken out of the row.
func (im *Import) Write(b Batch) error {
	t, err := im.table(b.Schema.Table)
	if err != nil {
		return err
	}
	w, err := t.writer(b.Schema, b.Source)
	if err != nil {
		return err
	}
	good, erased := t.good[:0], newErasedFrom(b.Schema, im.erased)
	for i, row := range b.Rows {
		if erased.refuses(row) {
			if err := t.reject(b.Source, b.number(i), ErasedReason, ""); err != nil {
				return err
			}
			continue
		}
		if reason := b.Schema.Validate(row); reason != "" {
			if err := t.reject(b.Source, b.number(i), reason, b.raw(i)); err != nil {
				return err
			}
			continue
		}
		t.report.Read++
		fresh, err := t.seen.offer(w.keys, row)
		if err != nil {
			return err
		}
		if !fresh {
			t.report.Duplicate++
			continue
		}
		good = append(good, row)
	}
	t.good = good
	return t.accept(w, good)
}

// Reject puts a row that could not even be turned into values into the
// quarantine; raw is the row as JSON. Reasons are counted, so that they name
// the column and the rule, not the value.
func (im *Import) Reject(t data.Table, source string, row int64, reason, raw string) error {
	ti, err := im.table(t)
	if err != nil {
		return err
	}
	return ti.reject(source, row, reason, raw)
}

// Duplicate counts n rows of a table that the caller knows to be there already.
func (im *Import) Duplicate(t data.Table, n int64) error {
	ti, err := im.table(t)
	if err != nil {
		return err
	}
	ti.report.Read += n
	ti.report.Duplicate += n
	return nil
}

// table returns the state of one table, reading on first use what the lake has of it.
func (im *Import) table(t data.Table) (*tableImport, error) {
	if im.ended {
		return nil, errors.New("the import has ended: begin another one")
	}
	if ti := im.tables[t]; ti != nil {
		return ti, nil
	}
	paths, err := im.lake.Paths(t)
	if err != nil {
		return nil, err
	}
	lay, err := im.lake.layoutOf(t, paths)
	if err != nil {
		return nil, err
	}
	contract, _ := data.SchemaOf(t)
	seen, err := keysOf(contract, paths)
	if err != nil {
		return nil, err
	}
	ti := &tableImport{im: im, seen: seen, layout: lay, report: TableReport{Table: t, Reasons: map[string]int64{}}}
	im.tables[t] = ti
	return ti, nil
}

// create opens a staged file.
func (im *Import) create(name string, columns []data.Column) (*fileWriter, error) {
	if !im.staged {
		if err := im.stage(); err != nil {
			return nil, fmt.Errorf("staging the import: %w", err)
		}
	}
	return createFile(im.lake.dir(stageDir, name), "regulars", columns)
}

func (im *Import) stage() error {
	for _, dir := range []string{im.lake.dir(), im.lake.dir(stageDir)} {
		if _, err := os.Stat(dir); err == nil {
			continue
		}
		im.created = append(im.created, dir)
		if err := im.lake.fs.MakeDirs(dir); err != nil {
			return err
		}
	}
	im.staged = true
	return nil
}

// Abort drops everything; the lake is as it was. After Commit it does nothing,
// so that it can be deferred.
func (im *Import) Abort() error {
	if im.ended {
		return nil
	}
	im.ended = true
	var err error
	for _, t := range im.order() {
		err = errors.Join(err, im.tables[t].abandon())
	}
	return errors.Join(err, im.unstage())
}

// unstage removes the staging folder, and lake/ itself where the import made it.
func (im *Import) unstage() error {
	if len(im.created) == 0 {
		return nil
	}
	if err := im.lake.fs.Remove(im.lake.dir(stageDir)); err != nil {
		return err
	}
	// The journal folder may have been made before the commit failed; a folder
	// with anything in it stays.
	empty := []string{im.lake.dir(journalDir)}
	if im.created[0] == im.lake.dir() {
		empty = append(empty, im.lake.dir())
	}
	for _, dir := range empty {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			continue
		}
		if err := im.lake.fs.Remove(dir); err != nil {
			return err
		}
	}
	return nil
}

// order returns the tables concerned in the order of the contract.
func (im *Import) order() []data.Table {
	var out []data.Table
	for _, s := range data.Schemas() {
		if im.tables[s.Table] != nil {
			out = append(out, s.Table)
		}
	}
	return out
}

// Commit makes everything visible at one instant and returns the report. When
// nothing was new, neither row nor source, nothing is written at all. After an
// error nothing is visible, unless it says that the import is committed: then
// the next import, or Recover, finishes it.
func (im *Import) Commit() (Report, error) {
	if im.ended {
		return Report{}, errors.New("the import has ended: begin another one")
	}
	j, err := im.journal()
	if err != nil {
		return Report{}, errors.Join(err, im.Abort())
	}
	if j.ID == "" {
		return j.Report, im.Abort()
	}
	im.ended = true
	if err := im.lake.commit(j); err != nil {
		done, statErr := im.lake.committed(j.ID)
		if done || statErr != nil {
			return Report{}, errors.Join(fmt.Errorf("the import is committed, but may not survive a power failure; the next import finishes it: %w", err), statErr)
		}
		return Report{}, errors.Join(err, im.unstage())
	}
	if err := im.lake.finish(j); err != nil {
		return Report{}, fmt.Errorf("the import is committed; the next import finishes it: %w", err)
	}
	return j.Report, nil
}

// journal closes the staged files and describes the whole import. Its ID is
// empty when there is nothing to commit.
func (im *Import) journal() (journal, error) {
	j := journal{Report: Report{Sources: im.sources, Tables: []TableReport{}}}
	for _, t := range im.order() {
		files, err := im.tables[t].close()
		if err != nil {
			return j, err
		}
		if err := im.tables[t].report.check(); err != nil {
			return j, err
		}
		j.Files = append(j.Files, files...)
		j.Tables = append(j.Tables, im.tables[t].report)
	}
	j.ID = j.contentID(im.number)
	if j.ID == "" {
		return j, nil
	}
	im.nameFiles(&j)
	if im.staged {
		return j, im.lake.fs.SyncDir(im.lake.dir(stageDir))
	}
	return j, nil
}

// nameFiles puts the number and the id of the import before the files' own
// numbers, and notes in the report where the quarantine is. Names of files sort
// in the order of the imports: behind those that an earlier form of this
// program wrote, which begin with the id, a hexadecimal number.
func (im *Import) nameFiles(j *journal) {
	for i := range j.Files {
		f := &j.Files[i]
		dir, base := path.Split(f.To)
		f.To = path.Join(dir, fmt.Sprintf("import-%06d-%s-%s", im.number, j.ID, base))
		for t := range j.Tables {
			if dir == path.Join(quarantineDir, string(j.Tables[t].Table))+"/" {
				j.Tables[t].QuarantineFile = f.To
			}
		}
	}
}

// contentID hashes the import's number, the new sources and the staged files,
// so that the same imports in the same order get the same names.
func (j *journal) contentID(number int) string {
	h := sha256.New()
	fmt.Fprintf(h, "import %d\n", number)
	some := len(j.Files) > 0
	for _, s := range j.Sources {
		if !s.Known {
			fmt.Fprintf(h, "source %s\n", s.identity())
			some = true
		}
	}
	for _, f := range j.Files {
		fmt.Fprintf(h, "file %s %s\n", f.To, f.SHA256)
	}
	if !some {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// tableImport is what an import holds for one table.
type tableImport struct {
	im         *Import
	layout     layout
	seen       keySet
	report     TableReport
	parts      []*part // one for each set of columns
	quarantine *fileWriter
	good       []data.Row // reused by Write
}

// part is the staged rows of one set of columns.
type part struct {
	schema data.Schema
	keys   *keyer
	file   *fileWriter // nil until a row is accepted
}

// writer returns the part for the columns of s, checking them on first use.
// Where rows supersede each other only the latest part is written to, so that
// the parts keep the order in which the rows came.
func (t *tableImport) writer(s data.Schema, source string) (*part, error) {
	open := t.parts
	if t.layout.schema.Supersede && len(open) > 1 {
		open = open[len(open)-1:]
	}
	for _, p := range open {
		if slices.Equal(p.schema.Columns, s.Columns) {
			return p, nil
		}
	}
	contract, _ := data.SchemaOf(s.Table)
	if len(s.Columns) < len(contract.Columns) || !slices.Equal(s.Columns[:len(contract.Columns)], contract.Columns) {
		return nil, fmt.Errorf("rows of table %s from %s: the columns do not begin with those of the contract", s.Table, source)
	}
	extra, err := t.layout.merge(t.layout.schema.Columns[len(contract.Columns):], s.Columns[len(contract.Columns):], source)
	if err != nil {
		return nil, err
	}
	t.layout.schema = contract.WithExtra(extra...)
	p := &part{schema: s, keys: newKeyer(s)}
	t.parts = append(t.parts, p)
	return p, nil
}

func (t *tableImport) accept(p *part, rows []data.Row) error {
	if len(rows) == 0 {
		return nil
	}
	if p.file == nil {
		f, err := t.im.create(fmt.Sprintf("%s-%d.parquet", t.report.Table, slices.Index(t.parts, p)), p.schema.Columns)
		if err != nil {
			return err
		}
		p.file = f
	}
	if err := p.file.write(rows); err != nil {
		return fmt.Errorf("staging rows of table %s: %w", t.report.Table, err)
	}
	return nil
}

// quarantineColumns are those of quarantine/<table>/…parquet.
var quarantineColumns = []data.Column{
	{Name: "source_file", Kind: data.KindString, Required: true},
	{Name: "row", Kind: data.KindInt, Required: true},
	{Name: "reason", Kind: data.KindString, Required: true},
	{Name: "raw", Kind: data.KindString, Required: true},
}

func (t *tableImport) reject(source string, row int64, reason, raw string) error {
	if t.im.erased != nil && raw != "" && Names(raw, t.im.erased) {
		reason, raw = ErasedReason, ""
	}
	t.report.Read++
	t.report.Reasons[reason]++
	if len(t.report.Examples) < maxExamples {
		t.report.Examples = append(t.report.Examples, Example{Source: source, Row: row, Reason: reason})
	}
	if t.quarantine == nil {
		f, err := t.im.create("quarantine-"+string(t.report.Table)+".parquet", quarantineColumns)
		if err != nil {
			return err
		}
		t.quarantine = f
	}
	values := data.Row{data.String(source), data.Int(row), data.String(reason), data.String(raw)}
	if err := t.quarantine.write([]data.Row{values}); err != nil {
		return fmt.Errorf("staging a bad row of table %s: %w", t.report.Table, err)
	}
	return nil
}

// close ends the staged files and takes the counts from what they hold. To is
// the folder and the file's number; the id comes when it is known.
func (t *tableImport) close() ([]journalFile, error) {
	var out []journalFile
	for i, p := range t.parts {
		if p.file == nil {
			continue
		}
		if err := p.file.close(t.im.lake); err != nil {
			return nil, fmt.Errorf("staging rows of table %s: %w", t.report.Table, err)
		}
		t.report.Accepted += p.file.rows
		out = append(out, t.im.journalFile(p.file, path.Join(lakeDir, string(t.report.Table), fmt.Sprintf("%04d.parquet", i))))
	}
	if t.quarantine == nil {
		return out, nil
	}
	if err := t.quarantine.close(t.im.lake); err != nil {
		return nil, fmt.Errorf("staging bad rows of table %s: %w", t.report.Table, err)
	}
	t.report.Quarantined = t.quarantine.rows
	return append(out, t.im.journalFile(t.quarantine, path.Join(quarantineDir, string(t.report.Table), "0000.parquet"))), nil
}

func (im *Import) journalFile(f *fileWriter, to string) journalFile {
	from := path.Join(lakeDir, stageDir, filepath.Base(f.path))
	return journalFile{From: from, To: to, Rows: f.rows, SHA256: f.checksum()}
}

func (t *tableImport) abandon() error {
	var err error
	for _, p := range t.parts {
		if p.file != nil {
			err = errors.Join(err, p.file.abandon())
		}
	}
	if t.quarantine != nil {
		err = errors.Join(err, t.quarantine.abandon())
	}
	return err
}
