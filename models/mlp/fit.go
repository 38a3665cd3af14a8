package mlp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/floats"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/prepare"
)

// Fit learns from the rows of x (missing = NaN) and one label a row. It needs
// both classes among the rows that are learned from (else ErrNoData). The same
// data, options and seed give the same nets for any number of workers: each net
// is fitted by one, with a random stream of its own.
func Fit(ctx context.Context, x *matrix.Dense, y []bool, o Options) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	learned := len(y) - int(o.Later*float64(len(y)))
	if len(y) == x.Rows && !(slices.Contains(y[:learned], true) && slices.Contains(y[:learned], false)) {
		return nil, fmt.Errorf("mlp: all %d labels learned from are the same: %w", learned, models.ErrNoData)
	}
	if err := prepare.CheckRows(x, y); err != nil {
		return nil, fmt.Errorf("mlp: %w", err)
	}
	early := &matrix.Dense{Names: x.Names, Rows: learned, Data: x.Data[:learned*x.Cols()]}
	m := &Model{Names: x.Names, Inputs: prepare.Inputs(early, !o.NoLog), Nets: make([]Net, o.Nets)}
	s := &sample{width: len(m.Inputs), y: make([]float64, len(y)), learned: learned, x: make([]float64, len(y)*len(m.Inputs))}
	for i, label := range y {
		if err := fill(m.Inputs, x, i, s.row(i)); err != nil {
			return nil, err
		}
		if label {
			s.y[i] = 1
		}
	}
	if err := s.committee(ctx, m.Nets, o); err != nil {
		return nil, err
	}
	return m, m.check()
}

// sample is the prepared rows; those from learned on are for stopping.
type sample struct {
	x       []float64 // rows × width
	y       []float64 // 0 or 1
	width   int
	learned int
}

func (s *sample) row(i int) []float64 { return s.x[i*s.width : (i+1)*s.width] }

// committee fits every net, several at a time.
func (s *sample) committee(ctx context.Context, nets []Net, o Options) error {
	errs := make([]error, len(nets))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(o.Workers, len(nets)) {
		wg.Go(func() {
			for k := int(next.Add(1) - 1); k < len(nets); k = int(next.Add(1) - 1) {
				nets[k], errs[k] = s.net(ctx, o, rand.New(rand.NewPCG(o.Seed, uint64(k))))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// net fits one net.
func (s *sample) net(ctx context.Context, o Options, rng *rand.Rand) (Net, error) {
	t := newTrainer(s.started(o, rng))
	best, least := Net{}, math.Inf(1)
	order := rng.Perm(s.learned)
	steps := float64(o.Epochs * ((s.learned + o.Batch - 1) / o.Batch))
	for range o.Epochs {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for batch := range slices.Chunk(order, o.Batch) {
			if err := ctx.Err(); err != nil {
				return Net{}, fmt.Errorf("mlp: %w", err)
			}
			for _, i := range batch {
				t.add(s.row(i), s.y[i])
			}
			t.step(len(batch), o.Rate*(1+math.Cos(math.Pi*t.steps/steps))/2, *o.Decay)
		}
		if s.learned == len(s.y) {
			continue
		}
		if loss := s.laterLoss(&t.net, t.outputs); loss < least {
			best, least = t.net.clone(), loss
		}
	}
	if math.IsInf(least, 1) {
		return t.net, nil
	}
	return best, nil
}

// started draws the weights a net begins with, normal with variance 2/inputs (He
// et al. 2015), and lets it answer the base rate.
func (s *sample) started(o Options, rng *rand.Rand) Net {
	sizes := []int{s.width, o.Hidden, o.Hidden2, 1}
	if o.Hidden2 == 0 {
		sizes = []int{s.width, o.Hidden, 1}
	}
	var n Net
	for l := 1; l < len(sizes); l++ {
		in, units := sizes[l-1], sizes[l]
		layer := Layer{make([]float64, in*units), make([]float64, units)}
		for i := range layer.Weights {
			layer.Weights[i] = rng.NormFloat64() * math.Sqrt(2/float64(in))
		}
		n.Layers = append(n.Layers, layer)
	}
	rate := floats.Sum(s.y[:s.learned]) / float64(s.learned)
	last := &n.Layers[len(n.Layers)-1]
	clear(last.Weights)
	last.Bias[0] = math.Log(rate / (1 - rate))
	return n
}

// laterLoss is the log loss of the rows that are not learned from.
func (s *sample) laterLoss(n *Net, outputs [][]float64) float64 {
	loss := 0.0
	for i := s.learned; i < len(s.y); i++ {
		z := n.forward(s.row(i), outputs)
		loss += math.Max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) - s.y[i]*z
	}
	return loss
}

func (n *Net) clone() Net {
	out := Net{Layers: make([]Layer, len(n.Layers))}
	for l := range n.Layers {
		out.Layers[l] = Layer{slices.Clone(n.Layers[l].Weights), slices.Clone(n.Layers[l].Bias)}
	}
	return out
}
