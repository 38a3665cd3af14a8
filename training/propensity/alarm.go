package propensity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"regulars/features/matrix"
	"regulars/models"
)

// Check says where Alarm looks.
type Check struct {
	Early Rows    // what would be learned from
	Later []Slice // rows of a later time: what is known only afterwards is not known there; may be none
	Dated bool    // the rows of Early stand in the order of time
	Seed  uint64

	// Fit is the model whose importances are compared; nil = small boosted trees.
	Fit func(ctx context.Context, train Rows) (models.Classifier, error)
}

// Slice is a named part of the rows.
type Slice struct {
	Name string
	Rows Rows
}

// Leak is how a feature tells the label.
type Leak string

// The leaks that are looked for.
const (
	Separates Leak = "separates"  // it alone tells nearly every row
	GivesAway Leak = "gives away" // one value of it does, which nothing else explains
	Collapses Leak = "collapses"  // it matters much among early rows and not at all later
)

// Finding is a feature that leaks.
type Finding struct {
	Feature string  `json:"feature"`
	Leak    Leak    `json:"leak"`
	Value   float64 `json:"value"`           // Separates: its AUC alone; GivesAway: share of one class among the rows of that value; Collapses: AUC lost without it, early
	Other   float64 `json:"other"`           // Separates: AUC of the best other feature; GivesAway: share expected from all others; Collapses: AUC lost without it, later
	Slice   string  `json:"slice,omitempty"` // Collapses: where
	State   string  `json:"state,omitempty"` // GivesAway: which value
}

func (f Finding) String() string {
	switch f.Leak {
	case Separates:
		return fmt.Sprintf("%s alone separates the label (AUC %.3f; the best other column has %.3f)", f.Feature, f.Value, f.Other)
	case GivesAway:
		return fmt.Sprintf("%s gives the label away where it %s (%.1f%% of one class there, %.1f%% expected from all other columns)", f.Feature, f.State, 100*f.Value, 100*f.Other)
	}
	return fmt.Sprintf("%s loses its importance on %s (without it the AUC falls by %.3f early and by %.3f there)", f.Feature, f.Slice, f.Value, f.Other)
}

// LeakError refuses to learn from columns that leak.
type LeakError struct{ Findings []Finding }

func (e *LeakError) Error() string {
	var lines, names []string
	for _, f := range e.Findings {
		lines = append(lines, f.String())
		if !slices.Contains(names, f.Feature) {
			names = append(names, f.Feature)
		}
	}
	return "the label leaks into " + strings.Join(names, ", ") + ": " + strings.Join(lines, "; ")
}

// Thresholds of the alarm. A feature separates when the pairs of rows that it
// alone ranks wrongly are surelyWrong at most, or nearlyWrong and then
// standsOut times fewer than those of the best other feature. Strong but honest
// features lie far from this: the best of real shops reach an AUC of .75 to .9.
const (
	surelyWrong = 0.005
	nearlyWrong = 0.03
	standsOut   = 3
	leastClass  = 30 // rows of each class, both learned from and held out: with 10, one of 150 honest columns at times ranks them all but rightly
	alarmRows   = 20_000
)

// Alarm names the features that tell the label in a way they could not at the
// time of scoring, the surest first of each kind. Early is cut into rows to learn
// from and rows held out. Too few rows of a class give no findings. Equal input
// and seed give equal findings.
func Alarm(ctx context.Context, c Check) ([]Finding, error) {
	if c.Fit == nil {
		c.Fit = quick(c.Seed)
	}
	c.Early = thinned(c.Early)
	fit, held := c.halves()
	if !bothClasses(fit.Y) || !bothClasses(held.Y) {
		return nil, nil
	}
	a := &alarm{Check: c, fit: fit, held: held}
	a.separation()
	for _, look := range []func(context.Context) error{a.givenAway, a.collapse} {
		if err := look(ctx); err != nil && !errors.Is(err, models.ErrNoData) {
			return nil, fmt.Errorf("looking for leaks: %w", err)
		}
	}
	return a.findings, nil
}

type alarm struct {
	Check
	fit, held Rows // both of Early
	findings  []Finding
}

// thinned keeps at most alarmRows rows, evenly spread.
func thinned(r Rows) Rows {
	if r.X.Rows <= alarmRows {
		return r
	}
	rows := make([]int, alarmRows)
	for i := range rows {
		rows[i] = i * r.X.Rows / alarmRows
	}
	return r.take(rows)
}

func bothClasses(y []bool) bool {
	positive := count(y)
	return positive >= leastClass && len(y)-positive >= leastClass
}

func count(y []bool) int {
	n := 0
	for _, v := range y {
		if v {
			n++
		}
	}
	return n
}

// halves draws a third of Early to be held out.
func (c *Check) halves() (fit, held Rows) {
	order := rand.New(rand.NewPCG(c.Seed, 0x616c61726d)).Perm(c.Early.X.Rows)
	n := len(order) / 3
	slices.Sort(order[:n])
	slices.Sort(order[n:])
	return c.Early.take(order[n:]), c.Early.take(order[:n])
}

// suspects are the features found so far.
func (a *alarm) suspects() []string {
	var out []string
	for _, f := range a.findings {
		out = append(out, f.Feature)
	}
	return out
}

// without leaves columns out.
func (r Rows) without(names []string) Rows {
	var keep, categorical []int
	var levels [][]string
	for j, name := range r.X.Names {
		if slices.Contains(names, name) {
			continue
		}
		if slices.Contains(r.Categorical, j) {
			categorical = append(categorical, len(keep))
		}
		if r.Levels != nil {
			levels = append(levels, r.Levels[j])
		}
		keep = append(keep, j)
	}
	return Rows{X: r.X.Select(keep), Categorical: categorical, Levels: levels, Y: r.Y}
}

// levels are the names of a column's categories, nil when there are none.
func (r Rows) levels(column int) []string {
	if r.Levels == nil {
		return nil
	}
	return r.Levels[column]
}

// separation ranks the held-out rows by each feature alone.
func (a *alarm) separation() {
	wrong := make([]float64, a.fit.X.Cols())
	for j := range wrong {
		l := newLone(a.fit.X.Column(j), a.fit.Y, slices.Contains(a.fit.Categorical, j))
		wrong[j] = 1 - auc(l.score(a.held.X.Column(j)), a.held.Y)
	}
	next := 0.5
	for _, w := range wrong {
		if w > nearlyWrong {
			next = math.Min(next, w)
		}
	}
	for j, w := range wrong {
		if w <= surelyWrong || w <= nearlyWrong && w*standsOut <= next {
			a.findings = append(a.findings, Finding{Feature: a.fit.X.Names[j], Leak: Separates, Value: 1 - w, Other: 1 - next})
		}
	}
	slices.SortStableFunc(a.findings, func(f, g Finding) int { return cmp.Compare(g.Value, f.Value) })
}

// auc is the share of pairs of a positive and a negative that the scores rank
// rightly, ties one half.
func auc(score []float64, y []bool) float64 {
	order := every(len(score))
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(score[a], score[b]) })
	below, right, positives := 0.0, 0.0, 0.0
	for i := 0; i < len(order); {
		positive, n, first := 0.0, 0.0, score[order[i]]
		for ; i < len(order) && score[order[i]] == first; i++ {
			if n++; y[order[i]] {
				positive++
			}
		}
		right += positive * (below + (n-positive)/2)
		below += n - positive
		positives += positive
	}
	return right / (positives * below)
}

// lone predicts from one column: how often the label was true in bins of about
// as many rows, or in each category; the last rate is that of missing values.
type lone struct {
	edges []float64 // ascending; bin b holds values up to edges[b]
	exact bool      // it holds edges[b] alone: values are categories
	rate  []float64
}

const (
	loneBins = 256
	loneRows = 10 // rows a bin
)

func newLone(values []float64, y []bool, categorical bool) *lone {
	present := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	slices.Sort(present)
	l := &lone{exact: categorical}
	if distinct := slices.Compact(slices.Clone(present)); categorical || len(distinct) <= loneBins/4 {
		l.edges = distinct
	} else {
		bins := max(2, min(loneBins, len(present)/loneRows))
		for b := 1; b < bins; b++ {
			l.edges = append(l.edges, present[b*len(present)/bins])
		}
		l.edges = slices.Compact(append(l.edges, present[len(present)-1]))
	}
	rows := make([]float64, len(l.edges)+2)
	positive := make([]float64, len(rows))
	for i, v := range values {
		b := l.bin(v)
		if rows[b]++; y[i] {
			positive[b]++
		}
	}
	overall := float64(count(y)) / float64(len(y))
	for b := range rows {
		rows[b] = (positive[b] + overall) / (rows[b] + 1)
	}
	l.rate = rows
	return l
}

// bin returns the place of a value's rate. Values above all edges, and categories
// never seen, have the last but one, which is the overall rate.
func (l *lone) bin(v float64) int {
	if math.IsNaN(v) {
		return len(l.edges) + 1
	}
	b, found := slices.BinarySearch(l.edges, v)
	if l.exact && !found {
		return len(l.edges)
	}
	return b
}

func (l *lone) score(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = l.rate[l.bin(v)]
	}
	return out
}

// A value gives the label away when it is held by giveawayShare of the rows of
// one class, giveawayPure of its rows are of that class, and by all other columns
// giveawayTimes more of them should not be. A class that most rows belong to does
// not count: nearly nobody buys whose basket is empty, and that is no secret.
const (
	mostRows      = 0.75
	giveawayRows  = 50
	giveawayShare = 0.2
	giveawayPure  = 0.98
	giveawayTimes = 5
	fewValues     = 20 // different values of a numeric column that are looked at one by one
)

// state is a value of a feature, or that it has none.
type state struct {
	column  int
	value   float64 // NaN = missing
	missing bool
	class   bool
	pure    float64 // share of the class among its held-out rows
}

func (s *state) holds(v float64) bool {
	return math.IsNaN(v) == s.missing && (s.missing || math.IsNaN(s.value) || v == s.value)
}

// words says what the state of a feature is; levels may be nil.
func (s *state) words(levels []string) string {
	switch code := int(s.value); {
	case s.missing:
		return "is missing"
	case math.IsNaN(s.value):
		return "is there"
	case code >= 0 && code < len(levels):
		return fmt.Sprintf("is %q", levels[code])
	}
	return fmt.Sprintf("is %g", s.value)
}

// givenAway looks for values of which the label follows.
func (a *alarm) givenAway(ctx context.Context) error {
	suspects := a.suspects()
	fit, held := a.fit.without(suspects), a.held.without(suspects)
	var states []state
	for j, name := range fit.X.Names {
		for _, s := range statesOf(fit.X.Column(j), j) {
			if s.pureIn(fit) && s.pureIn(held) {
				states = append(states, s)
				suspects = append(suspects, name)
			}
		}
	}
	if len(states) == 0 {
		return nil
	}
	p, err := a.predicted(ctx, fit.without(suspects), held.X)
	if err != nil {
		return err
	}
	for _, s := range states {
		expected, n := 0.0, 0.0
		for i, v := range held.X.Column(s.column) {
			if s.holds(v) {
				n++
				expected += classProbability(p[i], s.class)
			}
		}
		expected /= n
		name := fit.X.Names[s.column]
		if 1-expected >= giveawayTimes*(1-s.pure+1/n) && !slices.Contains(a.suspects(), name) {
			a.findings = append(a.findings, Finding{Feature: name, Leak: GivesAway, Value: s.pure, Other: expected, State: s.words(fit.levels(s.column))})
		}
	}
	return nil
}

func classProbability(p float64, class bool) float64 {
	if class {
		return p
	}
	return 1 - p
}

// statesOf lists what is looked at of a column: whether there is a value, and
// each of few values, both ways round.
func statesOf(values []float64, column int) []state {
	present := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	slices.Sort(present)
	distinct := slices.Compact(present)
	var out []state
	for _, class := range []bool{true, false} {
		out = append(out, state{column: column, missing: true, value: math.NaN(), class: class}, state{column: column, value: math.NaN(), class: class})
		if len(distinct) > fewValues {
			continue
		}
		for _, v := range distinct {
			out = append(out, state{column: column, value: v, class: class})
		}
	}
	return out
}

// pureIn reports whether the state is common and pure among rows, and notes how pure.
func (s *state) pureIn(r Rows) bool {
	n, of, class, rows := 0.0, 0.0, 0.0, float64(r.X.Rows)
	for i := range r.X.Rows {
		same := r.Y[i] == s.class
		if same {
			class++
		}
		if s.holds(r.X.Row(i)[s.column]) {
			if n++; same {
				of++
			}
		}
	}
	s.pure = of / math.Max(1, n)
	return class <= mostRows*rows && n >= giveawayRows && n < rows && of >= giveawayShare*class && s.pure >= giveawayPure && giveawayTimes*(1-s.pure) <= 1-class/rows
}

// predicted fits the alarm's model and applies it to other rows, of which it
// takes the columns that it knows.
func (a *alarm) predicted(ctx context.Context, train Rows, x *matrix.Dense) ([]float64, error) {
	m, err := a.Fit(ctx, train)
	if err != nil {
		return nil, err
	}
	var keep []int
	for _, name := range train.X.Names {
		keep = append(keep, slices.Index(x.Names, name))
	}
	x = x.Select(keep)
	p := make([]float64, x.Rows)
	return p, m.Probability(x, p)
}
