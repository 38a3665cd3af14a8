package events

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

// Unsubscribed says who unsubscribed from messages, by channel. The zero value is
// nobody. It is safe for concurrent use.
type Unsubscribed struct {
	mu sync.RWMutex
	at map[subscription]time.Time
}

// subscription is that somebody is written to by a channel.
type subscription struct{ userID, channel string }

// At returns when the customer last unsubscribed from messages by a channel, or when
// that was told, whichever is later; zero: they have not, as far as is known.
func (u *Unsubscribed) At(userID, channel string) time.Time {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.at[subscription{userID, channel}]
}

func (u *Unsubscribed) add(s subscription, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at == nil {
		u.at = map[subscription]time.Time{}
	}
	if at.After(u.at[s]) {
		u.at[s] = at
	}
}

// forget drops those that gone is true of.
func (u *Unsubscribed) forget(gone func(userID string) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for s := range u.at {
		if gone(s.userID) {
			delete(u.at, s)
		}
	}
}

const selectUnsubscribed = "SELECT user_id, channel, max(unsubscribed_at, coalesce(unsubscribed_told, 0)) FROM contacts WHERE unsubscribed_at IS NOT NULL"

// scanOne takes a row of selectUnsubscribed in.
func (u *Unsubscribed) scanOne(scan func(...any) error) error {
	var s subscription
	var at int64
	if err := scan(&s.userID, &s.channel, &at); err != nil {
		return err
	}
	u.add(s, microTime(at))
	return nil
}

// Unsubscribed reads who unsubscribed, of the contacts that the log still has.
func (db *DB) Unsubscribed(ctx context.Context) (*Unsubscribed, error) {
	rows, err := db.sql.QueryContext(ctx, selectUnsubscribed)
	if err != nil {
		return nil, explain(err)
	}
	out := &Unsubscribed{}
	return out, explain(scan(rows, func(rows *sql.Rows) error { return out.scanOne(rows.Scan) }))
}
