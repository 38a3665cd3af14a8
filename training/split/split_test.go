package split_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/training/split"
)

func day(t *testing.T, s string) data.Day {
	t.Helper()
	d, err := data.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestProtocolOfTheShop(t *testing.T) {
	p, err := split.NewProtocol(day(t, "2011-12-08"), split.Plan{HorizonDays: 90}, day(t, "2009-12-01"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.Test, p.Choice, p.Train()); got != "2011-09-09 2011-06-11 [2011-03-13 2010-12-13 2010-09-14 2010-06-16 2010-03-18]" {
		t.Errorf("timetable %s", got)
	}
	if p, err = split.NewProtocol(day(t, "2011-12-08"), split.Plan{HorizonDays: 90, MaxTrain: 2}, day(t, "2009-12-01")); err != nil ||
		len(p.Train()) != 2 || p.Train()[0] != day(t, "2011-03-13") {
		t.Errorf("at most two training days give %v, %v", p.Train(), err)
	}
	p, err = split.NewProtocol(day(t, "2011-12-08"), split.Plan{HorizonDays: 90, Parts: 3, MaxTrain: 2}, day(t, "2009-12-01"))
	if got := fmt.Sprint(p.Past, p.Train()); err != nil || got != "[2011-09-09 2011-08-10 2011-07-11 2011-06-11 2011-05-12 2011-04-12 2011-03-13 2011-02-11] [2011-03-13 2011-02-11]" {
		t.Errorf("a third of a horizon apart: %s, %v", got, err)
	}
}

func TestShortHistory(t *testing.T) {
	first := day(t, "2011-01-01")
	if _, err := split.NewProtocol(first+40, split.Plan{HorizonDays: 10}, first); err != nil {
		t.Errorf("four horizons are enough: %v", err)
	}
	_, err := split.NewProtocol(first+39, split.Plan{HorizonDays: 10}, first)
	if !errors.Is(err, split.ErrShortHistory) || !strings.Contains(err.Error(), "39 days") || !strings.Contains(err.Error(), "needs 40") {
		t.Errorf("39 days with a horizon of 10 give %v", err)
	}
	if _, err := split.NewProtocol(first-5, split.Plan{HorizonDays: 10}, first); !errors.Is(err, split.ErrShortHistory) {
		t.Errorf("an as_of before the history gives %v", err)
	}
	if _, err := split.NewProtocol(first, split.Plan{}, first); err == nil || errors.Is(err, split.ErrShortHistory) {
		t.Errorf("a horizon of 0 gives %v", err)
	}
	if _, err := split.NewProtocol(first+500, split.Plan{HorizonDays: 10, MaxTrain: -1}, first); err == nil {
		t.Error("a negative number of training days is accepted")
	}
}

// No label window of a row that is learned from reaches behind what is known, and
// every row has a horizon of history.
func TestProtocolProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.IntRange(1, 200).Draw(t, "horizon")
		first := data.Day(rapid.IntRange(-1000, 20000).Draw(t, "first"))
		asOf := first + data.Day(rapid.IntRange(0, 3000).Draw(t, "days"))
		plan := split.Plan{HorizonDays: h, Parts: rapid.IntRange(0, min(h, 4)).Draw(t, "parts"), MaxTrain: rapid.IntRange(0, 5).Draw(t, "most")}
		p, err := split.NewProtocol(asOf, plan, first)
		if err != nil {
			if int(asOf-first) >= 4*h {
				t.Fatalf("%d days refused: %v", asOf-first, err)
			}
			return
		}
		H := data.Day(h)
		if len(p.Train()) == 0 || p.Train()[0] != asOf-3*H || plan.MaxTrain > 0 && len(p.Train()) > plan.MaxTrain {
			t.Fatalf("training days %v of a run at %v", p.Train(), asOf)
		}
		if !slices.Contains(p.Past, p.Choice) || p.Past[0] != p.Test || p.Test != asOf-H || p.Choice != asOf-2*H {
			t.Fatalf("days %v, choice %v, test %v of a run at %v", p.Past, p.Choice, p.Test, asOf)
		}
		for _, known := range []data.Day{p.Choice, p.Test, asOf} {
			for _, d := range p.KnownAt(known) {
				if d+H > known || d-H < first {
					t.Fatalf("rows at %v are learned from at %v, first day %v", d, known, first)
				}
			}
		}
		for i, d := range p.Whole() {
			if d != asOf-H*data.Day(len(p.Whole())-1-i) {
				t.Fatalf("whole horizons before %v: %v", asOf, p.Whole())
			}
		}
		if days := p.Days(); !slices.IsSorted(days) || days[len(days)-1] != asOf || len(slices.Compact(days)) != len(p.Past)+1 {
			t.Fatalf("days %v", days)
		}
	})
}

func TestRanking(t *testing.T) {
	ev, err := matrix.NewEvents(4, 4, []matrix.Event{
		{User: 0, Item: 0, Day: 9, Weight: 1}, {User: 0, Item: 2, Day: 10, Weight: 1}, {User: 0, Item: 1, Day: 12, Weight: 1}, {User: 0, Item: 1, Day: 14, Weight: 1},
		{User: 0, Item: 1, Day: 15, Weight: 1},                                        // after the window
		{User: 1, Item: 1, Day: 3, Weight: 1}, {User: 1, Item: 3, Day: 11, Weight: 1}, // an item unknown in train
		{User: 2, Item: 0, Day: 11, Weight: 1}, // a user unknown in train
		{User: 3, Item: 2, Day: 2, Weight: 1},  // not back
	})
	if err != nil {
		t.Fatal(err)
	}
	train, truth, skipped, err := split.Ranking(ev, 10, 5)
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 3 || slices.Max(train.Day) != 9 || train.Users != 4 || train.Items != 4 {
		t.Errorf("train holds %v", train)
	}
	if got := fmt.Sprint(truth); got != "[[1 2] [] [] []]" || skipped != 2 {
		t.Errorf("truth %s, %d skipped; want user 0 with items 1 and 2, and two skipped", got, skipped)
	}
	if _, _, _, err := split.Ranking(ev, 2, 5); !errors.Is(err, split.ErrShortHistory) {
		t.Errorf("nothing before the cut gives %v", err)
	}
	if _, _, _, err := split.Ranking(ev, 10, 0); err == nil {
		t.Error("a truth of no days is accepted")
	}
}
