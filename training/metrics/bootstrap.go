package metrics

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// DefaultDraws is how many bootstrap samples an interval is taken from when
// the caller does not say.
const DefaultDraws = 1000

// ErrUndefined says that a metric has no value on the data at hand, such as an
// AUC over rows of one class.
var ErrUndefined = errors.New("metric is undefined on this data")

// Metric is a measured value with its 95% interval. Low and High are absent
// where no interval is known.
type Metric struct {
	Value float64  `json:"value"`
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
}

func interval(value, low, high float64) Metric {
	return Metric{Value: value, Low: &low, High: &high}
}

// Above maxResampled values, whole hands of users are drawn in place of users, so
// that the cost of an interval stays the same for millions of users.
const (
	maxResampled = 20_000
	hands        = 10_000
)

// Bootstrap returns the 95% percentile interval of the mean of values (one a
// user) over draws samples with replacement (0 = DefaultDraws). Equal input and
// seed give equal output. Source: Efron, Tibshirani 1993, chapter 13.
//
// More than 20,000 values are first dealt in turn into 10,000 hands, of which
// the samples are drawn: users are independent of each other, so hands vary as
// much less as they are larger, and the interval is as wide.
func Bootstrap(values []float64, draws int, seed uint64) (low, high float64, err error) {
	if len(values) == 0 {
		return 0, 0, fmt.Errorf("interval over no values: %w", ErrUndefined)
	}
	if err := checkFinite("value", values); err != nil {
		return 0, 0, err
	}
	means := make([]float64, drawsOr(draws))
	rng := rand.New(rand.NewPCG(seed, 0x6d65616e73))
	if len(values) > maxResampled {
		dealt(values).resample(means, rng)
	} else {
		resample(values, means, rng)
	}
	low, high = percentiles(means)
	return low, high, nil
}

func resample(values, means []float64, rng *rand.Rand) {
	for d := range means {
		sum := 0.0
		for range values {
			sum += values[rng.Uint64N(uint64(len(values)))]
		}
		means[d] = sum / float64(len(values))
	}
}

// handed are the values of the users in each hand.
type handed struct{ sum, count [hands]float64 }

func dealt(values []float64) *handed {
	h := &handed{}
	for i, v := range values {
		h.sum[i%hands] += v
		h.count[i%hands]++
	}
	return h
}

func (h *handed) resample(means []float64, rng *rand.Rand) {
	for d := range means {
		sum, count := 0.0, 0.0
		for range hands {
			i := rng.Uint64N(hands)
			sum += h.sum[i]
			count += h.count[i]
		}
		means[d] = sum / count
	}
}

// Paired returns the mean of a−b over the users for whom both are defined (not
// NaN), with its 95% interval: a difference is sure when the interval leaves out 0.
// a and b hold one value a user, in the same order.
func Paired(a, b []float64, draws int, seed uint64) (Metric, error) {
	if len(a) != len(b) {
		return Metric{}, fmt.Errorf("paired difference of %d and %d users: they must be the same users", len(a), len(b))
	}
	var diff []float64
	for i := range a {
		if !math.IsNaN(a[i]) && !math.IsNaN(b[i]) {
			diff = append(diff, a[i]-b[i])
		}
	}
	return mean(diff, draws, seed)
}

// mean returns the mean of finite values with its interval.
func mean(values []float64, draws int, seed uint64) (Metric, error) {
	low, high, err := Bootstrap(values, draws, seed)
	if err != nil {
		return Metric{}, err
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return interval(sum/float64(len(values)), low, high), nil
}

func drawsOr(draws int) int {
	if draws <= 0 {
		return DefaultDraws
	}
	return draws
}

// percentiles sorts v in place and returns its 2.5% and 97.5% quantiles,
// interpolated linearly.
func percentiles(v []float64) (low, high float64) {
	slices.Sort(v)
	return quantile(v, 0.025), quantile(v, 0.975)
}

func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func checkFinite(what string, values []float64) error {
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%s %d is %v: every %s must be a finite number", what, i, v, what)
		}
	}
	return nil
}
