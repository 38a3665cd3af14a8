package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"regulars/data"
	"regulars/data/durable"
)

// ErasedReason is why a row of somebody who was erased is in quarantine: without
// the row itself.
const ErasedReason = "the person was erased"

// Subject says whose rows are meant.
type Subject struct {
	IDs      []string `json:"ids"`                // of one person
	Aliases  []string `json:"aliases,omitempty"`  // those of IDs that mean nobody else where they stand as an alias
	Sessions []string `json:"sessions,omitempty"` // visits that were theirs alone
	Erasure  string   `json:"-"`                  // of the receipt, where they are being erased
}

// Each gives do every row of the subject: where it is, such as "lake/orders", and
// what it holds as JSON. A row of somebody else whom the subject referred is
// told as "lake/users.referrer_id". It holds one row at a time.
func (l *Lake) Each(ctx context.Context, s Subject, do func(where, row string) error) error {
	of := newSubject(s)
	return l.eachPersonal(func(f personalFile) error { return f.each(ctx, of, do) })
}

// Erase takes the subject out of every file that names it: rows are removed,
// references blanked, bad rows in quarantine kept without what they held. All
// other rows keep their order. Done again, it finishes what a kill interrupted;
// the caller holds the workspace's lock.
func (l *Lake) Erase(ctx context.Context, s Subject) error {
	if err := l.Recover(); err != nil {
		return err
	}
	of := newSubject(s)
	return l.eachPersonal(func(f personalFile) error {
		if err := l.eraseFrom(ctx, f, of); err != nil {
			return fmt.Errorf("erasing from %s: %w", f.where, err)
		}
		return nil
	})
}

// eachPersonal gives do every file that may hold rows of people, table by table.
func (l *Lake) eachPersonal(do func(personalFile) error) error {
	for _, schema := range data.Schemas() {
		files, err := l.personal(schema.Table)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := do(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Sessions returns the visits of these ids that nobody else took part in, as the
// events tell, in byte order.
func (l *Lake) Sessions(ctx context.Context, ids []string) ([]string, error) {
	theirs, others := map[string]bool{}, map[string]bool{}
	ours := setOf(ids)
	if err := l.eachVisit(ctx, func(user, session string) {
		if ours[user] {
			theirs[session] = true
		}
	}); err != nil || len(theirs) == 0 {
		return nil, err
	}
	if err := l.eachVisit(ctx, func(user, session string) {
		if !ours[user] && theirs[session] {
			others[session] = true
		}
	}); err != nil {
		return nil, err
	}
	var out []string
	for session := range theirs {
		if !others[session] {
			out = append(out, session)
		}
	}
	slices.Sort(out)
	return out, nil
}

// eachVisit gives do the customer and the session of every event that names both.
func (l *Lake) eachVisit(ctx context.Context, do func(user, session string)) error {
	paths, err := l.Paths(data.Events)
	if err != nil {
		return err
	}
	contract, _ := data.SchemaOf(data.Events)
	narrow := contract
	narrow.Columns = []data.Column{contract.Columns[contract.Index("user_id")], contract.Columns[contract.Index("session_id")]}
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := eachRow(path, narrow, func(row data.Row) {
			if !row[0].IsNull() && !row[1].IsNull() {
				do(row[0].Str(), row[1].Str())
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// subject is Subject made ready.
type subject struct{ ids, aliases, sessions map[string]bool }

func newSubject(s Subject) *subject {
	return &subject{ids: setOf(s.IDs), aliases: setOf(s.Aliases), sessions: setOf(s.Sessions)}
}

func setOf(list []string) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, s := range list {
		out[s] = true
	}
	return out
}

// verdict is what becomes of a row.
type verdict uint8

const (
	keep  verdict = iota
	blank         // only what refers to the person goes
	drop
)

// personColumns are the columns that can name a person, and raw of quarantine.
var personColumns = []string{"user_id", "session_id", "alias", "referrer_id", "raw"}

// of judges a row that holds personColumns.
func (s *subject) of(row data.Row) verdict {
	user, session, alias, referrer, raw := &row[0], &row[1], &row[2], &row[3], &row[4]
	switch {
	case s.ids[user.Str()], s.aliases[alias.Str()], user.IsNull() && s.sessions[session.Str()]:
		return drop
	case s.ids[referrer.Str()], !raw.IsNull() && Names(raw.Str(), func(text string) bool { return s.ids[text] || s.sessions[text] }):
		return blank
	}
	return keep
}

// Names reports whether a value within a JSON text is one of those that has
// knows. Numbers count as they stand, a whole one also without its decimals: an
// id may have been a number in the source. A text that is no JSON is one value.
func Names(raw string, has func(string) bool) bool {
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return false
		}
		if err != nil {
			return has(strings.TrimSpace(raw))
		}
		switch v := token.(type) {
		case string:
			if has(strings.TrimSpace(v)) {
				return true
			}
		case json.Number:
			if has(v.String()) || has(strings.TrimSuffix(v.String(), ".0")) {
				return true
			}
		}
	}
}

// personalFile is a file that can name people.
type personalFile struct {
	path, where string
	quarantined bool
}

// personal lists the files of a table and of its quarantine.
func (l *Lake) personal(t data.Table) ([]personalFile, error) {
	paths, err := l.Paths(t)
	if err != nil {
		return nil, err
	}
	var out []personalFile
	for _, p := range paths {
		out = append(out, personalFile{path: p, where: lakeDir + "/" + string(t)})
	}
	paths, err = l.stable(func() ([]string, error) {
		return listParquet(filepath.Join(l.workspace, quarantineDir, string(t)))
	})
	for _, p := range paths {
		out = append(out, personalFile{path: p, where: quarantineDir + "/" + string(t), quarantined: true})
	}
	return out, err
}

// hit is a row of the person.
type hit struct {
	row     int64
	verdict verdict
}

// find reads only the columns that can name a person.
func (f personalFile) find(ctx context.Context, p *ParquetFile, of *subject) (hits []hit, err error) {
	columns := make([]int, len(personColumns))
	for i, name := range personColumns {
		columns[i] = p.index(name)
		if name == "raw" && !f.quarantined || columns[i] >= 0 && p.columns[columns[i]].Kind != data.KindString {
			columns[i] = -1 // an extra column of another meaning
		}
	}
	if slices.Max(columns) < 0 {
		return nil, nil
	}
	r, err := p.Reader(columns)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var at int64
	err = eachBatch(r, func(rows []data.Row) error {
		for _, row := range rows {
			if v := of.of(row); v != keep {
				hits = append(hits, hit{at, v})
			}
			at++
		}
		return ctx.Err()
	})
	return hits, err
}

func (f personalFile) each(ctx context.Context, of *subject, do func(where, row string) error) (err error) {
	p, err := OpenParquet(f.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	hits, err := f.find(ctx, p, of)
	if err != nil || len(hits) == 0 {
		return err
	}
	names, columns := p.readable()
	return eachJudged(ctx, p, columns, hits, func(row data.Row, v verdict) error {
		switch {
		case v == keep:
			return nil
		case v == blank && !f.quarantined:
			return do(f.where+".referrer_id", RowJSON(names, row))
		}
		return do(f.where, RowJSON(names, row))
	})
}

// readable returns the columns that can be read.
func (p *ParquetFile) readable() (names []string, columns []int) {
	for i, c := range p.columns {
		if c.decode != nil {
			names, columns = append(names, c.Name), append(columns, i)
		}
	}
	return names, columns
}

// eachJudged gives do all rows with what becomes of each.
func eachJudged(ctx context.Context, p *ParquetFile, columns []int, hits []hit, do func(data.Row, verdict) error) (err error) {
	r, err := p.Reader(columns)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var at int64
	return eachBatch(r, func(rows []data.Row) error {
		for _, row := range rows {
			v := keep
			if len(hits) > 0 && hits[0].row == at {
				v, hits = hits[0].verdict, hits[1:]
			}
			if err := do(row, v); err != nil {
				return err
			}
			at++
		}
		return ctx.Err()
	})
}

// eraseFrom writes the file anew where it names the person. The journal learns
// first what the file will be: were the run killed between the two, the next one
// writes the same file again.
func (l *Lake) eraseFrom(ctx context.Context, f personalFile, of *subject) (err error) {
	p, err := OpenParquet(f.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	hits, err := f.find(ctx, p, of)
	if err != nil || len(hits) == 0 {
		return err
	}
	stage := l.dir(durable.TempPrefix + "erase.parquet")
	if err := l.fs.Remove(stage); err != nil {
		return err
	}
	w, err := l.copyWithout(ctx, f, p, hits, stage)
	if err != nil {
		return errors.Join(err, l.fs.Remove(stage))
	}
	if err := l.reworded(f.path, w); err != nil {
		return err
	}
	if err := l.fs.Rename(stage, f.path); err != nil {
		return err
	}
	return l.fs.SyncDir(filepath.Dir(f.path))
}

// copyWithout writes to the stage what the file is without the person.
func (l *Lake) copyWithout(ctx context.Context, f personalFile, p *ParquetFile, hits []hit, stage string) (_ *fileWriter, err error) {
	columns, err := p.rewritable()
	if err != nil {
		return nil, err
	}
	w, err := createFile(stage, "regulars", columns)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.abandon()) }()
	blanked := "referrer_id"
	if f.quarantined {
		blanked = "raw"
	}
	_, all := p.readable()
	at := p.index(blanked)
	err = eachJudged(ctx, p, all, hits, func(row data.Row, v verdict) error {
		switch {
		case v == drop:
			return nil
		case v == blank && f.quarantined:
			row[at] = data.String("")
		case v == blank:
			row[at] = data.Null
		}
		return w.write([]data.Row{row})
	})
	if err != nil {
		return nil, err
	}
	return w, w.close(l)
}

// rewritable returns all columns as they are written. One that cannot be read
// would be lost for everybody, so that it is an error.
func (p *ParquetFile) rewritable() ([]data.Column, error) {
	var out []data.Column
	for _, c := range p.columns {
		if c.decode == nil {
			return nil, fmt.Errorf("%s: column %q is %s, which cannot be written anew: take the column out of the file", p.path, c.Name, c.Type)
		}
		column := p.file.Root().Column(c.Name)
		out = append(out, data.Column{Name: c.Name, Kind: c.Kind, Required: column != nil && !column.Optional()})
	}
	return out, nil
}

// reworded notes in the journal of the import that brought a file what it is now.
func (l *Lake) reworded(path string, w *fileWriter) error {
	rel, err := filepath.Rel(l.workspace, path)
	if err != nil {
		return err
	}
	names, err := l.journalNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		j, err := l.readJournal(name)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(j.Files, func(f journalFile) bool { return f.To == filepath.ToSlash(rel) })
		if i < 0 {
			continue
		}
		j.Files[i].Rows, j.Files[i].SHA256 = w.rows, w.checksum()
		return l.writeJournal(l.dir(journalDir, name), j)
	}
	return nil // another program's file
}

// erasedFrom says of every row that comes in whether it is of somebody who was erased.
type erasedFrom struct {
	has                            func(id string) bool // nil: nobody was
	user, session, alias, referrer int                  // columns, -1: not there
}

func newErasedFrom(s data.Schema, has func(string) bool) erasedFrom {
	return erasedFrom{has: has, user: s.Index("user_id"), session: s.Index("session_id"), alias: s.Index("alias"), referrer: s.Index("referrer_id")}
}

// refuses reports whether the row must not be taken in. From a row of somebody
// else it takes the reference to who was erased.
func (e erasedFrom) refuses(row data.Row) bool {
	if e.has == nil {
		return false
	}
	named := func(column int) bool {
		return column >= 0 && column < len(row) && row[column].Kind() == data.KindString && e.has(row[column].Str())
	}
	if named(e.user) || named(e.alias) || named(e.session) {
		return true
	}
	if named(e.referrer) {
		row[e.referrer] = data.Null
	}
	return false
}

// Refuse has every later import ask list, when it begins, who was erased: their
// rows are not taken in. list may return nil for nobody.
func (l *Lake) Refuse(list func() (has func(id string) bool, err error)) { l.erased = list }

// erasedNow returns who was erased.
func (l *Lake) erasedNow() (func(string) bool, error) {
	if l.erased == nil {
		return nil, nil
	}
	has, err := l.erased()
	if err != nil {
		return nil, fmt.Errorf("reading who was erased: %w", err)
	}
	if has == nil {
		return nil, nil
	}
	return remembering(has), nil
}

// rememberedIDs bounds how many answers are kept: hashing an id costs more than
// reading its row.
const rememberedIDs = 1 << 16

func remembering(has func(string) bool) func(string) bool {
	known := map[string]bool{}
	return func(id string) bool {
		answer, ok := known[id]
		if !ok {
			if len(known) >= rememberedIDs {
				clear(known)
			}
			answer = has(id)
			known[id] = answer
		}
		return answer
	}
}
