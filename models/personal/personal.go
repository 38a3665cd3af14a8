package personal

import (
	"context"
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// Options of Fit. The zero value is the plain count of a customer's own
// purchases, without decay and without popularity.
type Options struct {
	HalfLifeDays float64 // a purchase that old counts one half; 0 = no decay
	Prior        float64 // what the most popular item is worth beside own purchases; 0 = nothing
	PriorDays    int     // popularity counts the days [now−PriorDays, now) only; 0 = all time
}

// Model scores an item by the user's own history plus a popularity:
//
//	score = Σ weight·2^(−age/HalfLifeDays) + Prior·Share[item]
//
// Numbers are all it holds; the history comes with each request.
type Model struct {
	Options Options
	Share   []float32 // customers of the item / (customers of the most bought item + 1), in [0, 1)
}

var _ models.Recommender = (*Model)(nil)

// Fit learns the popularity of the items from the interactions before day now.
// No interactions at all give ErrNoData; an empty popularity window does not.
func Fit(ctx context.Context, ev *matrix.Events, now int32, o Options) (*Model, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !anyBefore(ev, now) {
		return nil, fmt.Errorf("personal: no interaction before day %d: %w", now, models.ErrNoData)
	}
	counts, most := customers(ev, now, o.PriorDays)
	m := &Model{Options: o, Share: make([]float32, ev.Items)}
	for i, n := range counts {
		m.Share[i] = float32(float64(n) / float64(most+1))
	}
	return m, ctx.Err()
}

// New returns the model of stored numbers.
func New(o Options, share []float32) (*Model, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if len(share) == 0 {
		return nil, fmt.Errorf("personal: no items")
	}
	for i, s := range share {
		if !(s >= 0 && s <= 1) {
			return nil, fmt.Errorf("personal: share of item %d is %v: it must lie in [0, 1]", i, s)
		}
	}
	return &Model{Options: o, Share: share}, nil
}

func (o Options) check() error {
	if !(o.HalfLifeDays >= 0) || math.IsInf(o.HalfLifeDays, 0) {
		return &models.OptionError{Model: "personal", Option: "HalfLifeDays", Value: o.HalfLifeDays, Want: "0 (no decay) or a finite number of days"}
	}
	if !(o.Prior >= 0) || o.Prior > 1e6 {
		return &models.OptionError{Model: "personal", Option: "Prior", Value: o.Prior, Want: "between 0 (no popularity) and 1e6"}
	}
	if o.PriorDays < 0 {
		return &models.OptionError{Model: "personal", Option: "PriorDays", Value: o.PriorDays, Want: "0 (all time) or more days"}
	}
	return nil
}

func anyBefore(ev *matrix.Events, now int32) bool {
	return slices.ContainsFunc(ev.Day, func(d int32) bool { return d < now })
}

// customers returns for each item how many different users have it in the
// days before now (0 = all), and the largest of these numbers.
func customers(ev *matrix.Events, now int32, days int) (counts []int, most int) {
	from := int64(math.MinInt32)
	if days > 0 {
		from = int64(now) - int64(days)
	}
	counts = make([]int, ev.Items)
	for u := range ev.Users {
		h := ev.History(u)
		last := int32(-1)
		for i, it := range h.Item {
			if it != last && int64(h.Day[i]) >= from && h.Day[i] < now {
				counts[it]++
				last = it
				most = max(most, counts[it])
			}
		}
	}
	return counts, most
}

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return len(m.Share) }

// Score writes own purchases plus popularity. Without history it is the
// popularity alone, or ErrUnknown when Prior is 0.
func (m *Model) Score(h matrix.History, now int32, dst []float32) error {
	if len(dst) != len(m.Share) {
		return fmt.Errorf("personal: room for %d scores, there are %d items", len(dst), len(m.Share))
	}
	if len(h.Item) == 0 && m.Options.Prior == 0 {
		return fmt.Errorf("personal: no history and no popularity: %w", models.ErrUnknown)
	}
	prior := float32(m.Options.Prior)
	for i, s := range m.Share {
		dst[i] = prior * s
	}
	for i := 0; i < len(h.Item); {
		item, sum := h.Item[i], 0.0
		if item < 0 || int(item) >= len(dst) {
			return fmt.Errorf("personal: history names item %d of %d items", item, len(dst))
		}
		for ; i < len(h.Item) && h.Item[i] == item; i++ {
			sum += float64(h.Weight[i]) * m.decay(now-h.Day[i])
		}
		dst[item] = float32(math.Min(sum+float64(dst[item]), math.MaxFloat32))
	}
	return nil
}

func (m *Model) decay(age int32) float64 {
	if m.Options.HalfLifeDays == 0 {
		return 1
	}
	return math.Exp2(-math.Max(0, float64(age)) / m.Options.HalfLifeDays)
}
