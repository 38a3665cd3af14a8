package shares

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	HalfLife      float64 // days after which a purchase counts half; 0 = 180
	Concentration float64 // purchases that the shop's shares count as; 0 = 5
	Recent        int     // days before now that the shop's shares are of; 0 = 90
}

func (o Options) resolved() (Options, error) {
	o.HalfLife = cmp.Or(o.HalfLife, 180)
	o.Concentration = cmp.Or(o.Concentration, 5)
	o.Recent = cmp.Or(o.Recent, 90)
	if o.Recent < 1 {
		return o, &models.OptionError{Model: "shares", Option: "Recent", Value: o.Recent, Want: "at least 1"}
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"HalfLife", o.HalfLife}, {"Concentration", o.Concentration}} {
		if !(f.value > 0) || math.IsInf(f.value, 0) {
			return o, &models.OptionError{Model: "shares", Option: f.name, Value: f.value, Want: "above 0 and finite"}
		}
	}
	return o, nil
}

// Model is the Dirichlet-multinomial predictive probability of the kind k of a
// customer's next purchase,
//
//	(Σ w·2^(−age/HalfLife) over own purchases of k + Concentration·Prior[k]) / (the same over all kinds)
type Model struct {
	Names                   []string  // of the kinds
	Prior                   []float64 // the shop's share of each, above 0, sum 1
	HalfLife, Concentration float64   // days; purchases
}

// Fit takes the shop's shares from the purchases (Users × kinds) of the Recent days
// before now, or of all time where there are none; half a purchase is added to each
// kind (Jeffreys' prior), for nothing is impossible. There must be kinds and a
// purchase before now, else the error wraps models.ErrNoData.
func Fit(ctx context.Context, names []string, ev *matrix.Events, now int32, o Options) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if len(names) != ev.Items {
		return nil, fmt.Errorf("shares: %d names for %d kinds", len(names), ev.Items)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	prior, total := tally(ev, now-int32(o.Recent), now)
	if total == 0 {
		prior, total = tally(ev, math.MinInt32, now)
	}
	if total == 0 {
		return nil, fmt.Errorf("shares: nobody bought any of %d kinds before day %d: %w", len(names), now, models.ErrNoData)
	}
	whole := total + 0.5*float64(len(prior))
	for k := range prior {
		prior[k] = (prior[k] + 0.5) / whole
	}
	return New(Model{Names: names, Prior: prior, HalfLife: o.HalfLife, Concentration: o.Concentration})
}

func tally(ev *matrix.Events, from, to int32) (counts []float64, total float64) {
	counts = make([]float64, ev.Items)
	for i, k := range ev.Item {
		if d := ev.Day[i]; d >= from && d < to {
			counts[k] += float64(ev.Weight[i])
			total += float64(ev.Weight[i])
		}
	}
	return counts, total
}

// New returns the model of stored numbers.
func New(m Model) (*Model, error) {
	if len(m.Names) == 0 || len(m.Names) != len(m.Prior) {
		return nil, fmt.Errorf("shares: %d names and %d shares of kinds", len(m.Names), len(m.Prior))
	}
	sum := 0.0
	for k, p := range m.Prior {
		if !(p > 0) {
			return nil, fmt.Errorf("shares: the share of kind %q is %v: it must be above 0", m.Names[k], p)
		}
		sum += p
	}
	if !(math.Abs(sum-1) < 1e-6) {
		return nil, fmt.Errorf("shares: the shares of the kinds add up to %v", sum)
	}
	_, err := Options{HalfLife: m.HalfLife, Concentration: m.Concentration}.resolved()
	if err == nil && (m.HalfLife == 0 || m.Concentration == 0) {
		err = fmt.Errorf("shares: a half-life of %v days and a concentration of %v", m.HalfLife, m.Concentration)
	}
	return &m, err
}

// Probability writes the probability of each kind into dst, which has one place a
// kind; they add up to 1. The history holds kinds for items and lies before now.
func (m *Model) Probability(h matrix.History, now int32, dst []float64) error {
	if len(dst) != len(m.Prior) {
		return fmt.Errorf("shares: room for %d probabilities, there are %d kinds", len(dst), len(m.Prior))
	}
	total := m.Concentration
	for k, p := range m.Prior {
		dst[k] = m.Concentration * p
	}
	for i, k := range h.Item {
		if k < 0 || int(k) >= len(dst) {
			return fmt.Errorf("shares: kind %d of %d", k, len(dst))
		}
		if h.Day[i] >= now {
			return fmt.Errorf("shares: a purchase of day %d is not before day %d", h.Day[i], now)
		}
		w := float64(h.Weight[i]) * math.Exp2(-float64(now-h.Day[i])/m.HalfLife)
		dst[k] += w
		total += w
	}
	for k := range dst {
		dst[k] /= total
	}
	return nil
}

// A Share is a kind and its probability.
type Share struct {
	Name        string
	Probability float64
}

// Top returns the n most probable kinds, or all if there are fewer; of equal ones
// the first by number.
func (m *Model) Top(h matrix.History, now int32, n int) ([]Share, error) {
	p := make([]float64, len(m.Prior))
	if err := m.Probability(h, now, p); err != nil {
		return nil, err
	}
	best := Best(p, n)
	out := make([]Share, len(best))
	for i, k := range best {
		out[i] = Share{m.Names[k], p[k]}
	}
	return out, nil
}

// Best returns the numbers of the n largest values, largest first; of equal ones
// the lower number first.
func Best(p []float64, n int) []int {
	best := make([]int, 0, n+1)
	for k := range p {
		at := len(best)
		for at > 0 && p[best[at-1]] < p[k] {
			at--
		}
		if at < n {
			best = slices.Insert(best, at, k)[:min(len(best)+1, n)]
		}
	}
	return best
}
