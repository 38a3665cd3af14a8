package main

import (
	"context"

	"regulars/data/state"
	"regulars/serving"
)

// told is what is known beyond the snapshot. What was told of erasure and opt-out
// goes before what the event log says: it is recorded first.
type told struct {
	serving.Live
	marks *state.Marks
}

func (t told) Erased(userID string) bool { return t.marks.Erased(userID) || t.Live.Erased(userID) }

func (t told) OptedOut(userID string) (out, known bool) {
	if out, known = t.marks.OptedOut(userID); known {
		return out, known
	}
	return t.Live.OptedOut(userID)
}

// live is what serving knows beyond the snapshot.
func (s *server) live() serving.Live {
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

// withTold has use know who was erased and who opted out, for commands.
func (w *workspace) withTold(ctx context.Context, use func(serving.Live) error) error {
	if !w.stateExists() {
		return use(&intake{})
	}
	return w.withState(func(db *state.DB) error {
		marks, err := db.Marks(ctx)
		if err != nil {
			return err
		}
		return use(told{&intake{}, marks})
	})
}
