package ranking

import (
	"fmt"
	"strings"
	"testing"

	"regulars/data"
	"regulars/features/matrix"
)

// history has n users of n items, one interaction a day each, ids by a prefix.
func history(t *testing.T, prefix string, n, days int) *Data {
	t.Helper()
	var users, items []string
	var user, item, day []int32
	var weight []float32
	for i := range n {
		users, items = append(users, fmt.Sprintf("%su%03d", prefix, i)), append(items, fmt.Sprintf("%si%03d", prefix, i))
	}
	for u := range n {
		for d := range days {
			user, item, day, weight = append(user, int32(u)), append(item, int32(d/4)), append(day, int32(d)), append(weight, 1)
		}
	}
	ev, err := matrix.NewEventsFromColumns(n, n, user, item, day, weight)
	if err != nil {
		t.Fatal(err)
	}
	return &Data{Events: ev, Dated: true, Users: matrix.NewVocabulary(users), IDs: matrix.NewVocabulary(items)}
}

func TestSketchKnowsAHistoryAgain(t *testing.T) {
	early := history(t, "", 50, 60)
	w := Winner{Data: sketch(early)}
	if len(w.Data) != sketchSize {
		t.Fatalf("a sketch of %d interactions holds %d", early.Events.Len(), len(w.Data))
	}
	all := &Tuned{Models: map[string]Winner{"ials": w}}
	mended := history(t, "", 50, 200)
	mended.Events = mended.Events.Between(3, 200) // the first days have gone
	for name, c := range map[string]struct {
		data *Data
		want bool
	}{
		"the same":       {early, true},
		"later":          {history(t, "", 50, 200), true},
		"mended":         {mended, true},
		"another shop's": {history(t, "x", 50, 200), false},
		"no ids":         {&Data{Events: early.Events}, false},
	} {
		if got := w.of(all.known(c.data)); got != c.want {
			t.Errorf("%s: known again %v, want %v", name, got, c.want)
		}
	}
	if (Winner{}).of(nil) {
		t.Error("a winner that does not say on which data it was found passes for found on any")
	}
}

// What a search has looked at must not be reported, and what was found for one
// shop is not for another's, unless it is asked for by name.
func TestUsable(t *testing.T) {
	d, other := history(t, "", 50, 60), history(t, "x", 50, 60)
	w := Winner{Options: map[string]any{"factors": 8}, Data: sketch(d), From: "1970-02-10", To: "1970-03-01"} // days 40 to 59
	for _, c := range []struct {
		data     *Data
		reported int32
		foreign  bool
		use      bool
		note     string
	}{
		{d, 60, false, true, ""},
		{d, 59, false, false, "searched on what happened from 1970-02-10 to 1970-03-01, and what is reported begins on 1970-03-01"},
		{d, 10, true, false, "what is reported begins on 1970-01-11"},
		{other, 60, false, false, "are not used: they were found on other data"},
		{other, 10, true, true, "are used although they were found on other data"},
	} {
		all := &Tuned{FormatVersion: tunedFormat, Models: map[string]Winner{"ials": w}}
		got, notes := all.Usable(c.data, c.reported, c.foreign)
		if (len(got.Settings()) == 1) != c.use || (len(notes) == 0) != (c.note == "") || !strings.Contains(strings.Join(notes, " "), c.note) {
			t.Errorf("reported from day %d on: used %v, notes %q; want %v and %q", c.reported, got.Models, notes, c.use, c.note)
		}
	}
	if got, notes := (*Tuned)(nil).Usable(d, 10, false); got != nil || notes != nil {
		t.Errorf("without a file %v, %q", got, notes)
	}
}

// A search says of which days it has seen the truth, and on what data.
func TestTuneSaysWhatItLookedAt(t *testing.T) {
	s := shop(t, 60, 24, 120)
	v, _, err := s.Validation(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		slice    *Split
		from, to string
	}{
		{v, data.Day(v.Now).String(), (data.Day(v.Now) + data.Day(v.horizon) - 1).String()},
		{shop(t, 60, 24, 0), "", ""},
	} {
		search, _ := tuning(t, "", "rules")
		search.Trials = 1
		found, err := Tune(t.Context(), c.slice, search)
		if err != nil {
			t.Fatal(err)
		}
		w := found.Models["rules"]
		if w.From != c.from || w.To != c.to || !w.of(found.known(&c.slice.Data)) {
			t.Errorf("winner %+v, want days %q to %q", w, c.from, c.to)
		}
	}
}
