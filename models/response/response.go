package response

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/optimize"

	"regulars/models"
)

// A Tally is what came of the messages that one customer received.
type Tally struct {
	Sent, Answered int64 // Answered is at most Sent
}

func (t Tally) check() error {
	if t.Answered < 0 || t.Answered > t.Sent {
		return fmt.Errorf("%d messages received, %d answered", t.Sent, t.Answered)
	}
	return nil
}

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	MaxIterations int // of the simplex search; 0 = 500
}

// Model is the rate at which customers answer, Beta(A, B).
type Model struct {
	A, B float64
}

// maxSent bounds the work for one customer's tally; a customer with more messages
// counts as one with as many of the same rate.
const maxSent = 10_000

// Fit finds the A and B of the greatest likelihood of the tallies, the counts of
// each customer being beta-binomial (Skellam 1948), held by two weak priors: half
// an answer and half a silence (Jeffreys), and ln(A+B) ~ N(ln 20, 3²), since
// customers with a message each say nothing about how much customers differ.
// Without any message the error wraps models.ErrNoData.
func Fit(ctx context.Context, tallies []Tally, o Options) (*Model, error) {
	if o.MaxIterations < 0 {
		return nil, &models.OptionError{Model: "response", Option: "MaxIterations", Value: o.MaxIterations, Want: "at least 1"}
	}
	groups, err := grouped(tallies)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	sent, answered := 0.0, 0.0
	for _, g := range groups {
		sent += g.n * float64(g.Sent)
		answered += g.n * float64(g.Answered)
	}
	if sent == 0 {
		return nil, fmt.Errorf("response: none of %d customers received a message: %w", len(tallies), models.ErrNoData)
	}
	mean := (answered + 0.5) / (sent + 1)
	start := []float64{math.Log(mean) - math.Log1p(-mean), math.Log(20)}
	found, err := optimize.Minimize(optimize.Problem{Func: func(at []float64) float64 { return loss(groups, at) }}, start,
		&optimize.Settings{MajorIterations: cmp.Or(o.MaxIterations, 500)}, &optimize.NelderMead{})
	if err != nil {
		return nil, fmt.Errorf("response: no likeliest rate: %w", err)
	}
	a, b := parameters(found.X)
	return New(a, b)
}

// group is some customers with the same tally.
type group struct {
	Tally
	n float64
}

// grouped counts equal tallies in a fixed order, so that neither the order nor the
// number of customers makes the work.
func grouped(tallies []Tally) ([]group, error) {
	sorted := make([]Tally, 0, len(tallies))
	for i, t := range tallies {
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("response: customer %d: %w", i, err)
		}
		if t.Sent > maxSent {
			t = Tally{maxSent, int64(math.Round(maxSent * float64(t.Answered) / float64(t.Sent)))}
		}
		if t.Sent > 0 {
			sorted = append(sorted, t)
		}
	}
	slices.SortFunc(sorted, func(a, b Tally) int { return cmp.Or(cmp.Compare(a.Sent, b.Sent), cmp.Compare(a.Answered, b.Answered)) })
	var out []group
	for _, t := range sorted {
		if last := len(out) - 1; last >= 0 && out[last].Tally == t {
			out[last].n++
			continue
		}
		out = append(out, group{t, 1})
	}
	return out, nil
}

// bound keeps the log-odds of the mean and the logarithm of A+B where the gamma
// function has digits left.
const bound = 14.0

// parameters are A and B at the log-odds of the mean and ln(A+B).
func parameters(at []float64) (a, b float64) {
	mean := 1 / (1 + math.Exp(-min(max(at[0], -bound), bound)))
	both := math.Exp(min(max(at[1], -bound), bound))
	return both * mean, both * (1 - mean)
}

// loss is minus the logarithm of likelihood and priors.
func loss(groups []group, at []float64) float64 {
	a, b := parameters(at)
	whole := lbeta(a, b)
	sum := 0.5 * (math.Log(a/(a+b)) + math.Log(b/(a+b)))
	spread := (at[1] - math.Log(20)) / 3
	sum -= spread * spread / 2
	for _, g := range groups {
		sum += g.n * (lbeta(a+float64(g.Answered), b+float64(g.Sent-g.Answered)) - whole)
	}
	return -sum
}

func lbeta(a, b float64) float64 {
	x, _ := math.Lgamma(a)
	y, _ := math.Lgamma(b)
	z, _ := math.Lgamma(a + b)
	return x + y - z
}

// New returns the model of stored numbers.
func New(a, b float64) (*Model, error) {
	if !(a > 0) || !(b > 0) || math.IsInf(a+b, 0) {
		return nil, fmt.Errorf("response: rates of Beta(%v, %v): both numbers must be above 0 and finite", a, b)
	}
	return &Model{A: a, B: b}, nil
}

// Rate returns the probability that a customer with this tally answers the next
// message: the mean of the channel, A / (A+B), where Sent is 0.
func (m *Model) Rate(t Tally) (float64, error) {
	if err := t.check(); err != nil {
		return 0, fmt.Errorf("response: %w", err)
	}
	return (m.A + float64(t.Answered)) / (m.A + m.B + float64(t.Sent)), nil
}
