package frame

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"regulars/data"
	"regulars/data/ingest"
)

// Options of Read.
type Options struct {
	// Like gives the columns to read and their kinds; nil = every column, its
	// kind as the file says. Without one of them the file is refused.
	Like []Column
	// Like's file, for messages.
	LikePath string
	Progress func(done, total int64) // rows; may be nil
}

// Read reads a file. Empty cells are missing, and so are NaN, and of a column
// of numbers, truth values or times in text the words of missingWords. An
// infinite number, a cell that is not of the kind of its column, a missing
// column, a damaged file and a file without a row are errors that name the file
// and the place. Rows that cannot be split into cells are left out and counted.
func Read(ctx context.Context, path string, o Options) (*Table, error) {
	r := &reader{ctx: ctx, path: path, o: o, out: &Table{Path: path}}
	if o.Like == nil {
		if err := r.pass(r.infer); err != nil {
			return nil, err
		}
	}
	if err := r.pass(r.load); err != nil {
		return nil, err
	}
	if r.out.Rows == 0 {
		return nil, fmt.Errorf("%s has no rows%s", path, leftText(r.out.Left))
	}
	return r.out, nil
}

func leftText(l Left) string {
	if len(l.Examples) == 0 {
		return ""
	}
	return fmt.Sprintf(" that can be used; row %d: %s", l.Examples[0].Number, l.Examples[0].Reason)
}

type reader struct {
	ctx   context.Context
	path  string
	o     Options
	out   *Table
	kinds []Kind // of the columns of a file without types; nil: the file says them
}

// pass opens the file, lets work go through it and closes it.
func (r *reader) pass(work func(*ingest.Table) error) (err error) {
	file, err := ingest.OpenTable(r.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return work(file)
}

// batches calls use for every batch of rows.
func (r *reader) batches(file *ingest.Table, use func(ingest.Rows) error) error {
	for {
		if err := r.ctx.Err(); err != nil {
			return fmt.Errorf("reading %s: %w", r.path, err)
		}
		b, err := file.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := use(b); err != nil {
			return err
		}
	}
}

// missingWords stand for nothing in a column that is otherwise no text.
var missingWords = []string{"na", "n/a", "nan", "null", "none", "?"}

func isMissing(s string) bool {
	return s == "" || slices.Contains(missingWords, strings.ToLower(s))
}

// guess narrows down what the cells of a text column can all be read as.
type guess struct {
	seen               bool
	notNumber, notBool bool
	notTime            bool
	toTime             func(data.Value) (data.Value, error)
}

func (g *guess) look(v data.Value) {
	if v.IsNull() || g.notNumber && g.notBool && g.notTime {
		return
	}
	s := strings.TrimSpace(v.Str())
	if isMissing(s) {
		return
	}
	g.seen = true
	if !g.notNumber {
		_, err := strconv.ParseFloat(s, 64)
		g.notNumber = err != nil && !errors.Is(err, strconv.ErrRange)
	}
	if !g.notBool {
		_, ok := truth(s)
		g.notBool = !ok
	}
	if !g.notTime {
		t, err := g.toTime(v)
		g.notTime = err != nil || t.IsNull()
	}
}

func (g *guess) kind() Kind {
	switch {
	case !g.notNumber || !g.seen:
		return Number
	case !g.notBool:
		return Bool
	case !g.notTime:
		return Time
	}
	return Text
}

func truth(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

// infer finds out what the columns of a CSV file hold; a Parquet file says it.
func (r *reader) infer(file *ingest.Table) error {
	if file.Typed() {
		return nil
	}
	var guesses []guess
	for i := range file.Columns() {
		toTime, err := file.Converter(i, data.KindTime)
		if err != nil {
			return err
		}
		guesses = append(guesses, guess{toTime: toTime})
	}
	err := r.batches(file, func(b ingest.Rows) error {
		for _, row := range b.Rows {
			for j := range guesses {
				guesses[j].look(row[j])
			}
		}
		return nil
	})
	for j := range guesses {
		r.kinds = append(r.kinds, guesses[j].kind())
	}
	return err
}

// kindOf is what column i of the file is read as; ok is false when it cannot be.
func (r *reader) kindOf(file *ingest.Table, i int) (k Kind, ok bool) {
	if r.kinds != nil {
		return r.kinds[i], true
	}
	switch file.Kind(i) {
	case data.KindInt, data.KindFloat, data.KindMoney:
		return Number, true
	case data.KindBool:
		return Bool, true
	case data.KindTime:
		return Time, true
	case data.KindString:
		return Text, true
	}
	return 0, false
}

// load reads the cells.
func (r *reader) load(file *ingest.Table) error {
	fillers, err := r.plan(file)
	if err != nil {
		return err
	}
	places := make([]int, len(fillers))
	for j, f := range fillers {
		places[j] = max(0, f.place)
	}
	if err := file.Select(places); err != nil {
		return err
	}
	read := int64(0)
	err = r.batches(file, func(b ingest.Rows) error {
		r.out.Left.add(b.Bad)
		for i, row := range b.Rows {
			for _, f := range fillers {
				if err := f.add(row); err != nil {
					return fmt.Errorf("%s: row %d, column %q: %w%s", r.path, b.Numbers[i], f.name, err, f.because)
				}
			}
			r.out.Row = append(r.out.Row, b.Numbers[i])
		}
		read += int64(len(b.Rows) + len(b.Bad))
		if r.o.Progress != nil {
			r.o.Progress(read, max(read, file.Estimate()))
		}
		return nil
	})
	r.out.Rows = len(r.out.Row)
	for _, f := range fillers {
		r.out.Columns = append(r.out.Columns, f.column)
	}
	return err
}

func (r *reader) plan(file *ingest.Table) ([]*filler, error) {
	if r.o.Like != nil {
		return r.planLike(file)
	}
	var out []*filler
	r.out.Ignored = file.Ignored()
	for i, name := range names(file) {
		kind, ok := r.kindOf(file, i)
		if !ok {
			r.out.Ignored = append(r.out.Ignored, name)
			continue
		}
		f, err := newFiller(file, i, name, kind)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no column that can be read", r.path)
	}
	return out, nil
}

// names are the headers; a column without one is called by its place.
func names(file *ingest.Table) []string {
	out := slices.Clone(file.Columns())
	for i, name := range out {
		if name == "" {
			out[i] = "column " + strconv.Itoa(i+1)
		}
	}
	return out
}

// planLike finds the wanted columns and reads them as the kinds that are wanted.
func (r *reader) planLike(file *ingest.Table) ([]*filler, error) {
	var out []*filler
	var lacking []string
	for _, c := range r.o.Like {
		i := find(names(file), c.Name)
		if i < 0 && slices.Contains(file.Void(), c.Name) {
			out = append(out, newEmptyFiller(c))
			continue
		}
		if i < 0 {
			lacking = append(lacking, c.Name)
			continue
		}
		f, err := newFiller(file, i, c.Name, c.Kind)
		if err != nil {
			return nil, fmt.Errorf("%w; in %s it is %s", err, r.o.LikePath, c.Kind)
		}
		f.because = fmt.Sprintf(" (in %s the column is %s)", r.o.LikePath, c.Kind)
		out = append(out, f)
	}
	switch {
	case len(lacking) == 1:
		return nil, fmt.Errorf("%s has no column %s, which %s has; its columns are %s", r.path, lacking[0], r.o.LikePath, listed(file.Columns()))
	case len(lacking) > 1:
		return nil, fmt.Errorf("%s lacks the columns %s, which %s has; its columns are %s", r.path, listed(lacking), r.o.LikePath, listed(file.Columns()))
	}
	return out, nil
}

// listed joins names, the first twenty of them.
func listed(names []string) string {
	const most = 20
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// filler appends the cells of one place in the file to one column.
type filler struct {
	name    string
	place   int // −1: nowhere, the column is empty
	column  Column
	because string // behind the message of a cell that does not fit
	append  func(data.Value) error
	codes   map[string]int32
}

// add appends the cell of a row.
func (f *filler) add(row data.Row) error {
	if f.place < 0 {
		return f.append(data.Null)
	}
	return f.append(row[f.place])
}

// newEmptyFiller makes a column of nothing.
func newEmptyFiller(like Column) *filler {
	f := &filler{name: like.Name, place: -1, column: Column{Name: like.Name, Kind: like.Kind}}
	f.append = func(data.Value) error {
		if like.Kind == Text {
			f.column.Code = append(f.column.Code, -1)
		} else {
			f.column.Number = append(f.column.Number, math.NaN())
		}
		return nil
	}
	return f
}

func newFiller(file *ingest.Table, place int, name string, kind Kind) (*filler, error) {
	f := &filler{name: name, place: place, column: Column{Name: name, Kind: kind}}
	if kind == Text {
		toText, err := file.Converter(place, data.KindString)
		if err != nil {
			return nil, err
		}
		f.codes = map[string]int32{}
		f.append = func(v data.Value) error { return f.addText(v, toText) }
		return f, nil
	}
	number, err := numberOf(file, place, kind)
	if err != nil {
		return nil, err
	}
	f.append = func(v data.Value) error {
		x, err := number(v)
		f.column.Number = append(f.column.Number, x)
		return err
	}
	return f, nil
}

func (f *filler) addText(v data.Value, toText func(data.Value) (data.Value, error)) (err error) {
	if !v.IsNull() {
		v, err = toText(v)
	}
	if err != nil || v.IsNull() { // a NaN has no text
		f.column.Code = append(f.column.Code, -1)
		return nil
	}
	code, ok := f.codes[v.Str()]
	if !ok {
		code = int32(len(f.column.Levels))
		f.codes[v.Str()] = code
		f.column.Levels = append(f.column.Levels, v.Str())
	}
	f.column.Code = append(f.column.Code, code)
	return nil
}

const microsPerDay = 24 * 60 * 60 * 1e6

// numberOf returns how a value of one place becomes a number, NaN = missing.
func numberOf(file *ingest.Table, place int, kind Kind) (func(data.Value) (float64, error), error) {
	from := file.Kind(place)
	fits := from == data.KindString || kind == Time && from == data.KindTime ||
		kind != Time && slices.Contains([]data.Kind{data.KindInt, data.KindFloat, data.KindMoney, data.KindBool}, from)
	if !fits {
		return nil, fmt.Errorf("%s: column %q is a %s, which cannot be read as %s", file.Path(), file.Columns()[place], from, kind)
	}
	if kind == Time {
		toTime, err := file.Converter(place, data.KindTime)
		return func(v data.Value) (float64, error) { return timeNumber(v, toTime) }, err
	}
	return plainNumber, nil
}

func timeNumber(v data.Value, toTime func(data.Value) (data.Value, error)) (float64, error) {
	if v.IsNull() || v.Kind() == data.KindString && isMissing(strings.TrimSpace(v.Str())) {
		return math.NaN(), nil
	}
	t, err := toTime(v)
	if err != nil {
		return 0, fmt.Errorf("%s %w", shown(v), err)
	}
	if t.IsNull() {
		return math.NaN(), nil
	}
	return float64(t.Micros()) / microsPerDay, nil
}

func plainNumber(v data.Value) (float64, error) {
	x := math.NaN()
	switch v.Kind() {
	case data.KindInt:
		x = float64(v.Int())
	case data.KindFloat:
		x = v.Float()
	case data.KindMoney:
		x = v.Money().Float()
	case data.KindBool:
		x = oneIf(v.Bool())
	case data.KindString:
		return textNumber(strings.TrimSpace(v.Str()))
	}
	if math.IsInf(x, 0) {
		return 0, errInfinite
	}
	return x, nil
}

var errInfinite = errors.New("the number is infinite: it must be finite or missing")

func textNumber(s string) (float64, error) {
	if isMissing(s) {
		return math.NaN(), nil
	}
	if value, ok := truth(s); ok {
		return oneIf(value), nil
	}
	x, err := strconv.ParseFloat(s, 64)
	switch {
	case math.IsInf(x, 0):
		return 0, errInfinite
	case err != nil:
		return 0, fmt.Errorf("%s is not a number", shown(data.String(s)))
	}
	return x, nil
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// shown quotes a cell, the start of a long one.
func shown(v data.Value) string {
	const most = 40
	s := []rune(v.Str())
	if len(s) > most {
		s = append(s[:most], '…')
	}
	return strconv.Quote(string(s))
}
