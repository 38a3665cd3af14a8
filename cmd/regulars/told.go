package main

import (
	"context"
	"errors"
	"time"

	"regulars/data/state"
	"regulars/serving"
	"regulars/serving/audience"
	"regulars/serving/events"
)

// live is what is known of customers beyond the snapshot.
type live interface {
	serving.Live
	audience.Live
}

// told is what is known beyond the snapshot: what the event log says, and of erasure
// and opt-out what is recorded beside it, which is told there first.
type told struct {
	live
	marks *state.Marks
}

func (t told) Erased(userID string) bool { return t.marks.Erased(userID) || t.live.Erased(userID) }

func (t told) OptedOut(userID string) (out, known bool) { return t.marks.OptedOut(userID) }

// live is what the server knows beyond the snapshot.
func (s *server) live() live {
	if s.marks == nil {
		return &s.intake
	}
	return told{&s.intake, s.marks}
}

// renewMarks reads again who was erased.
func (s *server) renewMarks() error {
	if s.privacy == nil {
		return nil
	}
	return s.privacy.marks.Refresh(context.Background())
}

// unserved is what a command knows of customers while it takes nothing in.
type unserved struct {
	intake
	unsubscribed *events.Unsubscribed
}

func (u *unserved) Unsubscribed(userID, channel string) time.Time {
	return u.unsubscribed.At(userID, channel)
}

// withTold has use know who was erased, who opted out and who unsubscribed, for
// commands.
func (w *workspace) withTold(ctx context.Context, use func(live) error) error {
	unsubscribed, err := w.unsubscribed(ctx)
	if err != nil {
		return err
	}
	known := &unserved{unsubscribed: unsubscribed}
	if !w.stateExists() {
		return use(known)
	}
	return w.withState(func(db *state.DB) error {
		marks, err := db.Marks(ctx)
		if err != nil {
			return err
		}
		return use(told{known, marks})
	})
}

// unsubscribed reads who unsubscribed from messages, of what the event log still has.
func (w *workspace) unsubscribed(ctx context.Context) (out *events.Unsubscribed, err error) {
	db, err := w.openEvents()
	if db == nil || err != nil {
		return &events.Unsubscribed{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Unsubscribed(ctx)
}
