package events

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"regulars/data"
	"regulars/data/lake"
)

const (
	// contactWait is how long a contact waits for what becomes of it: the lake
	// keeps the first word on it.
	contactWait = 24 * time.Hour
	// refusalWait is for how long at least it is kept beside the lake who unsubscribed:
	// until a scoring has taken it in, audiences hear of it from here.
	refusalWait = 30 * 24 * time.Hour
	// flushRows is how many rows go to the lake, or are marked, at a time: those
	// who take in wait for a marking.
	flushRows = 2_000
)

// Flush sends to the lake what it has not got, in one import, and then deletes
// what it has got and arrived longer than keep ago. The caller holds the
// workspace's lock. Killed at any point it may be repeated: rows are marked after
// the import is committed, and the lake knows those again that it has.
//
//   - Events go with the customer their session is known to belong to by now.
//   - Purchases with order_id, item_id and unit_price become order lines, as soon
//     as their customer is known.
//   - A contact goes a day after its ts, or at once where nothing more can become
//     of it: it was withheld, or it bounced. Who unsubscribed, however late, refuses
//     the channel from then on: that goes as a consent.
//   - Of an item goes one row, valid from its latest update: that of the lake,
//     with what was told since.
//   - Links of aliases go; those of sessions stay here.
func (db *DB) Flush(ctx context.Context, l *lake.Lake, now time.Time, keep time.Duration) (lake.Report, error) {
	report, err := db.flush(ctx, l, now)
	if err != nil {
		return report, fmt.Errorf("sending the event log to the lake: %w", err)
	}
	if err := db.expire(ctx, now.Add(-keep).UnixMicro(), now.Add(-max(keep, refusalWait)).UnixMicro()); err != nil {
		return report, fmt.Errorf("deleting old events: %w", err)
	}
	return report, nil
}

func (db *DB) flush(ctx context.Context, l *lake.Lake, now time.Time) (_ lake.Report, err error) {
	im, err := l.Begin()
	if err != nil {
		return lake.Report{}, err
	}
	defer func() { err = errors.Join(err, im.Abort()) }()
	f := &flush{ctx: ctx, lake: l, im: im, now: now}
	if err := f.read(db); err != nil {
		return lake.Report{}, err
	}
	report, err := im.Commit()
	if err != nil {
		return lake.Report{}, err
	}
	return report, f.mark(db)
}

// flush is one import in the making.
type flush struct {
	ctx  context.Context
	lake *lake.Lake
	im   *lake.Import
	now  time.Time
	tx   *sql.Tx // reads one state of the file

	done []mark
}

// mark is a change to a row that says that the lake has it. It changes nothing
// where the row has changed since.
type mark struct {
	change string
	args   []any
}

// read writes everything to the import, from one state of the file.
func (f *flush) read(db *DB) (err error) {
	if f.tx, err = db.sql.BeginTx(f.ctx, &sql.TxOptions{ReadOnly: true}); err != nil {
		return explain(err)
	}
	defer func() { err = errors.Join(err, ignoreDone(f.tx.Rollback())) }()
	for _, part := range []func() error{f.events, f.orders, f.contacts, f.refusals, f.links, f.items} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// who is the customer of an event: whom it names, or to whom its session belongs.
const (
	who        = "coalesce(e.user_id, k.user_id)"
	fromEvents = " FROM events e LEFT JOIN links k ON e.user_id IS NULL AND k.source = '" + sessionSource + "' AND k.alias = e.session_id"
)

func (f *flush) events() error {
	s := contract(data.Events)
	return f.table(s, selected(s, nil)+fromEvents+" WHERE e.flushed = 0 ORDER BY e.seq", "UPDATE events SET flushed = 1 WHERE seq = ?1")
}

func (f *flush) orders() error {
	return f.table(orderSchema, selected(orderSchema, map[string]string{"is_return": "coalesce(e.is_return, 0)"})+fromEvents+
		" WHERE e.ordered = 0 AND "+who+" IS NOT NULL ORDER BY e.seq", "UPDATE events SET ordered = 1 WHERE seq = ?1")
}

// selected returns the beginning of a query: what marks a row, and its columns.
func selected(s data.Schema, instead map[string]string) string {
	list := []string{"e.seq"}
	for _, c := range s.Columns {
		switch expression, ok := instead[c.Name]; {
		case ok:
			list = append(list, expression)
		case c.Name == "user_id":
			list = append(list, who)
		default:
			list = append(list, "e."+c.Name)
		}
	}
	return "SELECT " + strings.Join(list, ", ")
}

func (f *flush) contacts() error {
	s := contract(data.Contacts)
	return f.table(s, "SELECT rowid, "+strings.Join(s.ColumnNames(), ", ")+" FROM contacts WHERE "+dueContacts(f.now)+" ORDER BY ts, contact_id",
		"UPDATE contacts SET flushed = 1 WHERE rowid = ?1")
}

// dueContacts is the condition under which a contact goes to the lake.
func dueContacts(now time.Time) string {
	return fmt.Sprintf("flushed = 0 AND (ts <= %d OR arm = 'control' OR bounced_at IS NOT NULL)", now.Add(-contactWait).UnixMicro())
}

// newRefusals is the condition under which a contact tells a refusal that the lake
// does not know of.
const newRefusals = "unsubscribed_at IS NOT NULL AND refusal_flushed = 0"

func (f *flush) refusals() error {
	return f.table(contract(data.Consents), "SELECT rowid, user_id, channel, 0, unsubscribed_at FROM contacts WHERE "+newRefusals+" ORDER BY rowid",
		"UPDATE contacts SET refusal_flushed = 1 WHERE rowid = ?1 AND unsubscribed_at = ?2", "ts")
}

func (f *flush) links() error {
	s := contract(data.Identities)
	return f.table(s, "SELECT seq, source, alias, user_id, ts FROM links WHERE flushed = 0 AND source <> '"+sessionSource+"' ORDER BY seq",
		"UPDATE links SET flushed = 1 WHERE seq = ?1")
}

// table sends the rows of a query, whose first column says by which number a
// row is marked afterwards, with the values sent of some columns.
func (f *flush) table(s data.Schema, query, change string, with ...string) error {
	rows, err := f.tx.QueryContext(f.ctx, query)
	if err != nil {
		return explain(err)
	}
	out := &sender{im: f.im, schema: s}
	err = scan(rows, func(rows *sql.Rows) error {
		var number int64
		row := make(data.Row, len(s.Columns))
		if err := rows.Scan(append([]any{&number}, cells(s.Columns, row)...)...); err != nil {
			return err
		}
		args := []any{number}
		for _, name := range with {
			args = append(args, argument(row[s.Index(name)]))
		}
		f.done = append(f.done, mark{change, args})
		return out.add(row)
	})
	if err != nil {
		return err
	}
	return out.send()
}

// sender gives rows to the import, many at a time.
type sender struct {
	im     *lake.Import
	schema data.Schema
	rows   []data.Row
	sent   int64
}

func (s *sender) add(row data.Row) error {
	s.rows = append(s.rows, row)
	if len(s.rows) < flushRows {
		return nil
	}
	return s.send()
}

func (s *sender) send() error {
	if len(s.rows) == 0 {
		return nil
	}
	err := s.im.Write(lake.Batch{Schema: s.schema, Source: FileName, First: s.sent + 1, Rows: s.rows})
	s.sent += int64(len(s.rows))
	s.rows = s.rows[:0]
	return err
}

// items sends one row of each item that something was told of.
func (f *flush) items() error {
	news, err := f.news()
	if err != nil || len(news) == 0 {
		return err
	}
	schema, err := f.catalogue(news)
	if err != nil {
		return err
	}
	out := &sender{im: f.im, schema: schema}
	for _, n := range news {
		row := n.row(schema)
		f.done = append(f.done, mark{"UPDATE items SET flushed_seq = ?1, flushed_at = ?2 WHERE item_id = ?3", []any{n.seq, n.validFrom, n.id}})
		if err := out.add(row); err != nil {
			return err
		}
	}
	return out.send()
}

// news is an item of which something was told since the lake got it last.
type news struct {
	itemState
	validFrom int64
	before    data.Row // its newest row in the lake; nil where it has none
	since     int64    // from when that is valid
}

func (f *flush) news() ([]*news, error) {
	rows, err := f.tx.QueryContext(f.ctx, "SELECT "+itemStateColumns+", flushed_at FROM items WHERE seq > flushed_seq ORDER BY item_id")
	if err != nil {
		return nil, explain(err)
	}
	var out []*news
	err = scan(rows, func(rows *sql.Rows) error {
		n := &news{}
		var flushedAt int64
		if err := rows.Scan(append(n.scan(), &flushedAt)...); err != nil {
			return err
		}
		// Later than what the lake has, even where the news came late.
		n.validFrom = max(n.latest(), flushedAt+1)
		out = append(out, n)
		return nil
	})
	return out, err
}

// catalogue finds the row of each item that its news add to: of those valid by
// then the newest, as the lake orders them. It returns the columns of the table.
func (f *flush) catalogue(list []*news) (schema data.Schema, err error) {
	byID := make(map[string]*news, len(list))
	for _, n := range list {
		byID[n.id] = n
	}
	r, schema, err := f.lake.Reader(data.Items)
	if err != nil {
		return schema, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	id, from := schema.Index("item_id"), schema.Index("valid_from")
	rows := make([]data.Row, flushRows)
	for {
		got, err := r.Read(rows)
		if errors.Is(err, io.EOF) {
			return schema, nil
		}
		if err != nil {
			return schema, err
		}
		for _, row := range rows[:got] {
			if n := byID[row[id].Str()]; n != nil {
				n.offer(row, row[from])
			}
		}
	}
}

// offer takes a row of the lake as what came before, if it is the newest so far.
func (n *news) offer(row data.Row, from data.Value) {
	since := int64(math.MinInt64)
	if !from.IsNull() {
		since = from.Micros()
	}
	if since > n.validFrom || n.before != nil && since < n.since {
		return
	}
	n.before, n.since = slices.Clone(row), since
}

// row is the item as it is from now on.
func (n *news) row(s data.Schema) data.Row {
	row := make(data.Row, len(s.Columns))
	copy(row, n.before)
	row[s.Index("item_id")] = data.String(n.id)
	row[s.Index("valid_from")] = data.Micros(n.validFrom)
	for i, name := range []string{"in_stock", "price", "available_from"} {
		// What the lake was told later stands.
		if told := n.told[i]; told.Valid && n.at[i].Int64 >= n.since {
			c := s.Index(name)
			row[c] = whole(s.Columns[c].Kind, told.Int64)
		}
	}
	return row
}

// mark says of everything sent that the lake has it, some at a time.
func (f *flush) mark(db *DB) error {
	for some := range slices.Chunk(f.done, flushRows) {
		err := db.inTx(f.ctx, func(tx *sql.Tx) error {
			prepared := map[string]*sql.Stmt{}
			for _, m := range some {
				if prepared[m.change] == nil {
					s, err := tx.PrepareContext(f.ctx, m.change)
					if err != nil {
						return err
					}
					defer s.Close()
					prepared[m.change] = s
				}
				if _, err := prepared[m.change].ExecContext(f.ctx, m.args...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// expire deletes what the lake has and arrived before an instant; of a contact whose
// customer unsubscribed, where that was told before another. Events come in the order
// of their numbers, so that the search ends at the first that stays.
func (db *DB) expire(ctx context.Context, before, refusals int64) error {
	const oldEvents = `DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE flushed = 1 AND
		seq < coalesce((SELECT seq FROM events WHERE received >= ?1 ORDER BY seq LIMIT 1), 9223372036854775807) ORDER BY seq LIMIT ?2)`
	for deleted := int64(flushRows); deleted == flushRows; {
		err := db.inTx(ctx, func(tx *sql.Tx) (err error) {
			deleted, err = changed(tx.ExecContext(ctx, oldEvents, before, flushRows))
			return err
		})
		if err != nil {
			return err
		}
	}
	return db.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM contacts WHERE flushed = 1 AND NOT ("+newRefusals+") AND received < ? AND "+
			"(unsubscribed_at IS NULL OR coalesce(unsubscribed_told, unsubscribed_at) < ?)", before, refusals); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM links WHERE (flushed = 1 OR source = ?) AND received < ?", sessionSource, before)
		return err
	})
}

func changed(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
