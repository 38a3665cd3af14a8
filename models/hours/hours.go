package hours

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"regulars/models"
)

// Day is the number of hours of a day.
const Day = 24

// A Histogram counts what was done in each local hour, 0 to 23.
type Histogram [Day]float32

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	Concentration float64  // acts that the shop's hours count as; 0 = 5
	Bandwidth     *float64 // hours over which an act is spread (standard deviation); 0 = not at all, nil = 1
}

func (o Options) resolved() (Options, error) {
	o.Concentration = cmp.Or(o.Concentration, 5)
	if o.Bandwidth == nil {
		one := 1.0
		o.Bandwidth = &one
	}
	if !(o.Concentration > 0) || math.IsInf(o.Concentration, 0) {
		return o, &models.OptionError{Model: "hours", Option: "Concentration", Value: o.Concentration, Want: "above 0 and finite"}
	}
	if !(*o.Bandwidth >= 0 && *o.Bandwidth <= Day/2) {
		return o, &models.OptionError{Model: "hours", Option: "Bandwidth", Value: *o.Bandwidth, Want: "between 0 and 12"}
	}
	return o, nil
}

// Model says which share of a customer's activity falls into each hour.
type Model struct {
	Prior         [Day]float64 // the shop's shares, smoothed like a customer's; above 0, sum 1
	Concentration float64
	Bandwidth     float64
}

// Fit takes the shop's hours from all customers, half an act added to each.
// Without any act the error wraps models.ErrNoData.
func Fit(ctx context.Context, customers []Histogram, o Options) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var sum [Day]float64
	total := 0.0
	for i := range customers {
		n, err := customers[i].total()
		if err != nil {
			return nil, fmt.Errorf("hours: customer %d: %w", i, err)
		}
		total += n
		for h, v := range customers[i] {
			sum[h] += float64(v)
		}
	}
	if total == 0 {
		return nil, fmt.Errorf("hours: none of %d customers did anything: %w", len(customers), models.ErrNoData)
	}
	m := Model{Concentration: o.Concentration, Bandwidth: *o.Bandwidth}
	kernel := wrapped(m.Bandwidth)
	for h, v := range sum {
		spread(&m.Prior, &kernel, h, (v+0.5)/(total+Day/2))
	}
	return New(m)
}

func (h *Histogram) total() (float64, error) {
	sum := 0.0
	for hour, v := range h {
		if !(v >= 0) || math.IsInf(float64(v), 0) {
			return 0, fmt.Errorf("hour %d was used %v times: it must be finite and not below 0", hour, v)
		}
		sum += float64(v)
	}
	return sum, nil
}

// New returns the model of stored numbers.
func New(m Model) (*Model, error) {
	sum := 0.0
	for h, p := range m.Prior {
		if !(p > 0) {
			return nil, fmt.Errorf("hours: the share of hour %d is %v: it must be above 0", h, p)
		}
		sum += p
	}
	if !(math.Abs(sum-1) < 1e-6) || m.Concentration == 0 {
		return nil, fmt.Errorf("hours: shares that add up to %v, a concentration of %v", sum, m.Concentration)
	}
	_, err := Options{Concentration: m.Concentration, Bandwidth: &m.Bandwidth}.resolved()
	return &m, err
}

// wrapped is the normal density round the clock, by distance in hours; sum 1.
func wrapped(bandwidth float64) (kernel [Day]float64) {
	if bandwidth == 0 {
		kernel[0] = 1
		return kernel
	}
	sum := 0.0
	for d := range kernel {
		for turn := -4; turn <= 4; turn++ {
			z := float64(d+turn*Day) / bandwidth
			kernel[d] += math.Exp(-z * z / 2)
		}
		sum += kernel[d]
	}
	for d := range kernel {
		kernel[d] /= sum
	}
	return kernel
}

// spread adds so much activity of an hour to the hours round it.
func spread(to, kernel *[Day]float64, hour int, much float64) {
	for d, w := range kernel {
		to[(hour+d)%Day] += w * much
	}
}

// Shares returns the share of each hour: (smoothed own acts + Concentration·Prior)
// / (own acts + Concentration).
func (m *Model) Shares(own *Histogram) ([Day]float64, error) {
	n, err := own.total()
	if err != nil {
		return m.Prior, fmt.Errorf("hours: %w", err)
	}
	var out [Day]float64
	kernel := wrapped(m.Bandwidth)
	for h, v := range own {
		if v > 0 {
			spread(&out, &kernel, h, float64(v))
		}
	}
	for h := range out {
		out[h] = (out[h] + m.Concentration*m.Prior[h]) / (n + m.Concentration)
	}
	return out, nil
}

// Best returns the hour with the largest share, the earliest of several, and the
// share.
func (m *Model) Best(own *Histogram) (hour int, share float64, err error) {
	shares, err := m.Shares(own)
	if err != nil {
		return 0, 0, err
	}
	for h, p := range shares {
		if p > share {
			hour, share = h, p
		}
	}
	return hour, share, nil
}
