package training

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"regulars/data"
	"regulars/data/synth"
	"regulars/features/read"
	"regulars/models/ials"
	"regulars/training/ranking"
)

// TestTuningDoesNotSeeWhatIsReported takes all orders behind the choice slice,
// the reported slice among them, out of the lake (but for the last day, which
// as_of needs): what options are searched on must stay the same.
func TestTuningDoesNotSeeWhatIsReported(t *testing.T) {
	shop, err := synth.New(testShop)
	if err != nil {
		t.Fatal(err)
	}
	asOf := shop.Options().End
	cut := asOf - 180
	before := func(s data.Schema, row data.Row) bool {
		i := s.Index("ts")
		return s.Table != data.Orders || row[i].Micros() < (cut+30).Micros() || row[i].Micros() >= (asOf-1).Micros()
	}
	var seen [2]string
	for i, keep := range []func(data.Schema, data.Row) bool{everything, before} {
		p := newPipeline(t, asOf, keep)
		slice, what, err := p.choiceSlice(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if slice.Now != int32(cut) || slices.Max(slice.Events.Day) >= int32(cut) || what != "the 30 days from "+cut.String()+" on" {
			t.Errorf("cut at %d (%s), the last day before is %d; want %d", slice.Now, what, slices.Max(slice.Events.Day), cut)
		}
		seen[i] = described(slice)
	}
	if seen[0] != seen[1] {
		t.Error("the slice changes with what happened after it")
	}
}

// described lists train and truth by item id: numbers depend on which items
// there are.
func described(s *ranking.Split) string {
	var train, truth []string
	for i, it := range s.Events.Item {
		train = append(train, fmt.Sprint(s.IDs.ID(it), s.Events.Day[i], s.Events.Weight[i]))
	}
	for _, items := range s.Truth {
		for _, it := range items {
			truth = append(truth, s.IDs.ID(it))
		}
	}
	slices.Sort(train)
	slices.Sort(truth)
	return fmt.Sprint(len(truth), train, truth)
}

func TestTrainTunes(t *testing.T) {
	shop, err := synth.New(testShop)
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, shop.Options().End, everything)
	if notes, err := p.tune(t.Context()); err != nil || notes != nil {
		t.Fatalf("without being asked: %q, %v", notes, err)
	}
	p.Options.TuneFor = 8 * time.Second
	tried := map[string]int{}
	p.Tried = func(tr ranking.Trial) {
		if tried[tr.Model]++; tr.Metric != choiceMetric(tr.Model) || tr.Model == "ials" && tr.Options["factors"] != nil { // which an override fixes
			t.Errorf("trial %+v", tr)
		}
	}
	notes, err := p.tune(t.Context())
	if err != nil || len(notes) < 3 || tried["repeat"] == 0 || tried["ials"] == 0 || tried["popular"] != 0 {
		t.Fatalf("notes %q after trials %v, %v", notes, tried, err)
	}
	in, err := read.Purchases(p.featureRoot(), p.Options.AsOf)
	if err != nil {
		t.Fatal(err)
	}
	cut := p.Options.AsOf - 180
	for reported, want := range map[data.Day]bool{cut + 90: true, cut + 30: true, cut + 29: false, cut - 90: false} {
		found, notes, err := p.tuned(in, reported)
		if err != nil || (tunedSettings(found, "repeat") != nil) != want || (len(notes) == 0) != want {
			t.Errorf("for what is reported from %s on, %+v may be used, notes %q, %v", reported, found, notes, err)
		}
	}
	found, err := ranking.ReadTuned(p.tunedPath())
	if err != nil {
		t.Fatal(err)
	}
	got, full := optionsOf[ials.Options](t, p, "ials", 150), found.Models["ials"].Full
	if full != (tried["ials"] > len(candidatesOf("ials"))) || full != (len(got) == 1) || got[0].Factors != 8 {
		t.Errorf("%d factor models compete after a search of %d trials: %+v", len(got), tried["ials"], got)
	}
}
