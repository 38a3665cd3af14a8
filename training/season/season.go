package season

import (
	"fmt"
	"math"
	"slices"

	"regulars/data"
)

// A Window is a past horizon whose outcome is known.
type Window struct {
	AsOf      data.Day // it covers [AsOf, AsOf + horizon)
	Customers int      // on whom the rate is counted, at least 1
	Events    int      // how many of them had the outcome, such as leaving
	// Expected is the mean probability, in (0, 1), that the model of the target,
	// calibrated, gives to these customers. That it has learned from them does
	// little harm as long as it cannot tell the date. 0 means unknown. It must be
	// known of all windows or of none: of none, the customers are taken to be of
	// the same kind in all windows and the target, and the forecast is less sure.
	Expected float64
}

// Target is the horizon whose rate is asked for.
type Target struct {
	AsOf      data.Day
	Horizon   int     // days, at least 1
	Customers int     // whose rate it will be, at least 1
	Expected  float64 // mean calibrated probability of the model for them, in (0, 1)
}

// Rule names how a forecast was made.
type Rule string

// The rules there are.
const (
	// RuleModel: less than a year is known, so no season; the model's mean stands.
	RuleModel Rule = "model"
	// RuleSeason: the model's mean corrected by level, trend and season of the windows.
	RuleSeason Rule = "season"
)

// A Forecast is the rate of a horizon and what it was made from.
type Forecast struct {
	AsOf   string  `json:"as_of"`
	Rate   float64 `json:"rate"`   // in (0, 1)
	Low80  float64 `json:"low80"`  // interval in which the rate that comes true
	High80 float64 `json:"high80"` // lies in 80% of forecasts
	Low95  float64 `json:"low95"`
	High95 float64 `json:"high95"`
	Rule   Rule    `json:"rule"`
	Model  float64 `json:"model"` // mean probability of the model, before the correction
	// In log-odds: Rate = Model + Level + Season.
	Level  float64 `json:"level"`  // what the model was off lately, season apart
	Season float64 `json:"season"` // what this time of the year differs by
	// Expected sizes, standard deviations in log-odds.
	SeasonSize float64 `json:"season_size"`
	DriftSize  float64 `json:"drift_size"` // per square root of a year
	NoiseSize  float64 `json:"noise_size"` // of one window, sampling apart
	Windows    int     `json:"windows"`
	Since      string  `json:"since,omitempty"` // as_of of the first window
	Earlier    []Past  `json:"earlier,omitempty"`
}

// A Past is the window nearest to the target's time of the year, some years earlier.
type Past struct {
	Years    int     `json:"years"`
	AsOf     string  `json:"as_of"`
	Rate     float64 `json:"rate"`
	Expected float64 `json:"expected,omitempty"`
}

// What can be asked for.
const (
	mostWindows = 200 // the work grows with its third power; monthly windows of 16 years
	edge        = 1e-6
	yearDays    = 365.25
)

// Predict forecasts the rate of the target from windows in any order and at any
// spacing; they may overlap. A window that is not over when the target begins is
// an error, as it would be a look into the future. Where the windows do not
// reach back a year the rate is the model's own, with the interval of a season
// unknown.
func Predict(t Target, windows []Window) (*Forecast, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	windows = slices.SortedFunc(slices.Values(windows), func(a, b Window) int { return int(a.AsOf) - int(b.AsOf) })
	if err := checkWindows(t, windows); err != nil {
		return nil, err
	}
	f := &Forecast{AsOf: t.AsOf.String(), Rule: RuleModel, Model: t.Expected, Windows: len(windows)}
	var known []Window
	if len(windows) > 0 {
		f.Since = windows[0].AsOf.String()
		f.Earlier = earlier(t, windows)
	}
	if t.reached(windows) {
		f.Rule, known = RuleSeason, windows
	}
	post, err := newProcess(t, known).posterior()
	if err != nil {
		return nil, fmt.Errorf("forecast of the rate at %s: %w", t.AsOf, err)
	}
	f.fill(logit(t.Expected), post)
	return f, nil
}

// String says in a sentence what the forecast is and what it rests on.
func (f *Forecast) String() string {
	if f.Rule == RuleModel {
		return fmt.Sprintf("rate from %s: %.1f%% as the model says (80%%: %.1f to %.1f); windows known: %d, which do not reach back a year, so a season cannot be told",
			f.AsOf, 100*f.Rate, 100*f.Low80, 100*f.High80, f.Windows)
	}
	return fmt.Sprintf("rate from %s: %.1f%% (80%%: %.1f to %.1f), the model's %.1f%% moved in log-odds by level %+.2f and season %+.2f, from %d windows since %s",
		f.AsOf, 100*f.Rate, 100*f.Low80, 100*f.High80, 100*f.Model, f.Level, f.Season, f.Windows, f.Since)
}

func (f *Forecast) fill(model float64, post mixture) {
	f.Level, f.Season = post.mean(func(c component) float64 { return c.level }), post.mean(func(c component) float64 { return c.season })
	f.SeasonSize = post.mean(func(c component) float64 { return c.sizes.season })
	f.DriftSize = post.mean(func(c component) float64 { return c.sizes.drift })
	f.NoiseSize = post.mean(func(c component) float64 { return c.sizes.noise })
	f.Rate = rate(model + f.Level + f.Season)
	for q, to := range map[float64]*float64{0.025: &f.Low95, 0.1: &f.Low80, 0.9: &f.High80, 0.975: &f.High95} {
		*to = rate(model + post.quantile(q))
	}
}

// rate keeps away from 0 and 1, which no history proves.
func rate(odds float64) float64 { return min(max(1/(1+math.Exp(-odds)), edge), 1-edge) }

func logit(p float64) float64 { return math.Log(p) - math.Log1p(-p) }

func (t Target) check() error {
	switch {
	case t.Horizon < 1:
		return fmt.Errorf("forecast of the rate at %s: horizon of %d days: it must be at least 1", t.AsOf, t.Horizon)
	case t.Customers < 1:
		return fmt.Errorf("forecast of the rate at %s: %d customers: there must be at least 1", t.AsOf, t.Customers)
	case !(t.Expected > 0 && t.Expected < 1):
		return fmt.Errorf("forecast of the rate at %s: the model's mean probability is %v: it must lie between 0 and 1", t.AsOf, t.Expected)
	}
	return nil
}

func checkWindows(t Target, sorted []Window) error {
	if len(sorted) > mostWindows {
		return fmt.Errorf("forecast of the rate at %s: %d windows, at most %d are taken: leave out every other one", t.AsOf, len(sorted), mostWindows)
	}
	for i, w := range sorted {
		switch {
		case int64(w.AsOf)+int64(t.Horizon) > int64(t.AsOf):
			return fmt.Errorf("window at %s: its %d days are not over at %s, when the forecast is made", w.AsOf, t.Horizon, t.AsOf)
		case i > 0 && sorted[i-1].AsOf == w.AsOf:
			return fmt.Errorf("window at %s is given twice", w.AsOf)
		case w.Customers < 1 || w.Events < 0 || w.Events > w.Customers:
			return fmt.Errorf("window at %s: %d of %d customers is no rate", w.AsOf, w.Events, w.Customers)
		case !(w.Expected >= 0 && w.Expected < 1):
			return fmt.Errorf("window at %s: the model's mean probability is %v: it must lie between 0 and 1, or be 0 for unknown", w.AsOf, w.Expected)
		case (w.Expected == 0) != (sorted[0].Expected == 0):
			return fmt.Errorf("window at %s: the model's mean probability must be known of all windows or of none", w.AsOf)
		}
	}
	return nil
}

// reached reports whether the windows go back to the target's time of the year
// one year earlier, up to a quarter of the horizon.
func (t Target) reached(sorted []Window) bool {
	return len(sorted) > 0 && float64(t.AsOf-sorted[0].AsOf) >= yearDays-float64(t.Horizon)/4
}

// earlier returns, for each year back, the window that lies nearest to the
// target's time of the year and at most half a horizon away.
func earlier(t Target, sorted []Window) []Past {
	var out []Past
	span := float64(t.AsOf - sorted[0].AsOf)
	for years := 1; yearDays*float64(years)-float64(t.Horizon)/2 <= span; years++ {
		off := func(w Window) float64 { return math.Abs(float64(t.AsOf-w.AsOf) - yearDays*float64(years)) }
		w := slices.MinFunc(sorted, func(a, b Window) int { return int(math.Copysign(1, off(a)-off(b))) })
		if off(w) <= float64(t.Horizon)/2 {
			out = append(out, Past{Years: years, AsOf: w.AsOf.String(), Rate: float64(w.Events) / float64(w.Customers), Expected: w.Expected})
		}
	}
	return out
}
