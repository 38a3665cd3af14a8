package bpr

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"regulars/features/matrix"
	"regulars/models"
)

// samplesBetweenLooks is how many samples pass between looks at the context.
const samplesBetweenLooks = 1 << 15

// Fit learns item factors from the interactions before day now; weights do not
// matter beyond being there. The same data, options and seed give the same bytes
// for any number of workers. Cost of an epoch: about 6·d fused operations a pair
// of user and item. Without any interaction the error wraps ErrNoData; a wrong
// option is an *OptionError. progress may be nil; it is called after every epoch.
func Fit(ctx context.Context, ev *matrix.Events, now int32, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	seen := observe(ev, now, o.HalfLifeDays)
	if seen.NNZ() == 0 {
		return nil, fmt.Errorf("bpr: no interaction before day %d: %w", now, models.ErrNoData)
	}
	f := newFit(seen, o)
	for e := range o.Epochs {
		if err := f.epoch(ctx, e); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(e+1, o.Epochs)
		}
	}
	return New(o, f.items, f.bias)
}

// fit holds the factors of both sides, row-major, n × d, and the item biases.
type fit struct {
	*data
	o            Options
	users, items []float32
	bias         []float32
	workers      int
}

func newFit(seen *matrix.CSR, o Options) *fit {
	f := &fit{data: newData(seen, o), o: o, workers: o.Workers, bias: make([]float32, seen.Cols)}
	if f.workers == 0 {
		f.workers = runtime.GOMAXPROCS(0)
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0x627072))
	f.users = normal(rng, seen.Rows*o.Factors, o.Factors)
	f.items = normal(rng, seen.Cols*o.Factors, o.Factors)
	for i, b := range f.blockOf {
		if b < 0 {
			clear(f.items[i*o.Factors : (i+1)*o.Factors])
		}
	}
	return f
}

// normal draws n numbers with standard deviation 0.1/√d.
func normal(rng *rand.Rand, n, d int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64() * 0.1 / math.Sqrt(float64(d)))
	}
	return out
}

// epoch visits every cell once: in round r, user block b meets item block b+r,
// so that the cells of a round touch different users and different items, and
// each cell has its own random numbers.
func (f *fit) epoch(ctx context.Context, epoch int) error {
	rate := float32(f.o.LearningRate * (1 - 0.9*float64(epoch)/float64(f.o.Epochs)))
	for round := range f.blocks {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range min(f.workers, f.blocks) {
			wg.Go(func() {
				for b := int(next.Add(1)) - 1; b < f.blocks; b = int(next.Add(1)) - 1 {
					block := (b + round) % f.blocks
					rng := rand.New(rand.NewPCG(f.o.Seed, uint64(epoch)<<16|uint64(b*f.blocks+block)))
					f.pass(ctx, rng, rate, &f.cells[b*f.blocks+block], block)
				}
			})
		}
		wg.Wait()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// pass takes as many samples from a cell as it has positives.
func (f *fit) pass(ctx context.Context, rng *rand.Rand, rate float32, c *cell, block int) {
	for n := range len(c.positives) {
		if n%samplesBetweenLooks == samplesBetweenLooks-1 && ctx.Err() != nil {
			return
		}
		p := c.draw(rng)
		if j, ok := f.negative(rng, p.user, block); ok {
			f.step(p.user, p.item, j, rate)
		}
	}
}

// step moves user u, positive i and negative j along the gradient of the
// criterion (Rendle et al. 2009, figure 4).
func (f *fit) step(u, i, j int32, rate float32) {
	w, hi, hj := row(f.users, u, f.o.Factors), row(f.items, i, f.o.Factors), row(f.items, j, f.o.Factors)
	x := dot(w, hi) - dot(w, hj) + f.bias[i] - f.bias[j]
	slope := float32(1 / (1 + math.Exp(float64(x))))
	reg := float32(*f.o.Regularization)
	hi, hj = hi[:len(w)], hj[:len(w)]
	for k, a := range w {
		p, n := hi[k], hj[k]
		w[k] = a + rate*(slope*(p-n)-reg*a)
		hi[k] = p + rate*(slope*a-reg*p)
		hj[k] = n + rate*(-slope*a-reg*n)
	}
	f.bias[i] += rate * (slope - reg*f.bias[i])
	f.bias[j] += rate * (-slope - reg*f.bias[j])
}

func row(m []float32, i int32, d int) []float32 {
	return m[int(i)*d : (int(i)+1)*d : (int(i)+1)*d]
}

// dot sums in four lanes; the order is fixed, so the result is the same everywhere.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
