package propensity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"regulars/data/frame"
	"regulars/models"
	"regulars/models/calibrate"
	"regulars/training/metrics"
	"regulars/training/options"
	"regulars/training/usage"
)

// Request says what to compare.
type Request struct {
	Task       *Task
	Test       *frame.Table
	Families   []Family // the baseline is measured as well, named or not
	Must       bool     // a family that the data cannot support is an error, not a note
	Settings   []options.Setting
	Explain    bool     // curves and contributions as well, for WriteHTML
	AllowLeaks []string // columns that the alarm may name without ending the comparison; "all" = any
	Seed       uint64
	Workers    int
	Progress   func(stage string, done, total int) // may be nil
}

// Report is what a comparison found.
type Report struct {
	Results []Result  `json:"results"` // the families asked for, then the baseline
	Leaks   []Finding `json:"leaks,omitempty"`
	Left    []LeftOut `json:"quarantined,omitempty"`
	Chosen  string    `json:"chosen"` // the family with the smallest log loss on the later part of train
	Notes   []string  `json:"notes,omitempty"`

	Probability []float64 `json:"-"` // of the chosen family, one a row of test

	about about
}

// about is what a page says of the data.
type about struct {
	label, train, test            string
	trainRows, testRows, positive int // positive: rows of test whose label is true
}

// LeftOut says how many rows of a file could not be split into cells.
type LeftOut struct {
	File string `json:"file"`
	frame.Left
}

// Result is one family.
type Result struct {
	Model        string                               `json:"model"`
	Baseline     bool                                 `json:"baseline,omitempty"`
	Options      map[string]any                       `json:"options"`
	Parameters   map[string]float64                   `json:"parameters,omitempty"` // a and b of the calibration, where it is calibrated
	Metrics      map[string]metrics.Metric            `json:"metrics"`
	Differences  map[string]map[string]metrics.Metric `json:"differences,omitempty"` // this minus the baseline, row by row
	Users        int                                  `json:"users"`                 // rows of test
	FitSeconds   float64                              `json:"fit_seconds"`           // choosing and both fits
	ScoreSeconds float64                              `json:"score_seconds"`
	PeakRSSBytes int64                                `json:"peak_rss_bytes,omitempty"`

	probability []float64
	later       float64         // log loss on the later part of train; NaN = not known
	curves      *metrics.Curves // where the request asks for them
	effects     []effect        // the strongest first; none of a family that does not tell
}

// Evaluate raises the alarm where a column leaks (a *LeakError, unless the
// request allows it), then fits and measures the families one after the other.
func Evaluate(ctx context.Context, r Request) (*Report, error) {
	w, err := newWork(r)
	if err != nil {
		return nil, err
	}
	report := &Report{Notes: w.notes(), about: w.about()}
	if report.Leaks, err = w.alarm(ctx); err != nil {
		return nil, err
	}
	if refused := r.refused(report.Leaks); len(refused) > 0 {
		return nil, &LeakError{refused}
	}
	var measured []Result
	for _, f := range withBaseline(r.Families) {
		result, err := w.measure(ctx, f)
		if errors.Is(err, models.ErrNoData) && !r.Must && !f.Baseline {
			report.Notes = append(report.Notes, f.Name+" is left out: "+err.Error())
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if err := result.compare(measured, w.y, r.Seed); err != nil {
			return nil, err
		}
		measured = append(measured, *result)
	}
	report.choose(measured)
	report.Results = append(measured[1:], measured[0])
	return report, nil
}

func withBaseline(families []Family) []Family {
	out := slices.DeleteFunc(Families(), func(f Family) bool { return !f.Baseline })
	for _, f := range families {
		if !f.Baseline {
			out = append(out, f)
		}
	}
	return out
}

// choose names the family that did best on the later part of train, the
// baseline only when it is alone; without a later part the first.
func (r *Report) choose(measured []Result) {
	candidates := measured
	if len(measured) > 1 {
		candidates = measured[1:]
	}
	best := slices.MinFunc(candidates, func(a, b Result) int { return cmp.Compare(orInf(a.later), orInf(b.later)) })
	r.Chosen, r.Probability = best.Model, best.probability
}

func orInf(v float64) float64 {
	if math.IsNaN(v) {
		return math.Inf(1)
	}
	return v
}

// refused are the findings that the request does not allow.
func (r Request) refused(found []Finding) []Finding {
	if slices.Contains(r.AllowLeaks, "all") {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(found), func(f Finding) bool { return slices.Contains(r.AllowLeaks, f.Feature) })
}

// work is a request with the rows that it is done on.
type work struct {
	Request
	all, early, later []int // of train
	dated             bool
	test              []int
	y                 []bool // of test
}

func newWork(r Request) (*work, error) {
	y, err := r.Task.Labels(r.Test)
	if err != nil {
		return nil, err
	}
	w := &work{Request: r, all: every(r.Task.Train.Rows), test: every(r.Test.Rows), y: y}
	w.early, w.later, w.dated = r.Task.cut(r.Seed)
	return w, nil
}

func (w *work) notes() []string {
	out := append(slices.Clone(w.Task.Notes), w.unseen()...)
	switch {
	case w.later == nil:
		return append(out, fmt.Sprintf("train has too few rows of one class to hold some back (%d of each are needed there): nothing is calibrated or stopped early", leastLater))
	case w.dated:
		return append(out, fmt.Sprintf("the %d latest of %d rows of train decide how long to learn and whether to calibrate", len(w.later), len(w.all)))
	}
	return append(out, fmt.Sprintf("%d of %d rows of train, drawn at random, decide how long to learn and whether to calibrate", len(w.later), len(w.all)))
}

// unseen counts, column by column, the rows of test whose category train does not
// have.
func (w *work) unseen() []string {
	var out []string
	for _, f := range w.Task.features {
		c := &w.Task.Train.Columns[f.place]
		if f.presence || c.Kind != frame.Text {
			continue
		}
		e := encoded{code: commonest(c, w.all, math.MaxInt32)}
		rows := 0
		for _, code := range e.numbers(&w.Test.Columns[w.Test.Find(c.Name)], w.test) {
			if code == notKnown {
				rows++
			}
		}
		if rows > 0 {
			out = append(out, fmt.Sprintf("%s: %d of %d rows of test have a category that train does not have", c.Name, rows, len(w.test)))
		}
	}
	return out
}

func (w *work) about() about {
	a := about{label: w.Task.label.Name, train: w.Task.Train.Path, test: w.Test.Path, trainRows: w.Task.Train.Rows, testRows: w.Test.Rows}
	for _, y := range w.y {
		if y {
			a.positive++
		}
	}
	return a
}

func (w *work) step(stage string, done, total int) {
	if w.Progress != nil {
		w.Progress(stage, done, total)
	}
}

// alarm looks among the earlier rows of train, and holds them against its later
// rows, where those are known to be later, and against test.
func (w *work) alarm(ctx context.Context) ([]Finding, error) {
	w.step("looking for leaks", 0, 0)
	e, early := w.Task.learnCodes(w.early)
	c := Check{Early: early, Dated: w.dated, Seed: w.Seed}
	if w.dated {
		c.Later = append(c.Later, Slice{"the latest rows of train", e.rows(w.Task.Train, w.later, w.Task.Y)})
	}
	c.Later = append(c.Later, Slice{"test", e.rows(w.Test, w.test, w.y)})
	return Alarm(ctx, c)
}

// encoded is an encoding learned from rows of train, for one family.
func (w *work) encoded(f Family, rows []int) (*encoding, Rows) {
	if f.codes {
		return w.Task.learnCodes(rows)
	}
	return w.Task.learnNumbers(rows, w.Seed)
}

func (w *work) measure(ctx context.Context, f Family) (*Result, error) {
	o, err := f.With(w.Settings)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	stage := "fitting " + f.Name
	w.step(stage, 0, 0)
	run := Run{Seed: w.Seed, Workers: w.Workers, Progress: func(done, total int) { w.step(stage, done, total) }}
	out := &Result{Model: f.Name, Baseline: f.Baseline, Users: len(w.test), later: math.NaN()}
	o, platt, err := w.decide(ctx, f, o, run, out)
	if err != nil {
		return nil, err
	}
	e, train := w.encoded(f, w.all)
	model, err := f.Fit(ctx, train, nil, o, run)
	if err != nil {
		return nil, err
	}
	fitted := time.Now()
	w.step("scoring by "+f.Name, 0, 0)
	out.probability = make([]float64, len(w.test))
	if err := calibrated(model, platt).Probability(e.apply(w.Test, w.test), out.probability); err != nil {
		return nil, err
	}
	out.FitSeconds, out.ScoreSeconds = fitted.Sub(begun).Seconds(), time.Since(fitted).Seconds()
	out.Options = options.Describe(o)
	if out.Metrics, err = metrics.Classification(ctx, out.probability, w.y, draws(len(w.y)), w.Seed); err != nil {
		return nil, err
	}
	out.PeakRSSBytes = usage.PeakRSS()
	if w.Explain {
		w.step("explaining "+f.Name, 0, 0)
		err = w.explain(out, model, platt, e)
	}
	return out, err
}

// draws is how many bootstrap samples an interval is taken from: fewer of many
// rows, whose intervals are narrow.
func draws(rows int) int {
	const rowsDrawn, least = 20_000_000, 200
	return max(least, min(metrics.DefaultDraws, rowsDrawn/rows))
}

func calibrated(m models.Classifier, platt *calibrate.Platt) models.Classifier {
	if platt == nil {
		return m
	}
	return &calibrate.Calibrated{Base: m, Map: platt}
}

// decide fits on the early rows and returns the options with what the later rows
// say about how long to learn, and the calibration where it lowers the log loss.
func (w *work) decide(ctx context.Context, f Family, o any, run Run, out *Result) (any, *calibrate.Platt, error) {
	if w.later == nil {
		return o, nil, nil
	}
	e, early := w.encoded(f, w.early)
	later := e.rows(w.Task.Train, w.later, w.Task.Y)
	model, err := f.Fit(ctx, early, &later, o, run)
	if err != nil {
		return nil, nil, err
	}
	if f.again != nil {
		o = f.again(o, model)
	}
	p := make([]float64, len(w.later))
	if err := model.Probability(later.X, p); err != nil {
		return nil, nil, err
	}
	out.later = logLoss(p, later.Y)
	if f.Baseline {
		return o, nil, nil
	}
	crossed, err := crossCalibrated(p, later.Y)
	if errors.Is(err, models.ErrNoData) {
		return o, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if better := logLoss(crossed, later.Y); better < out.later {
		out.later = better
		platt, err := calibrate.FitPlatt(p, later.Y)
		if err != nil {
			return nil, nil, err
		}
		out.Parameters = map[string]float64{"platt_a": platt.A, "platt_b": platt.B}
		return o, platt, nil
	}
	return o, nil, nil
}

// calibrationFolds is how many parts the later rows are cut into, so that no
// row's probability is calibrated by the row itself.
const calibrationFolds = 5

func crossCalibrated(p []float64, y []bool) ([]float64, error) {
	out := make([]float64, len(p))
	for fold := range calibrationFolds {
		var others []int
		for i := range p {
			if i%calibrationFolds != fold {
				others = append(others, i)
			}
		}
		m, err := calibrate.FitPlatt(pick(p, others), pick(y, others))
		if err != nil {
			return nil, err
		}
		for i := fold; i < len(p); i += calibrationFolds {
			out[i] = m.Apply(p[i])
		}
	}
	return out, nil
}

// certain keeps the loss of a probability of 0 or 1 finite, as in package metrics.
const certain = 0x1p-52

func rowLoss(p float64, y bool) float64 {
	if !y {
		p = 1 - p
	}
	return -math.Log(max(p, certain))
}

func logLoss(p []float64, y []bool) float64 {
	sum := 0.0
	for i := range p {
		sum += rowLoss(p[i], y[i])
	}
	return sum / float64(len(p))
}

// compare adds the differences to the baseline, which is measured first.
func (r *Result) compare(measured []Result, y []bool, seed uint64) error {
	if len(measured) == 0 {
		return nil
	}
	base := measured[0]
	ours, theirs := make([]float64, len(y)), make([]float64, len(y))
	r.Differences = map[string]map[string]metrics.Metric{base.Model: {}}
	for key, loss := range map[string]func(p float64, y bool) float64{"log_loss": rowLoss, "brier": squared} {
		for i := range y {
			ours[i], theirs[i] = loss(r.probability[i], y[i]), loss(base.probability[i], y[i])
		}
		d, err := metrics.Paired(ours, theirs, 0, seed)
		if err != nil {
			return fmt.Errorf("comparing %s with %s: %w", r.Model, base.Model, err)
		}
		r.Differences[base.Model][key] = d
	}
	return nil
}

func squared(p float64, y bool) float64 {
	if y {
		p = 1 - p
	}
	return p * p
}
