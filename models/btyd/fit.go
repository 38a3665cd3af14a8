package btyd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"

	"regulars/models"
)

// Options of the fits. The zero value is the default written at each field.
type Options struct {
	MaxIterations int // of BFGS from one start; 0 = 300
	Workers       int // 0 = GOMAXPROCS; the result does not depend on it
}

func (o Options) resolved() (Options, error) {
	if o.MaxIterations == 0 {
		o.MaxIterations = 300
	}
	if o.MaxIterations < 1 {
		return o, &models.OptionError{Model: "btyd", Option: "MaxIterations", Value: o.MaxIterations, Want: "at least 1"}
	}
	if o.Workers < 0 {
		return o, &models.OptionError{Model: "btyd", Option: "Workers", Value: o.Workers, Want: "at least 0"}
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return o, nil
}

// Fitted says how sure parameters are. The zero value says nothing.
type Fitted struct {
	LogLikelihood float64   // natural logarithm, summed over customers
	Customers     int       // learned from
	Covariance    []float64 // of the logarithms of the parameters, row-major; nil = not known
}

// A Parameter is an estimate with its standard error, from the observed
// information; 0 = not known.
type Parameter struct {
	Name          string
	Value, StdErr float64
}

func (f *Fitted) parameters(names []string, values []float64) []Parameter {
	out := make([]Parameter, len(names))
	for i, name := range names {
		out[i] = Parameter{Name: name, Value: values[i]}
		if f.Covariance != nil {
			out[i].StdErr = values[i] * math.Sqrt(f.Covariance[i*len(names)+i])
		}
	}
	return out
}

func (f *Fitted) spread() *Fitted { return f }

func (f *Fitted) check(names []string, values []float64) error {
	for i, v := range values {
		if !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("btyd: parameter %s is %v: it must be above 0 and finite", names[i], v)
		}
	}
	if f.Covariance == nil {
		return nil
	}
	n := len(values)
	if len(f.Covariance) != n*n {
		return fmt.Errorf("btyd: a covariance of %d numbers for %d parameters", len(f.Covariance), n)
	}
	if _, err := f.root(n); err != nil {
		return err
	}
	return nil
}

// root returns the lower triangle L of covariance = L·Lᵀ.
func (f *Fitted) root(n int) (*mat.TriDense, error) {
	for _, v := range f.Covariance {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("btyd: the covariance holds a number that is not finite")
		}
	}
	var c mat.Cholesky
	if !c.Factorize(mat.NewSymDense(n, slices.Clone(f.Covariance))) {
		return nil, errors.New("btyd: the covariance is not positive definite")
	}
	var l mat.TriDense
	c.LTo(&l)
	return &l, nil
}

// ridge is the weight of Σ(ln θ)² beside the summed log likelihood: so little
// that it moves no estimate which the data determine (a prior of standard
// deviation 70 on ln θ), and enough to keep the parameters finite where customers
// are too alike and the likelihood only approaches its bound.
const ridge = 1e-4

// sampled is how many groups the starts are tried on; the best goes on with all.
const sampled = 20_000

// chunk is the number of groups whose sum is taken in one piece.
const chunk = 256

// A density returns, for given parameters, the log likelihood of one customer,
// and adds its derivatives in the logarithms of the parameters times c.n to grad.
type density func(theta []float64) func(c *group, grad []float64) float64

// problem is a maximisation over logarithms of parameters.
type problem struct {
	ctx     context.Context
	groups  []group
	density density
	dim     int
	o       Options
	n       float64
}

func newProblem(ctx context.Context, groups []group, dim int, d density, o Options) *problem {
	p := &problem{ctx: ctx, groups: groups, density: d, dim: dim, o: o}
	for i := range groups {
		p.n += groups[i].n
	}
	return p
}

// sum returns the log likelihood at the logarithms of parameters and adds its
// gradient to grad. Chunks are added up in their order, whoever computed them.
func (p *problem) sum(logs, grad []float64) float64 {
	theta := make([]float64, p.dim)
	for i, l := range logs {
		theta[i] = math.Exp(min(max(l, -2*wall), 2*wall))
	}
	at := p.density(theta)
	width := p.dim + 1
	parts := make([]float64, (len(p.groups)+chunk-1)/chunk*width)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(p.o.Workers, len(parts)/width) {
		wg.Go(func() {
			for c := int(next.Add(1) - 1); c*width < len(parts) && p.ctx.Err() == nil; c = int(next.Add(1) - 1) {
				part := parts[c*width : (c+1)*width]
				for i := c * chunk; i < min((c+1)*chunk, len(p.groups)); i++ {
					part[p.dim] += p.groups[i].n * at(&p.groups[i], part[:p.dim])
				}
			}
		})
	}
	wg.Wait()
	total := 0.0
	for i, v := range parts {
		if j := i % width; j < p.dim {
			grad[j] += v
		} else {
			total += v
		}
	}
	for i, l := range logs {
		if math.Abs(l) > 2*wall {
			grad[i] = 0
		}
	}
	return total
}

// wall is the size of a logarithm from which it is pushed back; at twice that,
// where a line search may look, the likelihood stays what it is.
const wall = 15.0

// loss is what is minimised: minus the mean of the penalised log likelihood.
func (p *problem) loss(logs, grad []float64) float64 {
	clear(grad)
	f := -p.sum(logs, grad) / p.n
	for i, l := range logs {
		over := math.Copysign(math.Max(0, math.Abs(l)-wall), l)
		f += ridge*l*l/p.n + over*over
		grad[i] = -grad[i]/p.n + 2*ridge*l/p.n + 2*over
	}
	return f
}

// maximise tries every start and returns the logarithms of the best parameters.
func (p *problem) maximise(starts [][]float64) ([]float64, error) {
	rough := p
	if len(p.groups) > sampled {
		rough = newProblem(p.ctx, every(p.groups, sampled), p.dim, p.density, p.o)
	}
	var best []float64
	least := math.Inf(1)
	var failed error
	for _, s := range starts {
		logs, f, err := rough.descend(s)
		if p.ctx.Err() != nil {
			return nil, p.ctx.Err()
		}
		if err != nil {
			failed = err
		} else if f < least {
			best, least = logs, f
		}
	}
	if best == nil {
		return nil, failed
	}
	if rough != p {
		best, _, failed = p.descend(best)
		return best, failed
	}
	return best, nil
}

// every returns about n groups, evenly spread.
func every(groups []group, n int) []group {
	out := make([]group, n)
	for i := range out {
		out[i] = groups[i*len(groups)/n]
	}
	return out
}

// Sizes of the gradient of the mean loss: where to stop, and what counts as an
// optimum when the line search stops before, at the limit of float64.
const (
	flat   = 1e-8
	nearly = 2e-5
)

// restarts is how often BFGS forgets its picture of a valley so narrow that its
// line search finds no way on.
const restarts = 8

// descend goes to the minimum by BFGS.
func (p *problem) descend(start []float64) ([]float64, float64, error) {
	at, grad, value := slices.Repeat([]float64{math.NaN()}, p.dim), make([]float64, p.dim), 0.0
	compute := func(x []float64) {
		if !slices.Equal(x, at) {
			copy(at, x)
			value = p.loss(x, grad)
		}
	}
	logs := slices.Clone(start)
	for range restarts {
		res, err := optimize.Minimize(p.problem(compute, &value, grad), logs, &optimize.Settings{
			GradientThreshold: flat, MajorIterations: p.o.MaxIterations, Converger: optimize.NeverTerminate{}}, &optimize.BFGS{})
		if p.ctx.Err() != nil {
			return nil, 0, p.ctx.Err()
		}
		if res == nil {
			return nil, 0, fmt.Errorf("btyd: no optimum: %w", err)
		}
		copy(logs, res.X)
		compute(logs)
		if steepest(grad) <= nearly || res.Status == optimize.IterationLimit {
			break
		}
	}
	if !(steepest(grad) <= nearly) || math.IsNaN(value) {
		return nil, 0, fmt.Errorf("btyd: no optimum within %d iterations (gradient %.1g): raise MaxIterations", p.o.MaxIterations, steepest(grad))
	}
	return logs, value, nil
}

// problem is the loss as the optimiser asks for it; compute fills value and grad.
func (p *problem) problem(compute func(x []float64), value *float64, grad []float64) optimize.Problem {
	return optimize.Problem{
		Func: func(x []float64) float64 { compute(x); return *value },
		Grad: func(g, x []float64) { compute(x); copy(g, grad) },
		Status: func() (optimize.Status, error) {
			if err := p.ctx.Err(); err != nil {
				return optimize.Failure, err
			}
			return optimize.NotTerminated, nil
		},
	}
}

func steepest(grad []float64) float64 {
	worst := 0.0
	for _, g := range grad {
		worst = math.Max(worst, math.Abs(g)) // NaN stays
	}
	return worst
}

// fitted returns the likelihood and the covariance of the logarithms at an
// optimum: the inverse of minus the second derivatives, which are central
// differences of the analytic gradient. A likelihood too flat to be inverted
// leaves the covariance nil.
func (p *problem) fitted(logs []float64) (Fitted, error) {
	const h = 1e-4
	out := Fitted{LogLikelihood: p.sum(logs, make([]float64, p.dim)), Customers: int(p.n)}
	hess := mat.NewSymDense(p.dim, nil)
	x := slices.Clone(logs)
	up, down := make([]float64, p.dim), make([]float64, p.dim)
	for i := range p.dim {
		x[i] = logs[i] + h
		p.loss(x, up)
		x[i] = logs[i] - h
		p.loss(x, down)
		x[i] = logs[i]
		for j := range p.dim {
			hess.SetSym(i, j, hess.At(i, j)+half(i, j)*(up[j]-down[j])/(2*h)*p.n)
		}
	}
	if err := p.ctx.Err(); err != nil {
		return out, err
	}
	var c mat.Cholesky
	var inverse mat.SymDense
	if !c.Factorize(hess) || c.InverseTo(&inverse) != nil {
		return out, nil
	}
	out.Covariance = make([]float64, 0, p.dim*p.dim)
	for i := range p.dim {
		for j := range p.dim {
			out.Covariance = append(out.Covariance, inverse.At(i, j))
		}
	}
	if _, err := out.root(p.dim); err != nil {
		out.Covariance = nil
	}
	return out, nil
}

// half is the weight of one of the two estimates of a second derivative.
func half(i, j int) float64 {
	if i == j {
		return 1
	}
	return 0.5
}

// estimate fits a density from the given starts (parameters, not logarithms).
func estimate(ctx context.Context, groups []group, d density, starts [][]float64, o Options) ([]float64, Fitted, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, Fitted{}, err
	}
	if err := ctx.Err(); err != nil {
		return nil, Fitted{}, err
	}
	for _, s := range starts {
		for i := range s {
			s[i] = math.Log(s[i])
		}
	}
	p := newProblem(ctx, groups, len(starts[0]), d, o)
	logs, err := p.maximise(starts)
	if err != nil {
		return nil, Fitted{}, err
	}
	f, err := p.fitted(logs)
	if err != nil {
		return nil, Fitted{}, err
	}
	theta := make([]float64, len(logs))
	for i, l := range logs {
		theta[i] = math.Exp(l)
	}
	return theta, f, nil
}
