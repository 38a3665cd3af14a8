package outlook

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/calibrate"
	"regulars/models/gap"
	"regulars/models/survival"
)

// Families of models of the next order.
const (
	familySurvival = "survival"
	familyGap      = "gap"
	familyBoth     = "survival and gap" // the mean of their hazards
)

const (
	recencyColumn  = "recency_days"
	expectedColumn = "expected_gap_days"
)

const (
	fewRows     = 200    // with fewer rows nothing is learned from features
	maxRows     = 20_000 // rows that a survival model is fitted on, evenly spread over customers and dates
	maxPeriods  = 20_000 // person-periods of those
	follow      = 180    // days that each of them is followed
	maxMeasured = 50_000 // rows that are calibrated on and measured
)

// penalty is that of the survival regression for each person-period: rounded from
// the best of 1 to 16,000 for 40,000 of them, on three validation dates each of two
// shops.
const penalty = 0.1

// families are those that are compared, the simplest first.
var families = []string{familyGap, familySurvival, familyBoth}

// Calibration corrects the log-odds of an order within so many days to A + B·log-odds.
type Calibration struct {
	Days int     `json:"days"`
	A    float64 `json:"a"`
	B    float64 `json:"b"`
}

// waiting is a model of the next order with its calibration by horizon, ascending.
type waiting struct {
	survival *survival.Model
	gap      *gap.Model // of the same columns where there are both; one may be nil
	maps     []Calibration
}

func (w *waiting) names() []string {
	if w.survival != nil {
		return w.survival.Names
	}
	return w.gap.Names
}

// course is what survival.Course and gap.Course have in common.
type course interface{ Within(days float64) float64 }

// course of a row of a table that has the columns of names alone.
func (w *waiting) course(x *matrix.Dense, i int) (course, error) {
	switch {
	case w.gap == nil:
		return w.survival.Course(x, i, 0)
	case w.survival == nil:
		return w.gap.Course(x, i, 0)
	}
	a, err := w.survival.Course(x, i, 0)
	if err != nil {
		return nil, err
	}
	b, err := w.gap.Course(x, i, 0)
	return both{a, b}, err
}

// both is the course of the mean of two hazards.
type both struct{ a, b course }

func (c both) Within(days float64) float64 {
	return 1 - math.Sqrt((1-c.a.Within(days))*(1-c.b.Within(days)))
}

// selected returns the named columns of x.
func selected(x *matrix.Dense, names []string) (*matrix.Dense, error) {
	if slices.Equal(x.Names, names) {
		return x, nil
	}
	columns := make([]int, len(names))
	for k, name := range names {
		if columns[k] = slices.Index(x.Names, name); columns[k] < 0 {
			return nil, fmt.Errorf("outlook: column %q is missing: %w", name, models.ErrColumns)
		}
	}
	return x.Select(columns), nil
}

// at returns the calibration for so many days: between two horizons it changes
// evenly with the logarithm of the days, beyond them it stays.
func (w *waiting) at(days int) calibrate.Platt {
	k, found := slices.BinarySearchFunc(w.maps, days, func(c Calibration, d int) int { return c.Days - d })
	switch {
	case len(w.maps) == 0:
		return calibrate.Platt{B: 1}
	case found || k == 0:
		return calibrate.Platt{A: w.maps[k].A, B: w.maps[k].B}
	case k == len(w.maps):
		return calibrate.Platt{A: w.maps[k-1].A, B: w.maps[k-1].B}
	}
	low, high := w.maps[k-1], w.maps[k]
	part := math.Log(float64(days)/float64(low.Days)) / math.Log(float64(high.Days)/float64(low.Days))
	return calibrate.Platt{A: low.A + part*(high.A-low.A), B: low.B + part*(high.B-low.B)}
}

// grid is a calibrated model at ascending days.
type grid struct {
	days []int
	maps []calibrate.Platt
}

func (w *waiting) grid(days []int) grid {
	g := grid{days: days}
	for _, d := range days {
		g.maps = append(g.maps, w.at(d))
	}
	return g
}

// fill writes the probability of an order within each of the days: never falling.
func (g *grid) fill(c course, dst []float64) {
	before := 0.0
	for k, d := range g.days {
		before = max(before, g.maps[k].Apply(c.Within(float64(d))))
		dst[k] = before
	}
}

// run is one Evaluate or Fit.
type run struct {
	*shop
	o     Options
	kinds []*kind
	fits  map[string]*waiting
	notes []string
}

func newRun(in *Input, o Options) (*run, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	s, err := newShop(in)
	if err != nil {
		return nil, err
	}
	kinds, err := s.findKinds()
	return &run{shop: s, o: o, kinds: kinds, fits: map[string]*waiting{}}, err
}

func (r *run) note(format string, args ...any) {
	if n := fmt.Sprintf(format, args...); !slices.Contains(r.notes, n) {
		r.notes = append(r.notes, n)
	}
}

// absent notes a part that the data cannot carry; other errors are returned.
func (r *run) absent(part string, err error) error {
	if err == nil || !errors.Is(err, models.ErrNoData) && !errors.Is(err, models.ErrColumns) && !errors.Is(err, models.ErrUnknown) {
		return err
	}
	r.note("%s: %v", part, err)
	return nil
}

// latest returns the last date whose h days are over by known.
func (r *run) latest(known data.Day, h int) (d int, ok bool) {
	for d = len(r.Dates) - 1; d >= 0; d-- {
		if r.Dates[d].AsOf+data.Day(h) <= known {
			return d, true
		}
	}
	return 0, false
}

// fit learns from what was known at a date.
func (r *run) fit(ctx context.Context, family string, known data.Day) (*waiting, error) {
	key := family + known.String()
	if w, ok := r.fits[key]; ok {
		return w, nil
	}
	w := &waiting{}
	var err error
	switch family {
	case familyGap:
		w.gap, err = r.fitGap(ctx, []string{recencyColumn, expectedColumn}, known)
	case familySurvival:
		w.survival, err = r.fitSurvival(ctx, known)
	case familyBoth:
		var alone *waiting
		if alone, err = r.fit(ctx, familySurvival, known); err == nil {
			w.survival = alone.survival
			w.gap, err = r.fitGap(ctx, alone.survival.Names, known)
		}
	default:
		err = &models.OptionError{Model: "outlook", Option: "Choices.Returns", Value: family, Want: fmt.Sprintf("one of %q", families)}
	}
	if err != nil {
		return nil, err
	}
	r.fits[key] = w
	return w, nil
}

func (r *run) fitGap(ctx context.Context, names []string, known data.Day) (*gap.Model, error) {
	if _, err := selected(r.last().X, []string{recencyColumn, expectedColumn}); err != nil {
		return nil, err
	}
	orders := make([][]int32, len(r.days))
	for u, days := range r.days {
		orders[u] = until(days, known)
	}
	return gap.Fit(ctx, names, orders, int32(known), gap.Options{Horizon: r.Horizon})
}

// fitSurvival learns from the rows at earlier dates and what followed by then.
func (r *run) fitSurvival(ctx context.Context, known data.Day) (*survival.Model, error) {
	const period = 7
	if _, err := selected(r.last().X, []string{recencyColumn}); err != nil {
		return nil, err
	}
	total := 0
	for d := range r.Dates {
		if r.Dates[d].AsOf+period <= known {
			total += len(r.Dates[d].IDs)
		}
	}
	x := &matrix.Dense{Names: r.last().X.Names}
	var seen []survival.Seen
	for d := range r.Dates {
		rows := &r.Dates[d]
		if rows.AsOf+period > known {
			continue
		}
		take := spread(len(rows.IDs), max(1, len(rows.IDs)*maxRows/max(total, maxRows)))
		part, err := selected(rows.X, x.Names)
		if err != nil {
			return nil, fmt.Errorf("rows at %s: %w", rows.AsOf, err)
		}
		if x, err = matrix.Append(x, part.Take(take)); err != nil {
			return nil, err
		}
		for _, i := range take {
			at := survival.Seen{Days: int(known - rows.AsOf)}
			if day, ok := r.next(d, i, known); ok {
				at.Next = int(day) - int(rows.AsOf) + 1
			}
			seen = append(seen, at)
		}
	}
	if x.Rows < fewRows {
		return nil, fmt.Errorf("%d rows before %s, a model of features needs %d: %w", x.Rows, known, fewRows, models.ErrNoData)
	}
	return survival.Fit(ctx, x, seen, survival.Options{Elapsed: recencyColumn, Period: period, Horizon: r.Horizon, Follow: follow, MaxPeriods: maxPeriods, L2: penalty * periods(seen, period)})
}

// periods is how many person-periods a regression will be fitted on, about.
func periods(seen []survival.Seen, length int) float64 {
	n := 0
	for _, s := range seen {
		if s.Next > 0 {
			s.Days = s.Next
		}
		n += min(s.Days, follow)/length + 1
	}
	return float64(min(n, maxPeriods))
}

// early are days that a model is calibrated for beside the horizons, so that the
// course has the right shape before the first of them.
var early = []int{7, 14}

// points are the days that a model is calibrated for.
func (r *run) points() []int {
	points := slices.Concat(early, r.o.Horizons, []int{r.Horizon})
	slices.Sort(points)
	return slices.Compact(points)
}

// calibrated fits a family on what was known at a date. The map of each horizon is
// learned on the latest rows whose horizon was over by then, each date's from a
// model fitted on what was known when its rows began.
func (r *run) calibrated(ctx context.Context, family string, known data.Day) (*waiting, error) {
	fitted, err := r.fit(ctx, family, known)
	if err != nil {
		return nil, err
	}
	w := *fitted
	var missing []int
	for _, h := range r.points() {
		m, err := r.calibration(ctx, family, known, h)
		if errors.Is(err, models.ErrNoData) {
			missing = append(missing, h)
			continue
		}
		if err != nil {
			return nil, err
		}
		w.maps = append(w.maps, *m)
	}
	if len(missing) > 0 {
		r.note("return at %s: too few customers and dates to calibrate %v days by themselves", known, missing)
	}
	return &w, nil
}

// Seasons move the rate from date to date more than anything that is wrong with a
// model, so a map is learned on several dates, with quarters between them a year,
// and counts as so many against asIs dates on which nothing had to be corrected.
const (
	calibrationDates = 4
	asIs             = 2.0
)

func (r *run) calibration(ctx context.Context, family string, known data.Day, h int) (*Calibration, error) {
	var raw []float64
	var y []bool
	last, ok := r.latest(known, h)
	dates := 0.0
	for d := last; ok && d >= 0 && d > last-calibrationDates; d-- {
		p, came, err := r.raw(ctx, family, d, h)
		if errors.Is(err, models.ErrNoData) {
			break // nor is there enough before
		}
		if err != nil {
			return nil, err
		}
		raw, y = append(raw, p...), append(y, came...)
		dates++
	}
	m, err := platt(raw, y)
	if err != nil {
		return nil, err
	}
	weight := dates / (dates + asIs)
	return &Calibration{Days: h, A: weight * m.A, B: 1 + weight*(m.B-1)}, nil
}

// fewOfAKind is how many customers of either outcome it takes to calibrate by.
const fewOfAKind = 20

func platt(raw []float64, y []bool) (*calibrate.Platt, error) {
	ordered := 0
	for _, v := range y {
		if v {
			ordered++
		}
	}
	if min(ordered, len(y)-ordered) < fewOfAKind {
		return nil, fmt.Errorf("%d of %d customers ordered: %w", ordered, len(y), models.ErrNoData)
	}
	return calibrate.FitPlatt(raw, y)
}

// raw returns what a model that was fitted when the rows of a date began says of
// them, and what became true.
func (r *run) raw(ctx context.Context, family string, d, h int) ([]float64, []bool, error) {
	w, err := r.fit(ctx, family, r.Dates[d].AsOf)
	if err != nil {
		return nil, nil, err
	}
	rows := spread(len(r.Dates[d].IDs), maxMeasured)
	p := make([]float64, len(rows))
	g := w.grid([]int{h})
	return p, r.within(d, rows, h), r.courses(w, d, rows, func(i int, c course) { g.fill(c, p[i:i+1]) })
}

// courses visits the courses of the given rows of a date.
func (r *run) courses(w *waiting, d int, rows []int, visit func(i int, c course)) error {
	x, err := selected(r.Dates[d].X, w.names())
	if err != nil {
		return err
	}
	for i, row := range rows {
		c, err := w.course(x, row)
		if err != nil {
			return err
		}
		visit(i, c)
	}
	return nil
}

// chooseReturns compares the families on the rows at a date by the mean log loss
// of cross-fitted calibrated probabilities at every horizon that is over a
// Horizon later.
func (r *run) chooseReturns(ctx context.Context, d int) (string, error) {
	best, least := familyGap, math.Inf(1)
	for _, family := range families {
		loss, err := r.crossFitted(ctx, family, d)
		if err != nil {
			if err := r.absent("a model of the next order by "+family, err); err != nil {
				return "", err
			}
			continue
		}
		if loss < least {
			best, least = family, loss
		}
	}
	return best, nil
}

const folds = 5

func (r *run) crossFitted(ctx context.Context, family string, d int) (float64, error) {
	sum, n := 0.0, 0
	for _, h := range r.points() {
		if h > r.Horizon {
			continue
		}
		raw, y, err := r.raw(ctx, family, d, h)
		if err != nil {
			return 0, err
		}
		for fold := range folds {
			m, err := calibrate.FitPlatt(outside(raw, fold), outside(y, fold))
			if err != nil {
				return 0, err
			}
			for i := fold; i < len(raw); i += folds {
				sum += logLoss(m.Apply(raw[i]), y[i])
				n++
			}
		}
	}
	return sum / float64(n), nil
}

// outside returns the values of the other folds.
func outside[T any](values []T, fold int) []T {
	var out []T
	for i, v := range values {
		if i%folds != fold {
			out = append(out, v)
		}
	}
	return out
}

func logLoss(p float64, y bool) float64 {
	if y {
		return -math.Log(p)
	}
	return -math.Log1p(-p)
}
