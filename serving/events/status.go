package events

import (
	"context"
	"database/sql"
	"time"
)

// Status is what an event log holds, and what of it the lake has yet to get.
type Status struct {
	Events          int64      `json:"events"`
	Contacts        int64      `json:"contacts"`
	Links           int64      `json:"links"`
	Items           int64      `json:"items"` // of which something was told
	EventsWaiting   int64      `json:"events_waiting"`
	LinesWaiting    int64      `json:"order_lines_waiting"` // those of unknown customers among them
	ContactsWaiting int64      `json:"contacts_waiting"`    // those that may still change among them
	ItemsWaiting    int64      `json:"items_waiting"`
	Oldest          *time.Time `json:"oldest_waiting,omitempty"` // when the first waiting event arrived
	Bytes           int64      `json:"bytes"`                    // of the file
}

// Status counts what is held.
func (db *DB) Status(ctx context.Context) (Status, error) {
	var st Status
	var oldest sql.NullInt64
	err := db.sql.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM contacts),
		(SELECT count(*) FROM links), (SELECT count(*) FROM items),
		(SELECT count(*) FROM events WHERE flushed = 0), (SELECT count(*) FROM events WHERE ordered = 0),
		(SELECT count(*) FROM contacts WHERE flushed = 0), (SELECT count(*) FROM items WHERE seq > flushed_seq),
		(SELECT received FROM events WHERE flushed = 0 ORDER BY seq LIMIT 1),
		(SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)`).Scan(
		&st.Events, &st.Contacts, &st.Links, &st.Items, &st.EventsWaiting, &st.LinesWaiting, &st.ContactsWaiting, &st.ItemsWaiting, &oldest, &st.Bytes)
	if err != nil {
		return Status{}, explain(err)
	}
	if oldest.Valid {
		at := microTime(oldest.Int64)
		st.Oldest = &at
	}
	return st, nil
}

// EventsWaiting returns how many events the lake has yet to get.
func (s *Store) EventsWaiting(ctx context.Context) (n int64, err error) {
	err = s.db.sql.QueryRowContext(ctx, "SELECT count(*) FROM events WHERE flushed = 0").Scan(&n)
	return n, explain(err)
}

// Waiting reports whether there is anything to send to the lake.
func (s *Store) Waiting(ctx context.Context) (waits bool, err error) {
	for _, from := range []string{
		"events WHERE flushed = 0", "items WHERE seq > flushed_seq", "links WHERE flushed = 0 AND source <> '" + sessionSource + "'",
		"contacts WHERE " + dueContacts(s.opts.Now()), "contacts WHERE " + newRefusals, "(SELECT " + who + " AS customer" + fromEvents + " WHERE e.ordered = 0) WHERE customer IS NOT NULL",
	} {
		if err := s.db.sql.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+from+")").Scan(&waits); err != nil || waits {
			return waits, explain(err)
		}
	}
	return false, nil
}
