package clv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"regulars/data/interactions"
	"regulars/models"
	"regulars/models/btyd"
	"regulars/training/metrics"
)

// Names of the models there are, in table order.
const (
	BGNBD      = "bgnbd"
	ParetoNBD  = "paretonbd"
	GammaGamma = "gammagamma"
)

var names = []string{BGNBD, ParetoNBD, GammaGamma}

// Names returns the models there are.
func Names() []string { return slices.Clone(names) }

// Find returns the models asked for, "all" being every one, in the order asked.
func Find(asked []string) ([]string, error) {
	var out []string
	for _, name := range asked {
		switch {
		case name == "all":
			out = append(out, names...)
		case slices.Contains(names, name):
			out = append(out, name)
		default:
			return nil, fmt.Errorf("there is no model %q: the models are %s", name, strings.Join(names, ", "))
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(out, func(n string) bool { had := seen[n]; seen[n] = true; return had }), nil
}

// Request says what to evaluate.
type Request struct {
	Summary  *Summary
	Models   []string // as Find returns them
	Must     bool     // a model that the data cannot support is an error, not a note
	Draws    int      // bootstrap samples; 0 = metrics.DefaultDraws
	Seed     uint64
	Workers  int
	PeakRSS  func() int64                        // may be nil
	Progress func(stage string, done, total int) // may be nil
}

// Report is what an evaluation found.
type Report struct {
	Results        []Result                  `json:"results"`
	CalibrationEnd string                    `json:"calibration_end"`
	HoldoutEnd     string                    `json:"holdout_end,omitempty"`
	Horizon        float64                   `json:"holdout_units,omitempty"`   // length of the holdout period
	LateCustomers  int                       `json:"later_customers,omitempty"` // first seen after the calibration period: left out
	Quarantined    []interactions.Quarantine `json:"quarantined,omitempty"`
	Notes          []string                  `json:"notes,omitempty"`
}

// Result is one model.
type Result struct {
	Model          string                    `json:"model"`
	Options        map[string]any            `json:"options"`
	Parameters     map[string]float64        `json:"parameters"`
	StandardErrors map[string]float64        `json:"standard_errors,omitempty"`
	Metrics        map[string]metrics.Metric `json:"metrics"`
	Users          int                       `json:"users"`                   // learned from
	HoldoutUsers   int                       `json:"holdout_users,omitempty"` // compared
	FitSeconds     float64                   `json:"fit_seconds"`
	ScoreSeconds   float64                   `json:"score_seconds"`
	PeakRSSBytes   int64                     `json:"peak_rss_bytes,omitempty"`
}

// fitted is a model and what it expects of the customers whose numbers are given,
// beside what they did.
type fitted struct {
	parameters []btyd.Parameter
	stats      btyd.Fitted
	expect     func() (expected, actual []float64, err error)
}

// Evaluate fits the models on the calibration period and measures them on the
// holdout period, if there is one.
func Evaluate(ctx context.Context, r Request) (*Report, error) {
	s := r.Summary
	report := &Report{CalibrationEnd: s.Calibration.String(), LateCustomers: s.LateCame}
	if s.Horizon > 0 {
		report.HoldoutEnd, report.Horizon = s.Holdout.String(), s.Horizon
	} else {
		report.Notes = append(report.Notes, "nothing is known after the calibration period: there is nothing to compare with")
	}
	for _, name := range r.Models {
		result, err := r.measure(ctx, name, report)
		if (errors.Is(err, models.ErrNoData) || errors.Is(err, models.ErrUnknown)) && !r.Must {
			report.Notes = append(report.Notes, name+" is left out: "+err.Error())
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		report.Results = append(report.Results, *result)
	}
	if len(report.Results) == 0 {
		return nil, fmt.Errorf("no model can be fitted: %s: %w", strings.Join(report.Notes, "; "), models.ErrNoData)
	}
	return report, nil
}

func (r Request) measure(ctx context.Context, name string, report *Report) (*Result, error) {
	if r.Progress != nil {
		r.Progress("fitting "+name, 0, 0)
	}
	begun := time.Now()
	m, err := r.fit(ctx, name, report)
	if err != nil {
		return nil, err
	}
	done := time.Now()
	out := &Result{Model: name, Options: map[string]any{}, Parameters: map[string]float64{}, StandardErrors: map[string]float64{},
		Metrics: map[string]metrics.Metric{}, Users: m.stats.Customers, FitSeconds: done.Sub(begun).Seconds()}
	for _, p := range m.parameters {
		out.Parameters[p.Name] = p.Value
		if p.StdErr > 0 {
			out.StandardErrors[p.Name] = p.StdErr
		}
	}
	if r.Summary.Horizon > 0 {
		expected, actual, err := m.expect()
		if err != nil {
			return nil, err
		}
		out.Metrics, out.HoldoutUsers = compare(expected, actual, r.draws(), r.Seed), len(expected)
	}
	out.Metrics["log_likelihood"] = metrics.Metric{Value: m.stats.LogLikelihood}
	out.ScoreSeconds = time.Since(done).Seconds()
	if r.PeakRSS != nil {
		out.PeakRSSBytes = r.PeakRSS()
	}
	return out, ctx.Err()
}

func (r Request) draws() int {
	if r.Draws == 0 {
		return metrics.DefaultDraws
	}
	return r.Draws
}

func (r Request) fit(ctx context.Context, name string, report *Report) (*fitted, error) {
	o := btyd.Options{Workers: r.Workers}
	switch name {
	case BGNBD:
		m, err := btyd.FitBGNBD(ctx, r.Summary.Customers, o)
		if err != nil {
			return nil, err
		}
		return &fitted{m.Parameters(), m.Fitted, r.Summary.orders(m)}, nil
	case ParetoNBD:
		m, err := btyd.FitParetoNBD(ctx, r.Summary.Customers, o)
		if err != nil {
			return nil, err
		}
		return &fitted{m.Parameters(), m.Fitted, r.Summary.orders(m)}, nil
	case GammaGamma:
		return r.fitValues(ctx, o, report)
	}
	return nil, fmt.Errorf("there is no such model: the models are %s", strings.Join(names, ", "))
}

// orders compares the orders expected of every customer in the holdout period.
func (s *Summary) orders(m btyd.Orders) func() (expected, actual []float64, err error) {
	return func() (expected, actual []float64, err error) {
		for i, c := range s.Customers {
			expected = append(expected, m.Expected(c, s.Horizon))
			actual = append(actual, float64(s.Later[i].Orders))
		}
		return expected, actual, nil
	}
}

// fitValues leaves out customers whose repeat orders were all for nothing, of
// whom the model has no notion.
func (r Request) fitValues(ctx context.Context, o btyd.Options, report *Report) (*fitted, error) {
	if !r.Summary.Valued {
		return nil, fmt.Errorf("the file has no column amount: %w", models.ErrNoData)
	}
	known := slices.Clone(r.Summary.Customers)
	free := 0
	for i, c := range known {
		if c.X > 0 && c.Mean == 0 {
			known[i] = btyd.Customer{T: c.T}
			free++
		}
	}
	if free > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("gammagamma leaves out %d customers whose repeat orders were all for nothing", free))
	}
	m, err := btyd.FitGammaGamma(ctx, known, o)
	if err != nil {
		return nil, err
	}
	return &fitted{m.Parameters(), m.Fitted, r.Summary.values(m)}, nil
}

// values compares the mean value of an order, of those customers with repeat
// orders before who ordered in the holdout period.
func (s *Summary) values(m *btyd.GammaGamma) func() (expected, actual []float64, err error) {
	return func() (expected, actual []float64, err error) {
		for i, c := range s.Customers {
			later := s.Later[i]
			if later.Orders == 0 || !(c.Mean > 0) {
				continue
			}
			mean, err := m.Mean(c)
			if err != nil {
				return nil, nil, err
			}
			expected = append(expected, mean)
			actual = append(actual, later.Value/float64(later.Orders))
		}
		return expected, actual, nil
	}
}
