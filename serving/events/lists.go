package events

import (
	"context"
	"database/sql"
	"time"
)

// ListEvent is an event that names the recommendation it came of.
type ListEvent struct {
	RecommendationID string
	Type             string
	OrderID          string
	Revenue          float64 // of a purchase: of its line, in the shop's currency; negative of a return
	Return           bool    // of a purchase: it was sent back
}

// OfLists visits the events from one instant up to another that name a
// recommendation, in any order. An order line that was told several times, such as
// by the page and by the till, comes once, as it does to the lake.
func (db *DB) OfLists(ctx context.Context, from, to time.Time, visit func(ListEvent) error) error {
	rows, err := db.sql.QueryContext(ctx, `SELECT recommendation_id, type, coalesce(order_id, ''),
		(coalesce(quantity, 1) * coalesce(unit_price, 0) - coalesce(discount, 0)) * iif(coalesce(is_return, 0), -1, 1),
		coalesce(is_return, 0)
		FROM events AS e WHERE recommendation_id IS NOT NULL AND ts >= ? AND ts < ? AND NOT (type = 'purchase' AND line_number IS NOT NULL AND
		EXISTS (SELECT 1 FROM events AS f WHERE f.order_id = e.order_id AND f.line_number = e.line_number AND f.type = e.type AND
		f.recommendation_id IS NOT NULL AND coalesce(f.is_return, 0) = coalesce(e.is_return, 0) AND f.seq < e.seq))`, from.UnixMicro(), to.UnixMicro())
	if err != nil {
		return explain(err)
	}
	return explain(scan(rows, func(rows *sql.Rows) error {
		var e ListEvent
		var money int64
		if err := rows.Scan(&e.RecommendationID, &e.Type, &e.OrderID, &money, &e.Return); err != nil {
			return err
		}
		e.Revenue = float64(money) / moneyUnit
		return visit(e)
	}))
}

// OfLists is that of the log.
func (s *Store) OfLists(ctx context.Context, from, to time.Time, visit func(ListEvent) error) error {
	return s.db.OfLists(ctx, from, to, visit)
}

// moneyUnit is how many units of stored money make one of the currency.
const moneyUnit = 10_000

// Seen is how often an item was shown and clicked.
type Seen struct{ Impressions, Clicks int64 }

// Seen returns how often items were shown and clicked, in what is kept.
func (s *Store) Seen(ctx context.Context) (map[string]Seen, error) {
	rows, err := s.db.sql.QueryContext(ctx, `SELECT item_id, sum(type = 'impression'), sum(type = 'click')
		FROM events WHERE item_id IS NOT NULL AND type IN ('impression', 'click') GROUP BY item_id`)
	if err != nil {
		return nil, explain(err)
	}
	out := map[string]Seen{}
	return out, explain(scan(rows, func(rows *sql.Rows) error {
		var id string
		var n Seen
		if err := rows.Scan(&id, &n.Impressions, &n.Clicks); err != nil {
			return err
		}
		out[id] = n
		return nil
	}))
}
