package logistic

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/kernel"
	"regulars/models/internal/prepare"
)

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	// L2 is the penalty λ of Σ log loss + λ/2·‖β‖² over the prepared columns;
	// the intercept is free. It is 1/C of scikit-learn and LIBLINEAR. 0 = 1.
	L2 float64
	// L1 adds L1·‖β‖₁, which leaves columns of little use at 0 (elastic net). In
	// scikit-learn's terms C = 1/(L1+L2) and l1_ratio = L1/(L1+L2). 0 = none.
	L1            float64
	MaxIterations int  // of Newton's method; 0 = 100
	NoLog         bool // true keeps skewed columns as they are
}

// Model is a set of prepared columns, each with its coefficient.
type Model struct {
	Names     []string // the columns of training, in order
	Terms     []Term
	Intercept float64
}

var (
	_ models.Classifier  = (*Model)(nil)
	_ models.Contributor = (*Model)(nil)
)

// Fit learns from the rows of x (missing = NaN) and one label a row. It needs
// two rows and both classes (else ErrNoData); it minimises the penalised log
// loss by Newton's method with step halving, exactly and without randomness. With
// an L1 penalty, terms may have a coefficient of exactly 0.
func Fit(ctx context.Context, x *matrix.Dense, y []bool, o Options) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := prepare.CheckRows(x, y); err != nil {
		return nil, fmt.Errorf("logistic: %w", err)
	}
	m := &Model{Names: x.Names, Terms: terms(x, !o.NoLog)}
	design, err := m.design(x)
	if err != nil {
		return nil, err
	}
	p := newProblem(design, len(m.Terms), y, o)
	beta, err := p.solve(ctx, o.MaxIterations)
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
	if !(o.L1 >= 0) || math.IsInf(o.L1, 0) {
		return o, &models.OptionError{Model: "logistic", Option: "L1", Value: o.L1, Want: "at least 0 and finite"}
	}
	if o.MaxIterations < 1 {
		return o, &models.OptionError{Model: "logistic", Option: "MaxIterations", Value: o.MaxIterations, Want: "at least 1"}
	}
	return o, nil
}

// New returns the model of stored numbers.
func New(names []string, terms []Term, intercept float64) (*Model, error) {
	m := &Model{Names: names, Terms: terms, Intercept: intercept}
	return m, m.check()
}

func (m *Model) check() error {
	numbers := []float64{m.Intercept}
	for _, t := range m.Terms {
		input := t.input()
		if err := input.Check(len(m.Names)); err != nil {
			return fmt.Errorf("logistic: %w", err)
		}
		numbers = append(numbers, t.Coefficient)
	}
	for _, v := range numbers {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errors.New("logistic: a coefficient is not a finite number")
		}
	}
	return nil
}

// design returns the prepared columns of x, Rows × len(Terms).
func (m *Model) design(x *matrix.Dense) ([]float64, error) {
	inputs := m.inputs()
	out := make([]float64, x.Rows*len(inputs))
	for i := range x.Rows {
		if err := prepare.Fill(inputs, x, i, out[i*len(inputs):(i+1)*len(inputs)]); err != nil {
			return nil, fmt.Errorf("logistic: %w", err)
		}
	}
	return out, nil
}

// Probability writes 1/(1+e^−z), z = Intercept + Σ coefficient·prepared value.
func (m *Model) Probability(x *matrix.Dense, dst []float64) error {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return err
	}
	if len(dst) != x.Rows {
		return fmt.Errorf("logistic: room for %d probabilities, there are %d rows", len(dst), x.Rows)
	}
	inputs := m.inputs()
	values := make([]float64, len(inputs))
	for i := range dst {
		if err := prepare.Fill(inputs, x, i, values); err != nil {
			return fmt.Errorf("logistic: %w", err)
		}
		z := m.Intercept
		for j, v := range values {
			z += m.Terms[j].Coefficient * v
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
	l2, l1 float64
}

func newProblem(design []float64, terms int, y []bool, o Options) *problem {
	p := &problem{n: len(y), dim: terms + 1, l2: o.L2, l1: o.L1, y: make([]float64, len(y))}
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
	return s + p.l2/2*inner(beta[1:], beta[1:]) + p.l1*absolutes(beta)
}

// block is how many rows of the Hessian are summed in float32 before they are
// added in float64.
const block = 256

// derivatives returns the gradient and the Hessian (upper triangle) of the loss
// without its L1 penalty, which has none at 0. The Hessian, which takes nearly
// all of the time, is summed by vector kernels in float32, block by block: it only
// says which way to step, while where the steps end is for the gradient and the
// loss to say, which are float64 throughout.
func (p *problem) derivatives(beta []float64) (*mat.VecDense, *mat.SymDense) {
	g, h := make([]float64, p.dim), make([]float64, p.dim*p.dim)
	rows, weights := make([]float32, block*p.dim), make([]float32, block)
	part := make([]float32, p.dim*p.dim)
	for from := 0; from < p.n; from += block {
		to := min(from+block, p.n)
		for i := from; i < to; i++ {
			weights[i-from] = float32(p.pull(i, beta, g))
		}
		for j, v := range p.x[from*p.dim : to*p.dim] {
			rows[j] = float32(v)
		}
		clear(part)
		kernel.Syrk(p.dim, to-from, weights, rows, p.dim, part, p.dim)
		for a := range p.dim {
			for b := a; b < p.dim; b++ {
				h[a*p.dim+b] += float64(part[b*p.dim+a])
			}
		}
	}
	p.ridge(beta, g, h)
	return mat.NewVecDense(p.dim, g), mat.NewSymDense(p.dim, h)
}

// pull adds row i to the gradient and returns its weight in the Hessian.
func (p *problem) pull(i int, beta, g []float64) (weight float64) {
	row := p.row(i)
	q := sigmoid(inner(row, beta))
	for a, xa := range row {
		g[a] += (q - p.y[i]) * xa
	}
	return q * (1 - q)
}

// ridge adds the L2 penalty, which the intercept does not have.
func (p *problem) ridge(beta, g, h []float64) {
	for j := 1; j < p.dim; j++ {
		g[j] += p.l2 * beta[j]
		h[j*p.dim+j] += p.l2
	}
}

// exact is the Hessian in float64, for columns that float32 cannot tell apart.
func (p *problem) exact(beta []float64) *mat.SymDense {
	g, h := make([]float64, p.dim), make([]float64, p.dim*p.dim)
	for i := range p.n {
		w, row := p.pull(i, beta, g), p.row(i)
		for a, xa := range row {
			for b, wx := a, w*xa; b < p.dim; b++ {
				h[a*p.dim+b] += wx * row[b]
			}
		}
	}
	p.ridge(beta, g, h)
	return mat.NewSymDense(p.dim, h)
}

func (p *problem) solve(ctx context.Context, limit int) ([]float64, error) {
	if p.l1 > 0 {
		return p.proximal(ctx, limit)
	}
	return p.newton(ctx, limit)
}

// start is the base rate.
func (p *problem) start() []float64 {
	beta := make([]float64, p.dim)
	rate := 0.0
	for _, y := range p.y {
		rate += y / float64(p.n)
	}
	beta[0] = math.Log(rate / (1 - rate))
	return beta
}

// newton goes down from the base rate; the loss is convex, so that halving a step
// until it gains always ends at the optimum.
func (p *problem) newton(ctx context.Context, limit int) ([]float64, error) {
	beta := p.start()
	loss := p.loss(beta)
	for range limit {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		g, h := p.derivatives(beta)
		var chol mat.Cholesky
		if !chol.Factorize(h) && !chol.Factorize(p.exact(beta)) {
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
