package interactions

import (
	"context"
	"errors"
	"fmt"
	"math"

	"regulars/data"
	"regulars/data/ingest"
)

// Table holds the usable rows of one file, by column. User, Item and Order are
// codes: places in the lists of ids.
type Table struct {
	Path         string
	Users, Items []string // ids by code, in the order of their first row
	User, Item   []int32
	Day          []int32   // days since 1970-01-01 UTC; nil: the file has no ts
	Order        []int32   // -1 = no order; nil: the file has no order_id
	Weight       []float32 // finite, above 0; nil: the file has no weight
	Read         int64     // rows of the file; those not here are in Quarantine
	Quarantine   Quarantine
}

// Quarantine says which rows of a file were left out.
type Quarantine struct {
	File     string           `json:"file"`
	Rows     int64            `json:"rows"`
	Reasons  map[string]int64 `json:"reasons"`  // rows by reason
	Examples []Example        `json:"examples"` // the first few
}

// Example is a row that was left out.
type Example struct {
	Row    int64  `json:"row"` // from 1, the header not counted
	Reason string `json:"reason"`
}

// examples is how many rows are shown.
const examples = 5

func (q *Quarantine) add(row int64, reason string) {
	if q.Reasons == nil {
		q.Reasons = map[string]int64{}
	}
	q.Rows++
	q.Reasons[reason]++
	if len(q.Examples) < examples {
		q.Examples = append(q.Examples, Example{row, reason})
	}
}

// Read reads a file with the columns user_id and item_id and, where it has
// them, ts, order_id and weight; others are not looked at. ts is a timestamp, a
// date, a text of one of ingest.TimeFormats, a number such as 20111208, a count of days, or a number
// of seconds since 1970 — or, from 1e11, 1e14 and 1e17 on, of milliseconds,
// microseconds and nanoseconds — not before 1990.
// progress may be nil.
//
// A row without user or item, with a weight that is not a finite number above 0,
// or with a ts that is none, goes to the quarantine. A column that is missing or
// of an impossible type, a damaged file, and a file that leaves no row are
// errors that name it.
func Read(ctx context.Context, path string, progress func(done, total int64)) (_ *Table, err error) {
	file, err := ingest.OpenTable(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := &reader{file: file, out: &Table{Path: path, Quarantine: Quarantine{File: path}}}
	if err := r.plan(); err != nil {
		return nil, err
	}
	if r.out.Read, err = readRows(ctx, r.file, &r.out.Quarantine, r.row, progress); err != nil {
		return nil, err
	}
	return r.out, checkAny(path, r.out.Read, len(r.out.User), r.out.Quarantine)
}

type convert = func(data.Value) (data.Value, error)

// reader holds, for each column, its place in the file and how it is read.
type reader struct {
	file                           *ingest.Table
	out                            *Table
	user, item, ts, order, weight  int // -1 = absent
	toUser, toItem, toOrder, toNum convert
	toDay                          func(data.Value) (int32, error)
	users, items, orders           map[string]int32
}

func (r *reader) plan() (err error) {
	r.users, r.items, r.orders = map[string]int32{}, map[string]int32{}, map[string]int32{}
	if r.user, err = r.file.Require("user_id"); err != nil {
		return err
	}
	if r.item, err = r.file.Require("item_id"); err != nil {
		return err
	}
	r.ts, r.order, r.weight = r.file.Find("ts"), r.file.Find("order_id"), r.file.Find("weight")
	if r.toUser, err = r.file.Converter(r.user, data.KindString); err != nil {
		return err
	}
	if r.toItem, err = r.file.Converter(r.item, data.KindString); err != nil {
		return err
	}
	if r.ts >= 0 {
		if r.toDay, err = dayReader(r.file, r.ts); err != nil {
			return err
		}
		r.out.Day = []int32{}
	}
	if r.order >= 0 {
		if r.toOrder, err = r.file.Converter(r.order, data.KindString); err != nil {
			return err
		}
		r.out.Order = []int32{}
	}
	if r.weight >= 0 {
		if r.toNum, err = r.file.Converter(r.weight, data.KindFloat); err != nil {
			return err
		}
		r.out.Weight = []float32{}
	}
	return r.file.Select([]int{r.user, r.item, r.ts, r.order, r.weight})
}

// row appends a row to every column, or says why it cannot be used.
func (r *reader) row(row data.Row) error {
	user, err := text(row[r.user], r.toUser, "user_id")
	if err != nil {
		return err
	}
	item, err := text(row[r.item], r.toItem, "item_id")
	if err != nil {
		return err
	}
	day, err := r.day(row)
	if err != nil {
		return err
	}
	weight, err := r.weightOf(row)
	if err != nil {
		return err
	}
	order, err := r.orderOf(row)
	if err != nil {
		return err
	}
	t := r.out
	t.User = append(t.User, code(r.users, &t.Users, user))
	t.Item = append(t.Item, code(r.items, &t.Items, item))
	if t.Day != nil {
		t.Day = append(t.Day, day)
	}
	if t.Weight != nil {
		t.Weight = append(t.Weight, weight)
	}
	if t.Order != nil {
		t.Order = append(t.Order, order)
	}
	return nil
}

// text reads an id.
func text(v data.Value, to convert, column string) (string, error) {
	if !v.IsNull() {
		var err error
		if v, err = to(v); err != nil {
			return "", fmt.Errorf("%s %w", column, err)
		}
	}
	if v.IsNull() {
		return "", fmt.Errorf("%s is empty", column)
	}
	return v.Str(), nil
}

// code returns the place of an id, a new one at the end.
func code(known map[string]int32, ids *[]string, id string) int32 {
	c, ok := known[id]
	if !ok {
		c = int32(len(*ids))
		known[id] = c
		*ids = append(*ids, id)
	}
	return c
}

func (r *reader) day(row data.Row) (int32, error) {
	if r.ts < 0 {
		return 0, nil
	}
	if row[r.ts].IsNull() {
		return 0, errors.New("ts is empty")
	}
	return r.toDay(row[r.ts])
}

var errWeight = errors.New("weight is not a finite number above 0")

func (r *reader) weightOf(row data.Row) (float32, error) {
	if r.weight < 0 {
		return 1, nil
	}
	v := row[r.weight]
	if !v.IsNull() {
		var err error
		if v, err = r.toNum(v); err != nil {
			return 0, errWeight
		}
	}
	if v.IsNull() {
		return 0, errors.New("weight is empty")
	}
	if w := v.Float(); !(w > 0) || w > math.MaxFloat32 || float32(w) == 0 {
		return 0, errWeight
	}
	return float32(v.Float()), nil
}

// orderOf returns the code of the row's order; a row may belong to none.
func (r *reader) orderOf(row data.Row) (int32, error) {
	if r.order < 0 || row[r.order].IsNull() {
		return -1, nil
	}
	v, err := r.toOrder(row[r.order])
	if err != nil {
		return 0, fmt.Errorf("order_id %w", err)
	}
	if v.IsNull() {
		return -1, nil
	}
	c, ok := r.orders[v.Str()]
	if !ok {
		c = int32(len(r.orders))
		r.orders[v.Str()] = c
	}
	return c, nil
}
