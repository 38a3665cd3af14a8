package propensity

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"regulars/models"
)

// A feature collapses when the AUC falls by collapseDrop and by collapseShare of
// what the model is better than chance where it is shuffled among held-out rows,
// by at most collapseLeft of that where it is shuffled among later rows, and both
// falls lie apart by more than chance (collapseSure standard errors).
const (
	collapseDrop  = 0.02
	collapseShare = 0.05
	collapseLeft  = 0.2
	collapseSure  = 3.0
	collapseRows  = 4000 // shuffled and predicted for each feature
	shuffles      = 5    // of a feature that has passed a first look
	clockAUC      = 0.9  // how well a feature that tells the time does so
	clockShare    = 0.2  // of its later values that lie beyond all early ones
	bootstraps    = 100
)

// collapse compares permutation importances (Breiman 2001, section 10) on rows of
// the time that is learned from with those on later rows. A feature that tells
// the time, such as a month or a date, may lose its importance without a leak:
// its later values have not been seen before.
func (a *alarm) collapse(ctx context.Context) error {
	if len(a.Later) == 0 {
		return nil
	}
	suspects := a.suspects()
	fit, held := a.fit.without(suspects), upTo(a.held.without(suspects), collapseRows)
	if fit.X.Cols() == 0 {
		return nil
	}
	model, err := a.Fit(ctx, fit)
	if err != nil {
		return err
	}
	early, err := newImportance(model, held, a.Seed)
	if err != nil {
		return err
	}
	for _, slice := range a.Later {
		if !bothClasses(slice.Rows.Y) {
			continue
		}
		later, err := newImportance(model, upTo(slice.Rows.without(suspects), collapseRows), a.Seed)
		if err != nil {
			return fmt.Errorf("%s: %w", slice.Name, err)
		}
		if err := a.compareImportance(ctx, early, later, slice.Name); err != nil {
			return err
		}
	}
	return nil
}

func upTo(r Rows, n int) Rows {
	if r.X.Rows <= n {
		return r
	}
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i * r.X.Rows / n
	}
	return r.take(rows)
}

func (a *alarm) compareImportance(ctx context.Context, early, later *importance, name string) error {
	least := math.Max(collapseDrop, collapseShare*(early.auc-0.5))
	for j, feature := range early.rows.X.Names {
		if err := ctx.Err(); err != nil {
			return err
		}
		first, err := early.fall(j, 1)
		if err != nil {
			return err
		}
		if first < least/2 || slices.Contains(a.suspects(), feature) {
			continue
		}
		before, err := early.fall(j, shuffles)
		if err != nil {
			return err
		}
		after, err := later.fall(j, shuffles)
		if err != nil {
			return err
		}
		if before < least || after > collapseLeft*before || a.tellsTime(feature) || a.outgrown(feature, later.rows) {
			continue
		}
		error1, err := early.deviation(j)
		if err != nil {
			return err
		}
		error2, err := later.deviation(j)
		if err != nil {
			return err
		}
		if before-after > collapseSure*math.Hypot(error1, error2) {
			a.findings = append(a.findings, Finding{Feature: feature, Leak: Collapses, Value: before, Other: after, Slice: name})
		}
	}
	return nil
}

// tellsTime reports whether a feature alone tells the first half of Early from
// the second.
func (a *alarm) tellsTime(feature string) bool {
	if !a.Dated {
		return false
	}
	j := slices.Index(a.Early.X.Names, feature)
	late := make([]bool, a.Early.X.Rows)
	for i := len(late) / 2; i < len(late); i++ {
		late[i] = true
	}
	values := a.Early.X.Column(j)
	l := newLone(values, late, slices.Contains(a.Early.Categorical, j))
	return auc(l.score(values), late) > clockAUC
}

// outgrown reports whether many later values lie below or above all early ones.
func (a *alarm) outgrown(feature string, later Rows) bool {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range a.Early.X.Column(slices.Index(a.Early.X.Names, feature)) {
		if !math.IsNaN(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	beyond := 0.0
	for _, v := range later.X.Column(slices.Index(later.X.Names, feature)) {
		if v < low || v > high {
			beyond++
		}
	}
	return beyond > clockShare*float64(later.X.Rows)
}

// importance measures how much the AUC of a model on some rows owes to a feature.
type importance struct {
	model models.Classifier
	rows  Rows
	base  []float64 // probabilities of the rows as they are
	auc   float64
	seed  uint64
}

func newImportance(model models.Classifier, rows Rows, seed uint64) (*importance, error) {
	m := &importance{model: model, rows: rows, base: make([]float64, rows.X.Rows), seed: seed}
	if err := model.Probability(rows.X, m.base); err != nil {
		return nil, err
	}
	m.auc = auc(m.base, rows.Y)
	return m, nil
}

// shuffled predicts with the values of column j exchanged between rows.
func (m *importance) shuffled(j, round int) ([]float64, error) {
	x := *m.rows.X
	x.Data = slices.Clone(x.Data)
	rng := rand.New(rand.NewPCG(m.seed, uint64(j)<<8|uint64(round)))
	for i, from := range rng.Perm(x.Rows) {
		x.Row(i)[j] = m.rows.X.Row(from)[j]
	}
	p := make([]float64, x.Rows)
	return p, m.model.Probability(&x, p)
}

// fall is by how much the AUC falls, over some shuffles.
func (m *importance) fall(j, rounds int) (float64, error) {
	sum := 0.0
	for round := range rounds {
		p, err := m.shuffled(j, round)
		if err != nil {
			return 0, err
		}
		sum += m.auc - auc(p, m.rows.Y)
	}
	return sum / float64(rounds), nil
}

// deviation is the standard error of a fall over bootstrap samples of the rows.
func (m *importance) deviation(j int) (float64, error) {
	p, err := m.shuffled(j, 0)
	if err != nil {
		return 0, err
	}
	rng := rand.New(rand.NewPCG(m.seed, uint64(j)))
	n := len(p)
	base, other, y := make([]float64, n), make([]float64, n), make([]bool, n)
	var sum, squares, draws float64
	for range bootstraps {
		for i := range n {
			r := rng.IntN(n)
			base[i], other[i], y[i] = m.base[r], p[r], m.rows.Y[r]
		}
		if d := auc(base, y) - auc(other, y); !math.IsNaN(d) {
			sum, squares, draws = sum+d, squares+d*d, draws+1
		}
	}
	mean := sum / draws
	return math.Sqrt(math.Max(0, squares/draws-mean*mean)), nil
}
