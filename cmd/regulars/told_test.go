package main

import (
	"path/filepath"
	"testing"

	"regulars/data/state"
)

// intakeSays is an event log of a fixed word on everybody.
type intakeSays struct {
	live
	erased bool
}

func (i intakeSays) Erased(string) bool { return i.erased }

// What was told of erasure and opt-out holds whatever the event log says, and where
// there is none.
func TestMarksGoFirst(t *testing.T) {
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.SetOptOut(t.Context(), "refuses", true); err != nil {
		t.Fatal(err)
	}
	if err := db.SetOptOut(t.Context(), "allows", false); err != nil {
		t.Fatal(err)
	}
	if _, err := db.RequestErasure(t.Context(), []string{"gone"}, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	marks, err := db.Marks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := &server{marks: marks}
	for name, c := range map[string]struct {
		live         live
		erased, gone bool // of somebody whom the marks do not know; gone: of whom they do
	}{
		"no event log": {s.live(), false, true},
		"an event log": {told{intakeSays{live: &intake{}, erased: true}, marks}, true, true},
		"neither":      {(&server{}).live(), false, false},
	} {
		if _, known := c.live.OptedOut("other"); known || c.live.Erased("other") != c.erased || c.live.Erased("gone") != c.gone {
			t.Errorf("%s: opted out known %v, erased %v and %v", name, known, c.live.Erased("other"), c.live.Erased("gone"))
		}
		for id, want := range map[string]bool{"refuses": true, "allows": false} {
			if out, known := c.live.OptedOut(id); known != c.gone || known && out != want {
				t.Errorf("%s: %s opted out %v (%v)", name, id, out, known)
			}
		}
	}
}
