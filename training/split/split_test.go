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
	p, err := split.NewProtocol(day(t, "2011-12-08"), 90, 0, day(t, "2009-12-01"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.Test, p.Choice, p.Train); got != "2011-09-09 2011-06-11 [2011-03-13 2010-12-13 2010-09-14 2010-06-16 2010-03-18]" {
		t.Errorf("timetable %s", got)
	}
	if p, err = split.NewProtocol(day(t, "2011-12-08"), 90, 2, day(t, "2009-12-01")); err != nil || len(p.Train) != 2 || p.Train[0] != day(t, "2011-03-13") {
		t.Errorf("at most two training days give %v, %v", p.Train, err)
	}
}

func TestShortHistory(t *testing.T) {
	first := day(t, "2011-01-01")
	if _, err := split.NewProtocol(first+40, 10, 0, first); err != nil {
		t.Errorf("four horizons are enough: %v", err)
	}
	_, err := split.NewProtocol(first+39, 10, 0, first)
	if !errors.Is(err, split.ErrShortHistory) || !strings.Contains(err.Error(), "39 days") || !strings.Contains(err.Error(), "needs 40") {
		t.Errorf("39 days with a horizon of 10 give %v", err)
	}
	if _, err := split.NewProtocol(first-5, 10, 0, first); !errors.Is(err, split.ErrShortHistory) {
		t.Errorf("an as_of before the history gives %v", err)
	}
	if _, err := split.NewProtocol(first, 0, 0, first); err == nil || errors.Is(err, split.ErrShortHistory) {
		t.Errorf("a horizon of 0 gives %v", err)
	}
	if _, err := split.NewProtocol(first+500, 10, -1, first); err == nil {
		t.Error("a negative number of training days is accepted")
	}
}

// No label window reaches into a later row's, and every row has a horizon of history.
func TestProtocolProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.IntRange(1, 200).Draw(t, "horizon")
		first := data.Day(rapid.IntRange(-1000, 20000).Draw(t, "first"))
		asOf := first + data.Day(rapid.IntRange(0, 3000).Draw(t, "days"))
		p, err := split.NewProtocol(asOf, h, rapid.IntRange(0, 5).Draw(t, "most"), first)
		if err != nil {
			if int(asOf-first) >= 4*h {
				t.Fatalf("%d days refused: %v", asOf-first, err)
			}
			return
		}
		days := p.Days()
		for i := 1; i < len(days); i++ {
			if days[i]-days[i-1] != data.Day(h) {
				t.Fatalf("days %v are not a horizon of %d apart", days, h)
			}
		}
		if days[0]-data.Day(h) < first || len(p.Train) == 0 || days[len(days)-1] != asOf {
			t.Fatalf("days %v do not fit history from %v to %v", days, first, asOf)
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
