package outlook

import (
	"math"
	"math/rand/v2"
	"slices"

	"regulars/training/metrics"
)

// Report says how well each part does on rows that nothing was chosen on.
type Report struct {
	AsOf    string   `json:"as_of"`
	Targets []Target `json:"targets"`
	Choices Choices  `json:"choices"`
	Notes   []string `json:"notes,omitempty"` // what is left out, and why
}

// A Target is something predicted, on one slice.
type Target struct {
	Name     string   `json:"name"` // such as "return within 30 days" or "next category"
	TestAsOf string   `json:"test_as_of"`
	Days     int      `json:"days"` // after it that the truth is of
	Results  []Result `json:"results"`
}

// A Result is what one model did on the slice of a target.
type Result struct {
	Model    string                    `json:"model"`
	Baseline bool                      `json:"baseline,omitempty"`
	Rows     int                       `json:"rows"`
	Metrics  map[string]metrics.Metric `json:"metrics"`
}

// Choices are what was chosen before the reported slice was looked at. The zero
// value is the smallest rung of the ladder: gaps between orders, means.
type Choices struct {
	Returns string                 `json:"returns,omitempty"` // gap, survival, or survival and gap; "" = gap
	Spend   string                 `json:"spend,omitempty"`   // tweedie, log, own-mean or shop-mean; "" = own-mean
	Next    map[string]SharesTuned `json:"next,omitempty"`    // by kind
	Hours   *HoursTuned            `json:"hours,omitempty"`
}

// SharesTuned are the options of models/shares for a kind; 0 = the default.
type SharesTuned struct {
	HalfLife      float64 `json:"half_life_days"`
	Concentration float64 `json:"concentration"`
}

// HoursTuned are the options of models/hours.
type HoursTuned struct {
	Concentration float64 `json:"concentration"`
	Bandwidth     float64 `json:"bandwidth_hours"`
}

// measured is a statistic of rows with its 95% percentile interval over bootstrap
// samples of them; absent (false) where it has no value. resampled rows that leave
// it without one are left out.
func measured(n int, o Options, statistic func(rows []int) float64) (metrics.Metric, bool) {
	rows := spread(n, n)
	m := metrics.Metric{Value: statistic(rows)}
	if n == 0 || math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
		return m, false
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0x6f75746c6f6f6b))
	var values []float64
	for range o.Samples {
		for i := range rows {
			rows[i] = rng.IntN(n)
		}
		if v := statistic(rows); !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	if len(values) > 0 {
		slices.Sort(values)
		low, high := values[int(0.025*float64(len(values)-1))], values[int(math.Ceil(0.975*float64(len(values)-1)))]
		m.Low, m.High = &low, &high
	}
	return m, true
}

// measures computes several statistics; those without a value are absent.
func measures(n int, o Options, statistics map[string]func(rows []int) float64) map[string]metrics.Metric {
	out := map[string]metrics.Metric{}
	for name, f := range statistics {
		if m, ok := measured(n, o, f); ok {
			out[name] = m
		}
	}
	return out
}

// meanOf is the mean of values, one a row.
func meanOf(values []float64) func(rows []int) float64 {
	return func(rows []int) float64 {
		sum := 0.0
		for _, r := range rows {
			sum += values[r]
		}
		return sum / float64(len(rows))
	}
}

// medianOf is the median of values, one a row.
func medianOf(values []float64) func(rows []int) float64 {
	return func(rows []int) float64 {
		if len(rows) == 0 {
			return math.NaN()
		}
		sorted := pick(values, rows)
		slices.Sort(sorted)
		n := len(sorted)
		return (sorted[(n-1)/2] + sorted[n/2]) / 2
	}
}

// ratioOf is Σ a / Σ b.
func ratioOf(a, b []float64) func(rows []int) float64 {
	return func(rows []int) float64 {
		above, below := 0.0, 0.0
		for _, r := range rows {
			above += a[r]
			below += b[r]
		}
		return above / below
	}
}

// biasOf is Σ predicted / Σ actual − 1.
func biasOf(predicted, actual []float64) func(rows []int) float64 {
	ratio := ratioOf(predicted, actual)
	return func(rows []int) float64 { return ratio(rows) - 1 }
}

// correlationOf is Pearson's.
func correlationOf(a, b []float64) func(rows []int) float64 {
	return func(rows []int) float64 {
		meanA, meanB := meanOf(a)(rows), meanOf(b)(rows)
		var ab, aa, bb float64
		for _, r := range rows {
			ab += (a[r] - meanA) * (b[r] - meanB)
			aa += (a[r] - meanA) * (a[r] - meanA)
			bb += (b[r] - meanB) * (b[r] - meanB)
		}
		return ab / math.Sqrt(aa*bb)
	}
}

func absoluteErrors(predicted, actual []float64) []float64 {
	out := make([]float64, len(actual))
	for i := range out {
		out[i] = math.Abs(predicted[i] - actual[i])
	}
	return out
}
