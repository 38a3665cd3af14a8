package repeat

import (
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
)

// floor is the popularity below which an item that hardly sells is not
// discounted further, and the weight of all-time popularity in Share.
const floor = 0.001

// Model holds four numbers an item; the history comes with each request. Make it
// with Fit, or with New from stored numbers.
type Model struct {
	Options     Options   // with defaults filled in
	Share       []float32 // recent popularity, in [0, 1]
	GapMean     []float32 // mean of ln(days between purchases of one customer)
	GapVariance []float32 // its variance, above 0
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Explainer   = (*Model)(nil)
)

// New returns the model of stored options and numbers, one of each an item.
func New(o Options, share, gapMean, gapVariance []float32) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if len(share) == 0 || len(gapMean) != len(share) || len(gapVariance) != len(share) {
		return nil, fmt.Errorf("repeat: %d shares, %d means and %d variances of gaps: there must be one of each an item",
			len(share), len(gapMean), len(gapVariance))
	}
	for i := range share {
		if !(share[i] >= 0 && share[i] <= 1) {
			return nil, fmt.Errorf("repeat: share of item %d is %v: it must lie in [0, 1]", i, share[i])
		}
		if !(math.Abs(float64(gapMean[i])) <= 50) || !(gapVariance[i] >= 0 && gapVariance[i] <= 1e4) {
			return nil, fmt.Errorf("repeat: gaps of item %d have a log mean of %v and variance of %v: they must lie in [−50, 50] and [0, 1e4]",
				i, gapMean[i], gapVariance[i])
		}
	}
	return &Model{Options: o, Share: share, GapMean: gapMean, GapVariance: gapVariance}, nil
}

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return len(m.Share) }

// Score writes the score of Options for every item. timing is
//
//	( P(bought within HorizonDays | not since the last purchase) / the same if purchases came at random )^(Timing·regularity²)
//
// under a log-normal law of the gaps of this item, updated with the customer's
// own gaps, where regularity in [0, 1] compares their spread with that of random
// purchases: an item without a cycle keeps its plain decay. An item of every 30
// days is all but gone on day 2 and up again before day 30. Without history the
// score is the popularity, or ErrUnknown when Prior is 0.
// Cost: O(items + history).
func (m *Model) Score(h matrix.History, now int32, dst []float32) error {
	if len(dst) != len(m.Share) {
		return fmt.Errorf("repeat: room for %d scores, there are %d items", len(dst), len(m.Share))
	}
	if err := m.check(h); err != nil {
		return err
	}
	prior := *m.Options.Prior
	for i, s := range m.Share {
		dst[i] = float32(prior * float64(s))
	}
	known := prior > 0
	eachItem(h, now, func(item int32, days []int32, weights []float32) {
		known = true
		dst[item] = m.score(item, days, weights, now)
	})
	if !known {
		return fmt.Errorf("repeat: no history and no popularity: %w", models.ErrUnknown)
	}
	return nil
}

func (m *Model) check(h matrix.History) error {
	if len(h.Day) != len(h.Item) || len(h.Weight) != len(h.Item) {
		return fmt.Errorf("repeat: history has %d items, %d days and %d weights", len(h.Item), len(h.Day), len(h.Weight))
	}
	for i, it := range h.Item {
		if it < 0 || int(it) >= len(m.Share) {
			return fmt.Errorf("repeat: history names item %d of %d items", it, len(m.Share))
		}
		if w := float64(h.Weight[i]); !(w > 0) || math.IsInf(w, 0) {
			return fmt.Errorf("repeat: history has item %d with weight %v: it must be a finite number above 0", it, w)
		}
	}
	return nil
}

// score is that of an item of the history.
func (m *Model) score(item int32, days []int32, weights []float32, now int32) float32 {
	own := 0.0
	for i, d := range days {
		own += float64(weights[i]) * math.Exp2(-age(now, d)/m.Options.HalfLifeDays)
	}
	share := float64(m.Share[item])
	plain := own*math.Pow(share+floor, *m.Options.Availability) + *m.Options.Prior*share
	law, _ := m.law(item, days)
	return float32(math.Min(plain*m.timing(law, age(now, days[len(days)-1])), maxScore))
}

// maxScore keeps sums of huge weights finite in float32.
const maxScore = 1e30

func age(now, day int32) float64 { return float64(now) - float64(day) }

// law is that of the customer's next gap of an item, and the gaps of their own
// that it rests on.
func (m *Model) law(item int32, days []int32) (cycle, gapSum) {
	var own gapSum
	addGaps(&own, days)
	pooled := cycle{mean: float64(m.GapMean[item]), variance: float64(m.GapVariance[item])}
	return pooled.update(own, m.Options.OwnPseudoGaps), own
}

func (m *Model) timing(c cycle, elapsed float64) float64 {
	r := c.regularity()
	power := *m.Options.Timing * r * r
	if power == 0 {
		return 1
	}
	return math.Pow(math.Max(c.lift(elapsed, m.Options.HorizonDays), 1e-12), power)
}

// Waiting returns the items of the history, ascending, that keep a cycle which is
// not near its end: nine in ten of such purchases come later. Cost: O(history).
func (m *Model) Waiting(h matrix.History, now int32) []int32 {
	if m.check(h) != nil {
		return nil
	}
	var out []int32
	eachItem(h, now, func(item int32, days []int32, _ []float32) {
		if law, _ := m.law(item, days); law.kept() && !law.over(age(now, days[len(days)-1])) {
			out = append(out, item)
		}
	})
	return out
}

// Explain says that an item of the history is usual every so many days where the
// customer's purchases keep an even cycle of which half at least is over, that it was
// bought before where they do not, and that an item they never had is popular.
func (m *Model) Explain(h matrix.History, now int32, item int32) (models.Reason, bool) {
	if item < 0 || int(item) >= len(m.Share) || m.check(h) != nil {
		return models.Reason{}, false
	}
	reason, found := models.Reason{Kind: models.ReasonPopular, Item: -1}, *m.Options.Prior > 0 && m.Share[item] > 0
	eachItem(h, now, func(it int32, days []int32, _ []float32) {
		if it != item {
			return
		}
		reason.Kind, found = models.ReasonAgain, true
		law, own := m.law(item, days)
		elapsed := age(now, days[len(days)-1])
		if own.even() && law.kept() && law.over(elapsed) && 2*elapsed >= law.days() {
			reason.Kind, reason.Days = models.ReasonUsual, int32(math.Round(math.Max(1, law.days())))
		}
	})
	return reason, found
}
