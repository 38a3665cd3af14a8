package events

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"
	"unique"

	"regulars/serving"
)

// mostLoaded is how many of the latest events are read at start: more than the
// trails that are kept would hold for long, in about a second.
const mostLoaded = 300_000

// load reads what the overlay holds from the file, in one state of it.
func (w *writer) load(ctx context.Context) error {
	var err error
	if w.version, err = w.fileVersion(ctx); err != nil {
		return err
	}
	var from seen
	row, err := w.row(ctx, "SELECT coalesce(max(seq), 0) FROM events")
	if err != nil {
		return err
	}
	if err := row.Scan(&from.events); err != nil {
		return err
	}
	from.events = max(0, from.events-mostLoaded)
	w.seen = from
	return w.read(ctx, from)
}

// read takes what is behind from into the overlay: who was erased first, links
// before the events of their sessions.
func (w *writer) read(ctx context.Context, from seen) error {
	for _, part := range []func(context.Context, seen) error{w.readErased, w.readUnsubscribed, w.readItems, w.readLinks, w.readEvents} {
		if err := part(ctx, from); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) readErased(ctx context.Context, from seen) error {
	fresh, err := w.erasedSince(ctx, from.erased)
	if err != nil {
		return err
	}
	row, err := w.row(ctx, "SELECT count(*) FROM erased")
	if err != nil {
		return err
	}
	var rows int
	if err := row.Scan(&rows); err != nil {
		return err
	}
	anew := w.erased+len(fresh) != rows // some may come back
	if anew {
		if fresh, err = w.erasedSince(ctx, 0); err != nil {
			return err
		}
		w.erased = 0
	}
	w.erased += len(fresh)
	w.overlay.forget(fresh, anew)
	return nil
}

func (w *writer) erasedSince(ctx context.Context, seq int64) (hashes []idHash, err error) {
	err = w.each(ctx, "SELECT seq, hash FROM erased WHERE seq > ? ORDER BY seq", []any{seq}, func(rows *sql.Rows) error {
		var hash []byte
		if err := rows.Scan(&w.seen.erased, &hash); err != nil {
			return err
		}
		hashes = append(hashes, idHash(hash)) // 32 bytes: see hashOf
		return nil
	})
	return hashes, err
}

// readUnsubscribed reads all of them: they are few, and rows change.
func (w *writer) readUnsubscribed(ctx context.Context, _ seen) error {
	return w.each(ctx, selectUnsubscribed, nil, func(rows *sql.Rows) error { return w.overlay.unsubscribed.scanOne(rows.Scan) })
}

func (w *writer) readItems(ctx context.Context, from seen) error {
	return w.each(ctx, "SELECT "+itemStateColumns+" FROM items WHERE seq > ? ORDER BY seq", []any{from.items}, func(rows *sql.Rows) error {
		var it itemState
		if err := rows.Scan(it.scan()...); err != nil {
			return err
		}
		w.seen.items = it.seq
		w.overlay.setItem(it.id, it.update())
		return nil
	})
}

func (w *writer) readLinks(ctx context.Context, from seen) error {
	return w.each(ctx, "SELECT seq, source, alias, user_id FROM links WHERE seq > ? ORDER BY seq", []any{from.links}, func(rows *sql.Rows) error {
		var source, alias, user string
		if err := rows.Scan(&w.seen.links, &source, &alias, &user); err != nil {
			return err
		}
		w.overlay.link(owner{source == sessionSource, alias}, user)
		return nil
	})
}

// touchTypes are the types of events that readEvents asks for, as SQL.
var touchTypes = "('" + strings.Join(append(slices.Clone(viewTypes), typeImpression, typePurchase), "', '") + "')"

func (w *writer) readEvents(ctx context.Context, from seen) error {
	row, err := w.row(ctx, "SELECT coalesce(max(seq), 0) FROM events")
	if err != nil {
		return err
	}
	var last int64
	if err := row.Scan(&last); err != nil {
		return err
	}
	err = w.each(ctx, "SELECT coalesce(user_id, ''), coalesce(session_id, ''), item_id, ts, type, coalesce(is_return, 0) FROM events "+
		"WHERE seq > ? AND seq <= ? AND item_id IS NOT NULL AND type IN "+touchTypes+" ORDER BY seq", []any{from.events, last}, func(rows *sql.Rows) error {
		var user, session, item, eventType string
		var isReturn bool
		t := touch{count: 1}
		if err := rows.Scan(&user, &session, &item, &t.at, &eventType, &isReturn); err != nil {
			return err
		}
		var ok bool
		if t.kind, ok = kindOf(eventType, isReturn); ok {
			t.item = unique.Make(item)
			w.overlay.touch(user, session, t)
		}
		return nil
	})
	w.seen.events = max(w.seen.events, last)
	return err
}

// itemState is the latest word on an item, see the table.
type itemState struct {
	id   string
	seq  int64
	told [3]sql.NullInt64 // in_stock, price, available_from
	at   [3]sql.NullInt64
}

const itemStateColumns = "item_id, seq, in_stock, in_stock_at, price, price_at, available_from, available_from_at"

func (it *itemState) scan() []any {
	return []any{&it.id, &it.seq, &it.told[0], &it.at[0], &it.told[1], &it.at[1], &it.told[2], &it.at[2]}
}

// latest is when anything was told last.
func (it *itemState) latest() int64 { return max(it.at[0].Int64, it.at[1].Int64, it.at[2].Int64) }

func (it *itemState) update() (u serving.ItemUpdate) {
	at := func(i int) time.Time { return microTime(it.at[i].Int64) }
	if it.told[0].Valid {
		u.InStock = &serving.Word[bool]{Value: it.told[0].Int64 != 0, At: at(0)}
	}
	if it.told[1].Valid {
		u.Price = &serving.Word[float64]{Value: moneyFloat(it.told[1].Int64), At: at(1)}
	}
	if it.told[2].Valid {
		u.AvailableFrom = &serving.Word[time.Time]{Value: microTime(it.told[2].Int64), At: at(2)}
	}
	return u
}
