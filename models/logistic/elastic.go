package logistic

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// proximal minimises the loss with its L1 penalty by proximal Newton steps: of
// each quadratic picture of the smooth part the minimum with the penalty is
// found by coordinate descent, and the step to it is halved until it gains. Source:
// Friedman, Hastie, Tibshirani, Regularization Paths for Generalized Linear
// Models via Coordinate Descent (2010), with the step control of Lee, Sun,
// Saunders (2014).
func (p *problem) proximal(ctx context.Context, limit int) ([]float64, error) {
	beta := p.start()
	loss := p.loss(beta)
	for range limit {
		g, h := p.derivatives(beta)
		step, err := p.coordinates(ctx, beta, g.RawVector().Data, h.RawSymmetric().Data)
		if err != nil {
			return nil, err
		}
		next, nextLoss := p.halved(beta, step, loss)
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

// Where coordinate descent ends: a sweep that moves nothing by this much, in
// units in which the curvature is 1, relative to how far all has moved; or so many sweeps.
const (
	still  = 1e-10
	sweeps = 10_000
)

// coordinates returns the step s that minimises −g·s + ½·s·H·s + L1·‖β−s‖₁ (the
// coordinates of β go to β − s, as in newton). h holds the upper triangle of H.
func (p *problem) coordinates(ctx context.Context, beta, g, h []float64) ([]float64, error) {
	n := p.dim
	for j := range n {
		if !(h[j*n+j] > 0) {
			return nil, errors.New("logistic: a column tells the classes apart entirely: raise L2")
		}
		for k := range j {
			h[j*n+k] = h[k*n+j]
		}
	}
	at, slope := append([]float64(nil), beta...), append([]float64(nil), g...) // slope of the smooth part at at
	for range sweeps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		moved, farthest := 0.0, 0.0
		for j := range n {
			row := h[j*n : (j+1)*n]
			next := at[j] - slope[j]/row[j]
			if j > 0 {
				next = soft(next, p.l1/row[j])
			}
			if d := next - at[j]; d != 0 {
				at[j] = next
				for k, v := range row {
					slope[k] += d * v
				}
				moved = math.Max(moved, math.Abs(d)*math.Sqrt(row[j]))
			}
			farthest = math.Max(farthest, math.Abs(at[j]-beta[j])*math.Sqrt(row[j]))
		}
		if moved <= still*farthest {
			break
		}
	}
	for j := range at {
		at[j] = beta[j] - at[j]
	}
	return at, nil
}

// soft moves v towards 0 by t, not beyond.
func soft(v, t float64) float64 {
	return math.Copysign(math.Max(math.Abs(v)-t, 0), v)
}

// absolutes is ‖β‖₁ without the intercept.
func absolutes(beta []float64) float64 {
	s := 0.0
	for _, b := range beta[1:] {
		s += math.Abs(b)
	}
	return s
}
