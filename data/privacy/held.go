package privacy

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
)

// Tell writes everything that is held of a person as one JSON object, and
// reports false, having written nothing, where that is nothing:
//
//	{"user_id":"…","ids":["…"],"erasures":[receipt,…],
//	 "held":[{"where":"lake/orders","rows":[{…},…]},…]}
//
// It holds one row at a time, whatever there is.
func (e *Eraser) Tell(ctx context.Context, id string, out io.Writer) (found bool, err error) {
	s, err := e.Who(ctx, id)
	if err != nil {
		return false, err
	}
	receipts, err := e.receiptsOf(ctx, id)
	if err != nil {
		return false, err
	}
	t := &teller{out: bufio.NewWriter(out)}
	t.head = func() error {
		text, err := json.Marshal(struct {
			UserID   string    `json:"user_id"`
			IDs      []string  `json:"ids"`
			Erasures []Receipt `json:"erasures"`
		}{id, s.IDs, receipts})
		if err != nil {
			return err
		}
		t.write(string(text[:len(text)-1]), `,"held":[`)
		return nil
	}
	if len(receipts) > 0 {
		if err := t.begin(); err != nil {
			return false, err
		}
	}
	for _, p := range e.Places {
		if err := p.Each(ctx, s, t.row); err != nil {
			return t.begun, err
		}
	}
	return t.begun, t.end()
}

func (e *Eraser) receiptsOf(ctx context.Context, id string) ([]Receipt, error) {
	list, err := e.DB.ErasuresOf(ctx, id)
	if err != nil {
		return nil, err
	}
	out := []Receipt{}
	for _, one := range list {
		r, err := ReceiptOf(one)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// teller writes rows as sections of one object. bufio keeps the first error.
type teller struct {
	out   *bufio.Writer
	head  func() error
	begun bool
	where string // of the section being written, "" none
}

func (t *teller) write(texts ...string) {
	for _, s := range texts {
		_, _ = t.out.WriteString(s) // end has the error
	}
}

func (t *teller) begin() error {
	if t.begun {
		return nil
	}
	t.begun = true
	return t.head()
}

func (t *teller) row(where, row string) error {
	if err := t.begin(); err != nil {
		return err
	}
	if where == t.where {
		_, err := t.out.WriteString("," + row) // an error here ends a long answer that nobody reads
		return err
	}
	if t.where != "" {
		t.write("]},")
	}
	name, err := json.Marshal(where)
	if err != nil {
		return err
	}
	t.where = where
	t.write(`{"where":`, string(name), `,"rows":[`, row)
	return nil
}

func (t *teller) end() error {
	if !t.begun {
		return nil
	}
	if t.where != "" {
		t.write("]}")
	}
	t.write("]}\n")
	return t.out.Flush()
}
