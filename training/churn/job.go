package churn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/calibrate"
	"regulars/training/metrics"
	"regulars/training/options"
	"regulars/training/season"
)

// A Job says what churn is and how models of it are compared.
type Job struct {
	HorizonDays int // churn = no order within so many days
	ActiveDays  int // customers without an order for longer are lapsed
	Settings    []options.Setting
	Seed        uint64
	Workers     int                                 // 0 = all cores; results do not depend on it
	Progress    func(stage string, done, total int) // may be nil
}

func (j *Job) step(stage string, done, total int) {
	if j.Progress != nil {
		j.Progress(stage, done, total)
	}
}

// FewCustomers is how many active customers there must be to choose by.
const FewCustomers = 20

// Choice is what the choice rows decided: the best recipe of each family, in
// table order, and the best of all.
type Choice struct {
	Families []Chosen
	Best     string
	Why      Why // the best was used
	Notes    []string
}

// Chosen is a recipe, how it did on the choice rows and its calibration there.
type Chosen struct {
	Recipe
	LogLoss float64
	Map     *Calibration

	raw    []float64 // of the choice rows
	losses []float64 // cross-fitted, of each active customer among them
	rarer  int       // labels of the rarer kind among them
}

// Of returns the recipe of a family.
func (c *Choice) Of(family string) (Chosen, bool) {
	i := slices.IndexFunc(c.Families, func(f Chosen) bool { return f.Family == family })
	if i < 0 {
		return Chosen{}, false
	}
	return c.Families[i], true
}

// Explaining returns the best recipe, or where that is the base rate, which says
// the same of everybody, the best beside it.
func (c *Choice) Explaining() (Chosen, bool) {
	if c.Best != BaseRate {
		return c.Of(c.Best)
	}
	others := slices.DeleteFunc(slices.Clone(c.Families), func(f Chosen) bool { return f.Family == BaseRate })
	if len(others) == 0 {
		return Chosen{}, false
	}
	return slices.MinFunc(others, func(a, b Chosen) int { return cmp.Compare(a.LogLoss, b.LogLoss) }), true
}

// Choose fits every recipe that the shop can carry on train and judges it on
// the choice rows by the log loss of cross-fitted calibrated probabilities of
// active customers.
func (j *Job) Choose(ctx context.Context, train, choice Rows) (*Choice, error) {
	active, err := Active(choice.X, j.ActiveDays)
	if err != nil {
		return nil, err
	}
	if len(active) < FewCustomers {
		return nil, fmt.Errorf("only %d customers ordered in the %d days before the choice date, %d are needed to choose a model: %w",
			len(active), j.ActiveDays, FewCustomers, models.ErrNoData)
	}
	families, why := rungOf(len(active))
	recipes, err := j.recipes(families)
	if err != nil {
		return nil, err
	}
	recipes = j.alsoRecently(recipes, train)
	out := &Choice{}
	for i, r := range recipes {
		j.step("choosing churn models", i, len(recipes))
		raw, err := fitAndApply(ctx, r, train, choice.X)
		if err == nil {
			err = out.judge(ctx, r, raw, choice.Left, active)
		}
		if errors.Is(err, models.ErrNoData) {
			out.Notes = append(out.Notes, fmt.Sprintf("churn: %s left out: %v", r.Family, err))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.Family, err)
		}
	}
	j.step("choosing churn models", len(recipes), len(recipes))
	if slices.Contains(families, Average) {
		if err := out.vote(ctx, choice.Left, active); err != nil {
			return nil, err
		}
	}
	if len(out.Families) == 0 {
		return nil, fmt.Errorf("churn: no model could be made: %w", models.ErrNoData)
	}
	best := slices.MinFunc(out.Families, func(a, b Chosen) int { return cmp.Compare(a.LogLoss, b.LogLoss) })
	out.Best, out.Why = best.Family, why.best(len(out.Families))
	if best.Family == BaseRate && lowest(families) {
		return out, out.trustGaps(why, j.Seed)
	}
	return out, nil
}

// judge keeps a recipe if it is the best of its family.
func (c *Choice) judge(ctx context.Context, r Recipe, raw []float64, left []bool, active []int) error {
	m, each, err := calibrated(ctx, raw, left, active)
	if err != nil {
		return err
	}
	loss := mean(each)
	chosen := Chosen{Recipe: r, LogLoss: loss, Map: m, raw: raw, losses: each, rarer: rarer(left)}
	i := slices.IndexFunc(c.Families, func(f Chosen) bool { return f.Family == r.Family })
	switch {
	case i < 0:
		c.Families = append(c.Families, chosen)
	case loss < c.Families[i].LogLoss:
		c.Families[i] = chosen
	}
	return nil
}

// vote judges the average of the best recipes, whose raw probabilities are known.
func (c *Choice) vote(ctx context.Context, left []bool, active []int) error {
	var members []Recipe
	var said []models.Classifier
	for _, family := range voters {
		f, ok := c.Of(family)
		if !ok {
			return nil
		}
		members, said = append(members, f.Recipe), append(said, spoken(f.raw))
	}
	raw, err := poll(said, len(left))
	if err != nil {
		return err
	}
	return c.judge(ctx, vote(members), raw, left, active)
}

// Tested is a family on the untouched rows.
type Tested struct {
	Chosen
	Metrics      map[string]metrics.Metric // of the active; other segments with their name and a colon before
	Customers    int                       // active ones
	FitSeconds   float64
	ScoreSeconds float64
	Best         bool
	Excess       *metrics.Metric // log loss above that of the base rate, customer by customer; nil where that was left out

	each []float64 // log loss of each active customer
}

// Test fits the choices again on all rows known at the test day, shifts them
// to the season that is to be expected then, and reports on test.
func (j *Job) Test(ctx context.Context, c *Choice, learn, test Rows, day int32) ([]Tested, *season.Forecast, error) {
	segments, err := Segments(test.X, j.ActiveDays)
	if err != nil {
		return nil, nil, err
	}
	expected, err := j.forecast(ctx, learn, test.X, day)
	if err != nil {
		return nil, nil, err
	}
	out := make([]Tested, 0, len(c.Families))
	for i, f := range c.Families {
		j.step("testing churn models", i, len(c.Families))
		t, err := j.test(ctx, f, learn, test, expected, segments)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", f.Family, err)
		}
		t.Best = f.Family == c.Best
		out = append(out, *t)
	}
	j.step("testing churn models", len(c.Families), len(c.Families))
	return out, expected, j.compare(out)
}

// compare measures by how much each family is worse than the base rate.
func (j *Job) compare(all []Tested) error {
	base := slices.IndexFunc(all, func(t Tested) bool { return t.Family == BaseRate })
	if base < 0 {
		return nil
	}
	for i := range all {
		excess, err := metrics.Paired(all[i].each, all[base].each, 0, j.Seed)
		if err != nil {
			return fmt.Errorf("%s beside the base rate: %w", all[i].Family, err)
		}
		all[i].Excess = &excess
	}
	return nil
}

func (j *Job) test(ctx context.Context, f Chosen, learn, test Rows, expected *season.Forecast, segments []Segment) (*Tested, error) {
	begun := time.Now()
	m, err := j.fitted(ctx, f, learn, test.X, expected)
	if err != nil {
		return nil, err
	}
	scoring := time.Now()
	p := make([]float64, test.X.Rows)
	if err := m.Probability(test.X, p); err != nil {
		return nil, fmt.Errorf("at the test rows: %w", err)
	}
	active := segments[0].Rows
	out := &Tested{Chosen: f, Customers: len(active), each: losses(pick(p, active), pick(test.Left, active)),
		FitSeconds: scoring.Sub(begun).Seconds(), ScoreSeconds: time.Since(scoring).Seconds()}
	out.Metrics, err = j.measure(ctx, p, test.Left, segments)
	return out, err
}

// Fitted is a choice fitted again, with the calibration of the choice rows and
// the season of the test rows.
func (j *Job) Fitted(ctx context.Context, f Chosen, learn, test Rows, day int32) (*Model, error) {
	expected, err := j.forecast(ctx, learn, test.X, day)
	if err != nil {
		return nil, err
	}
	return j.fitted(ctx, f, learn, test.X, expected)
}

func (j *Job) fitted(ctx context.Context, f Chosen, learn Rows, x *matrix.Dense, expected *season.Forecast) (*Model, error) {
	model, err := f.fit(ctx, learn)
	if err != nil {
		return nil, err
	}
	c := *f.Map
	m := &Model{Calibrated: calibrate.Calibrated{Base: model, Map: &c}, Map: &c}
	return m, m.toSeason(j, expected, x, f.rarer)
}

// measure measures every segment; one without rows has no metrics.
func (j *Job) measure(ctx context.Context, probability []float64, left []bool, segments []Segment) (map[string]metrics.Metric, error) {
	out := map[string]metrics.Metric{}
	for _, s := range segments {
		if len(s.Rows) == 0 {
			continue
		}
		values, err := metrics.Classification(ctx, pick(probability, s.Rows), pick(left, s.Rows), 0, j.Seed)
		if err != nil {
			return nil, err
		}
		if s.Name == "" {
			maps.Copy(out, values)
			continue
		}
		for key, m := range values {
			out[s.Name+":"+key] = m
		}
	}
	return out, nil
}
