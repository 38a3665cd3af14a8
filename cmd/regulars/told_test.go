package main

import (
	"path/filepath"
	"testing"

	"regulars/data/state"
	"regulars/serving"
)

// intakeSays is an event log of a fixed word on everybody.
type intakeSays struct {
	serving.Live
	erased, out, known bool
}

func (i intakeSays) Erased(string) bool                { return i.erased }
func (i intakeSays) OptedOut(string) (out, known bool) { return i.out, i.known }

// What was told of erasure and opt-out goes before the event log's word, and
// holds where there is none.
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
	s := &server{privacy: &register{marks: marks}}
	for name, c := range map[string]struct {
		live                     serving.Live
		erased, out, known, gone bool // of somebody whom the marks do not know; gone: of whom they do
	}{
		"no event log":           {s.live(), false, false, false, true},
		"an event log":           {told{intakeSays{Live: &intake{}, erased: true, out: true, known: true}, marks}, true, true, true, true},
		"neither":                {(&server{}).live(), false, false, false, false},
		"an event log by itself": {told{intakeSays{Live: &intake{}, known: true}, marks}, false, false, true, true},
	} {
		if out, known := c.live.OptedOut("other"); out != c.out || known != c.known || c.live.Erased("other") != c.erased || c.live.Erased("gone") != c.gone {
			t.Errorf("%s: opted out %v (%v), erased %v and %v", name, out, known, c.live.Erased("other"), c.live.Erased("gone"))
		}
		if !c.gone {
			continue
		}
		for id, want := range map[string]bool{"refuses": true, "allows": false} {
			if out, known := c.live.OptedOut(id); out != want || !known {
				t.Errorf("%s: %s opted out %v (%v)", name, id, out, known)
			}
		}
	}
}
