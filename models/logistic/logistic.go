package logistic

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"regulars/features/matrix"
	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	// L2 is the penalty λ of Σ log loss + λ/2·‖β‖² over the prepared columns;
	// the intercept is free. It is 1/C of scikit-learn and LIBLINEAR. 0 = 1.
	L2            float64
	MaxIterations int  // of Newton's method; 0 = 100
	NoLog         bool // true keeps skewed columns as they are
}

// Model is a set of prepared columns, each with its coefficient.
type Model struct {
	Names     []string // the columns of training, in order
	Terms     []Term
	Intercept float64
}

var _ models.Classifier = (*Model)(nil)

// Fit learns from the rows of x (missing = NaN) and one label a row. It needs
// two rows and both classes (else ErrNoData); it minimises the penalised log
// loss by Newton's method with step halving, exactly and without randomness.
func Fit(ctx context.Context, x *matrix.Dense, y []bool, o Options) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := check(x, y); err != nil {
		return nil, err
	}
	m := &Model{Names: x.Names, Terms: prepare(x, !o.NoLog)}
	p := newProblem(m.design(x), len(m.Terms), y, o.L2)
	beta, err := p.newton(ctx, o.MaxIterations)
	if err != nil {
		return nil, err
	}
	m.Intercept = beta[0]
	for j := range m.Terms {
		m.Terms[j].Coefficient = beta[j+1]
	}
	return m, m.check()
}

func (o Options) resolved() (Options, error) {
	if o.L2 == 0 {
		o.L2 = 1
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = 100
	}
	if !(o.L2 > 0) || math.IsInf(o.L2, 0) {
		return o, &models.OptionError{Model: "logistic", Option: "L2", Value: o.L2, Want: "above 0 and finite"}
	}
	if o.MaxIterations < 1 {
		return o, &models.OptionError{Model: "logistic", Option: "MaxIterations", Value: o.MaxIterations, Want: "at least 1"}
	}
	return o, nil
}

func check(x *matrix.Dense, y []bool) error {
	if len(y) != x.Rows {
		return fmt.Errorf("logistic: %d labels for %d rows", len(y), x.Rows)
	}
	positive := 0
	for _, label := range y {
		if label {
			positive++
		}
	}
	if positive == 0 || positive == len(y) {
		return fmt.Errorf("logistic: all %d labels are the same: %w", len(y), models.ErrNoData)
	}
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			if math.IsInf(v, 0) {
				return fmt.Errorf("logistic: row %d of column %q is %v: it must be finite or missing", i, x.Names[j], v)
			}
		}
	}
	return nil
}

// New returns the model of stored numbers.
func New(names []string, terms []Term, intercept float64) (*Model, error) {
	m := &Model{Names: names, Terms: terms, Intercept: intercept}
	return m, m.check()
}

func (m *Model) check() error {
	numbers := []float64{m.Intercept}
	for _, t := range m.Terms {
		if t.Column < 0 || t.Column >= len(m.Names) || !(t.Std > 0) {
			return fmt.Errorf("logistic: term on column %d of %d with deviation %v is not valid", t.Column, len(m.Names), t.Std)
		}
		numbers = append(numbers, t.Mean, t.Std, t.Coefficient)
	}
	for _, v := range numbers {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errors.New("logistic: a coefficient, mean or deviation is not a finite number")
		}
	}
	return nil
}

// design returns the prepared columns of x, Rows × len(Terms).
func (m *Model) design(x *matrix.Dense) []float64 {
	out := make([]float64, 0, x.Rows*len(m.Terms))
	for i := range x.Rows {
		row := x.Row(i)
		for j := range m.Terms {
			out = append(out, m.Terms[j].value(row[m.Terms[j].Column]))
		}
	}
	return out
}

// Probability writes 1/(1+e^−z), z = Intercept + Σ coefficient·prepared value.
func (m *Model) Probability(x *matrix.Dense, dst []float64) error {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return err
	}
	if len(dst) != x.Rows {
		return fmt.Errorf("logistic: room for %d probabilities, there are %d rows", len(dst), x.Rows)
	}
	for i := range dst {
		z, row := m.Intercept, x.Row(i)
		for j := range m.Terms {
			v := row[m.Terms[j].Column]
			if math.IsInf(v, 0) {
				return fmt.Errorf("logistic: row %d of column %q is %v: it must be finite or missing", i, m.Names[m.Terms[j].Column], v)
			}
			z += m.Terms[j].Coefficient * m.Terms[j].value(v)
		}
		dst[i] = sigmoid(z)
	}
	return nil
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// problem is the penalised log loss over prepared columns with a leading 1.
type problem struct {
	x      []float64 // rows × (p+1)
	y      []float64
	n, dim int
	l2     float64
}

func newProblem(design []float64, terms int, y []bool, l2 float64) *problem {
	p := &problem{n: len(y), dim: terms + 1, l2: l2, y: make([]float64, len(y))}
	p.x = make([]float64, 0, p.n*p.dim)
	for i, label := range y {
		p.x = append(append(p.x, 1), design[i*terms:(i+1)*terms]...)
		if label {
			p.y[i] = 1
		}
	}
	return p
}

func (p *problem) row(i int) []float64 { return p.x[i*p.dim : (i+1)*p.dim] }

func (p *problem) loss(beta []float64) float64 {
	s := 0.0
	for i, y := range p.y {
		z := inner(p.row(i), beta)
		s += math.Max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) - y*z
	}
	return s + p.l2/2*inner(beta[1:], beta[1:])
}

// derivatives returns the gradient and the Hessian (upper triangle) of the loss.
func (p *problem) derivatives(beta []float64) (*mat.VecDense, *mat.SymDense) {
	g, h := make([]float64, p.dim), make([]float64, p.dim*p.dim)
	for i, y := range p.y {
		row := p.row(i)
		q := sigmoid(inner(row, beta))
		w := q * (1 - q)
		for a, xa := range row {
			g[a] += (q - y) * xa
			for b, wx := a, w*xa; b < p.dim; b++ {
				h[a*p.dim+b] += wx * row[b]
			}
		}
	}
	for j := 1; j < p.dim; j++ {
		g[j] += p.l2 * beta[j]
		h[j*p.dim+j] += p.l2
	}
	return mat.NewVecDense(p.dim, g), mat.NewSymDense(p.dim, h)
}

// newton starts from the base rate; the loss is convex, so that halving a step
// until it gains always ends at the optimum.
func (p *problem) newton(ctx context.Context, limit int) ([]float64, error) {
	beta := make([]float64, p.dim)
	rate := 0.0
	for _, y := range p.y {
		rate += y / float64(p.n)
	}
	beta[0] = math.Log(rate / (1 - rate))
	loss := p.loss(beta)
	for range limit {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		g, h := p.derivatives(beta)
		var chol mat.Cholesky
		if !chol.Factorize(h) {
			return nil, errors.New("logistic: the columns are too nearly the same to be told apart: raise L2")
		}
		var step mat.VecDense
		if err := chol.SolveVecTo(&step, g); err != nil {
			return nil, fmt.Errorf("logistic: the columns are too nearly the same, raise L2: %w", err)
		}
		next, nextLoss := p.halved(beta, step.RawVector().Data, loss)
		if !(nextLoss < loss) {
			return beta, nil
		}
		done := loss-nextLoss <= 1e-13*loss
		if beta, loss = next, nextLoss; done {
			return beta, nil
		}
	}
	return nil, fmt.Errorf("logistic: no optimum within %d iterations: raise MaxIterations or L2", limit)
}

func (p *problem) halved(beta, step []float64, loss float64) ([]float64, float64) {
	next := make([]float64, len(beta))
	nextLoss := math.Inf(1)
	for scale := 1.0; scale > 1e-12 && !(nextLoss <= loss); scale /= 2 {
		for j := range next {
			next[j] = beta[j] - scale*step[j]
		}
		nextLoss = p.loss(next)
	}
	return next, nextLoss
}

func inner(a, b []float64) float64 {
	s := 0.0
	for i, x := range a {
		s += x * b[i]
	}
	return s
}
