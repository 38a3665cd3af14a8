package popular

import (
	"context"
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
)

// Options of Fit. The zero value counts all time.
type Options struct {
	WindowDays int // only the days [now−WindowDays, now) count; 0 = all time
}

// Model holds one score an item. The score is how many different customers
// bought the item in the window, not how often it was bought: a single wholesale
// buyer should not decide what a stranger sees. A fraction below 1 from the
// all-time count breaks ties and orders items that the window does not hold.
type Model struct {
	Scores []float32
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Explainer   = (*Model)(nil)
)

// Fit counts the customers of each item. now is the day of the split; only
// interactions before it count. No interactions at all give ErrNoData.
func Fit(ctx context.Context, ev *matrix.Events, now int32, o Options) (*Model, error) {
	if o.WindowDays < 0 {
		return nil, &models.OptionError{Model: "popular", Option: "WindowDays", Value: o.WindowDays, Want: "0 (all time) or more days"}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all := customers(ev, math.MinInt32, now)
	most := 0
	for _, n := range all {
		most = max(most, n)
	}
	if most == 0 {
		return nil, fmt.Errorf("popular: no interaction before day %d: %w", now, models.ErrNoData)
	}
	window := all
	if o.WindowDays > 0 {
		window = customers(ev, int32(max(int64(now)-int64(o.WindowDays), math.MinInt32)), now)
	}
	m := &Model{Scores: make([]float32, ev.Items)}
	for i := range m.Scores {
		m.Scores[i] = float32(float64(window[i]) + float64(all[i])/float64(most+1))
	}
	return m, ctx.Err()
}

// New returns the model of stored scores, one an item.
func New(scores []float32) (*Model, error) {
	if len(scores) == 0 {
		return nil, fmt.Errorf("popular: no scores")
	}
	for i, s := range scores {
		if f := float64(s); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("popular: score of item %d is %v: it must be a finite number", i, s)
		}
	}
	return &Model{Scores: scores}, nil
}

// customers returns for each item how many different users have it in [from, to).
func customers(ev *matrix.Events, from, to int32) []int {
	counts := make([]int, ev.Items)
	for u := range ev.Users {
		h := ev.History(u)
		last := int32(-1)
		for i, it := range h.Item {
			if it != last && from <= h.Day[i] && h.Day[i] < to {
				counts[it]++
				last = it
			}
		}
	}
	return counts
}

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return len(m.Scores) }

// Score gives every user the same scores, whatever their history.
func (m *Model) Score(_ matrix.History, _ int32, dst []float32) error {
	return write(dst, m.Scores)
}

func write(dst, scores []float32) error {
	if len(dst) != len(scores) {
		return fmt.Errorf("popular: room for %d scores, there are %d items", len(dst), len(scores))
	}
	copy(dst, scores)
	return nil
}

// Explain says of any item that somebody has bought that it is popular.
func (m *Model) Explain(_ matrix.History, _ int32, item int32) (models.Reason, bool) {
	return reason(m.Scores, item)
}

func reason(scores []float32, item int32) (models.Reason, bool) {
	r := models.Reason{Kind: models.ReasonPopular, Item: -1}
	return r, item >= 0 && int(item) < len(scores) && scores[item] > 0
}
