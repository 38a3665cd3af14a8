package popular

import (
	"context"
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
)

// TrendOptions of FitTrending. The zero value is the default written at each field.
type TrendOptions struct {
	WindowDays int     // lately: the days [now−WindowDays, now); 0 = 7
	BeforeDays int     // before: the BeforeDays days up to there; 0 = 180
	Smoothing  float64 // customers added to both sides, so that few do not make a trend; 0 = 10
}

func (o TrendOptions) resolved() (TrendOptions, error) {
	if o.WindowDays == 0 {
		o.WindowDays = 7
	}
	if o.BeforeDays == 0 {
		o.BeforeDays = 180
	}
	if o.Smoothing == 0 {
		o.Smoothing = 10
	}
	bad := func(option string, value any, want string) (TrendOptions, error) {
		return o, &models.OptionError{Model: "trending", Option: option, Value: value, Want: want}
	}
	switch {
	case o.WindowDays < 1 || o.WindowDays > maxDays:
		return bad("WindowDays", o.WindowDays, "between 1 and 100,000 (0 = default)")
	case o.BeforeDays < 1 || o.BeforeDays > maxDays:
		return bad("BeforeDays", o.BeforeDays, "between 1 and 100,000 (0 = default)")
	case !(o.Smoothing > 0) || o.Smoothing > 1e9:
		return bad("Smoothing", o.Smoothing, "above 0 and at most 1e9 (0 = default)")
	}
	return o, nil
}

const maxDays = 100_000

// Trending holds one score an item. With r the different customers of the item
// lately, b those before, and R and B the sums of r and b over all items,
//
//	lift = (r + Smoothing) / (b·R/B + Smoothing)
//
// so that a shop that sells more of everything has no trend, and an item of few
// customers stays near 1 (the mean of a gamma–Poisson model). A score above 1 is
// the lift of an item that is rising. The others follow behind, between 0 and 1,
// by how many customers they have lately.
type Trending struct {
	Scores []float32
}

var (
	_ models.Recommender = (*Trending)(nil)
	_ models.Explainer   = (*Trending)(nil)
)

// FitTrending counts the customers of each item lately and before. No
// interaction before day now gives ErrNoData; quiet windows do not.
func FitTrending(ctx context.Context, ev *matrix.Events, now int32, o TrendOptions) (*Trending, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	lately, err := Fit(ctx, ev, now, Options{WindowDays: o.WindowDays})
	if err != nil {
		return nil, err
	}
	from := day(int64(now) - int64(o.WindowDays))
	r := customers(ev, from, now)
	b := customers(ev, day(int64(from)-int64(o.BeforeDays)), from)
	growth := 0.0
	if before := total(b); before > 0 {
		growth = float64(total(r)) / float64(before)
	}
	m := &Trending{Scores: make([]float32, ev.Items)}
	for i := range m.Scores {
		lift := (float64(r[i]) + o.Smoothing) / (float64(b[i])*growth + o.Smoothing)
		share := float64(lately.Scores[i])
		m.Scores[i] = float32(share / (share + 1))
		if rising := float32(lift); rising > 1 {
			m.Scores[i] = rising
		}
	}
	return m, ctx.Err()
}

func day(d int64) int32 { return int32(max(d, math.MinInt32)) }

func total(counts []int) int {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return sum
}

// NewTrending returns the model of stored scores, one an item.
func NewTrending(scores []float32) (*Trending, error) {
	m, err := New(scores)
	if err != nil {
		return nil, err
	}
	for i, s := range scores {
		if s < 0 {
			return nil, fmt.Errorf("popular: trend of item %d is %v: it must not be negative", i, s)
		}
	}
	return &Trending{Scores: m.Scores}, nil
}

// Items returns the size of the item vocabulary.
func (m *Trending) Items() int { return len(m.Scores) }

// Score gives every user the same scores, whatever their history.
func (m *Trending) Score(_ matrix.History, _ int32, dst []float32) error {
	return write(dst, m.Scores)
}

// Explain says which items are rising, and of the others that they are popular.
func (m *Trending) Explain(_ matrix.History, _ int32, item int32) (models.Reason, bool) {
	r, ok := reason(m.Scores, item)
	if ok && m.Scores[item] > 1 {
		r.Kind = models.ReasonTrending
	}
	return r, ok
}
