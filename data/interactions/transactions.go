package interactions

import (
	"context"
	"errors"
	"math"

	"regulars/data"
	"regulars/data/ingest"
)

// Transactions holds the usable rows of a file of who bought when, by column.
// Customer is a code: a place in the list of ids.
type Transactions struct {
	Path       string
	Customers  []string // ids by code, in the order of their first row
	Customer   []int32
	Day        []int32   // since 1970-01-01 UTC
	Amount     []float64 // finite, at least 0; nil: the file has no amount
	Read       int64     // rows of the file; those not here are in Quarantine
	Quarantine Quarantine
}

// ReadTransactions reads a file with the columns customer_id and date and, where
// it has it, amount; others are not looked at. A date is whatever Read takes for
// a ts. progress may be nil.
//
// A row without customer, with a date that is none, or with an amount that is
// missing, below 0 (a return is no order) or not finite goes to the quarantine. A
// column that is missing or of an impossible type, a damaged file, and a file
// that leaves no row are errors that name it.
func ReadTransactions(ctx context.Context, path string, progress func(done, total int64)) (_ *Transactions, err error) {
	file, err := ingest.OpenTable(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := &transactionReader{file: file, known: map[string]int32{}, out: &Transactions{Path: path, Quarantine: Quarantine{File: path}}}
	if err := r.plan(); err != nil {
		return nil, err
	}
	if r.out.Read, err = readRows(ctx, r.file, &r.out.Quarantine, r.row, progress); err != nil {
		return nil, err
	}
	return r.out, checkAny(path, r.out.Read, len(r.out.Customer), r.out.Quarantine)
}

type transactionReader struct {
	file                   *ingest.Table
	out                    *Transactions
	customer, date, amount int // -1 = absent
	toID, toNumber         convert
	toDay                  func(data.Value) (int32, error)
	known                  map[string]int32
}

func (r *transactionReader) plan() (err error) {
	if r.customer, err = r.file.Require("customer_id"); err != nil {
		return err
	}
	if r.date, err = r.file.Require("date"); err != nil {
		return err
	}
	r.amount = r.file.Find("amount")
	if r.toID, err = r.file.Converter(r.customer, data.KindString); err != nil {
		return err
	}
	if r.toDay, err = dayReader(r.file, r.date); err != nil {
		return err
	}
	if r.amount >= 0 {
		if r.toNumber, err = r.file.Converter(r.amount, data.KindFloat); err != nil {
			return err
		}
		r.out.Amount = []float64{}
	}
	return r.file.Select([]int{r.customer, r.date, r.amount})
}

// row appends a row to every column, or says why it cannot be used.
func (r *transactionReader) row(row data.Row) error {
	customer, err := text(row[r.customer], r.toID, "customer_id")
	if err != nil {
		return err
	}
	day, err := r.day(row[r.date])
	if err != nil {
		return err
	}
	amount, err := r.amountOf(row)
	if err != nil {
		return err
	}
	t := r.out
	t.Customer = append(t.Customer, code(r.known, &t.Customers, customer))
	t.Day = append(t.Day, day)
	if t.Amount != nil {
		t.Amount = append(t.Amount, amount)
	}
	return nil
}

var errDate = errors.New("date is not " + dayForms)

func (r *transactionReader) day(v data.Value) (int32, error) {
	if v.IsNull() {
		return 0, errors.New("date is empty")
	}
	day, err := r.toDay(v)
	if err != nil {
		return 0, errDate
	}
	return day, nil
}

var errAmount = errors.New("amount is not a finite number")

func (r *transactionReader) amountOf(row data.Row) (float64, error) {
	if r.amount < 0 {
		return 0, nil
	}
	v := row[r.amount]
	if !v.IsNull() {
		var err error
		if v, err = r.toNumber(v); err != nil {
			return 0, errAmount
		}
	}
	if v.IsNull() {
		return 0, errors.New("amount is empty")
	}
	switch a := v.Float(); {
	case math.IsNaN(a) || math.IsInf(a, 0):
		return 0, errAmount
	case a < 0:
		return 0, errors.New("amount is below 0: a return is no order")
	default:
		return a, nil
	}
}
