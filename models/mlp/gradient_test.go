package mlp

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// The gradient that a trainer adds up is that of the log loss, by differences.
func TestGradient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{Hidden: rapid.IntRange(1, 5).Draw(t, "first"), Hidden2: rapid.IntRange(0, 4).Draw(t, "second")}
		width := rapid.IntRange(1, 4).Draw(t, "inputs")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		s := &sample{width: width, learned: 4, x: make([]float64, 4*width), y: []float64{0, 1, 1, 0}}
		for i := range s.x {
			s.x[i] = rng.NormFloat64()
		}
		tr := newTrainer(s.started(o, rng))
		for _, layer := range tr.net.Layers {
			for i := range layer.Weights {
				layer.Weights[i] = rng.NormFloat64()
			}
			for i := range layer.Bias {
				layer.Bias[i] = rng.NormFloat64() // no unit sits on its kink
			}
		}
		for i := range 4 {
			tr.add(s.row(i), s.y[i])
		}
		s.learned = 0 // laterLoss is over all rows
		for l, layer := range tr.net.Layers {
			check := func(w []float64, g []float64, what string) {
				const h = 1e-6
				for i, v := range w {
					w[i] = v + h
					up := s.laterLoss(&tr.net, tr.outputs)
					w[i] = v - h
					down := s.laterLoss(&tr.net, tr.outputs)
					w[i] = v
					if want := (up - down) / (2 * h); math.Abs(g[i]-want) > 1e-5*(1+math.Abs(want)) {
						t.Fatalf("layer %d, %s %d: derivative %v, by differences %v", l, what, i, g[i], want)
					}
				}
			}
			check(layer.Weights, tr.grad.Layers[l].Weights, "weight")
			check(layer.Bias, tr.grad.Layers[l].Bias, "bias")
		}
	})
}

// torch.optim.AdamW(lr=0.1, weight_decay=0.5) on the weight 1 with gradients 2,
// then −1: both steps by hand from algorithm 2 of Loshchilov and Hutter (2019).
func TestAdam(t *testing.T) {
	w, g, m, v := []float64{1}, []float64{2}, []float64{0}, []float64{0}
	tr := &trainer{steps: 1}
	tr.adam(w, g, m, v, 1, 0.1, 0.5)
	// m̂ = 2, v̂ = 4: one step of 0.1, and a decay of 0.05
	if math.Abs(w[0]-0.85) > 1e-8 || g[0] != 0 {
		t.Errorf("after one step %v (gradient %v), want .85", w[0], g[0])
	}
	tr.steps, g[0] = 2, -2 // two rows: mean −1
	tr.adam(w, g, m, v, 2, 0.1, 0.5)
	// m = .9·.2 − .1 = .08, m̂ = .08/.19; v = .999·.004 + .001 = .004996, v̂ = .004996/.001999
	want := 0.85 - 0.1*(0.08/0.19/math.Sqrt(0.004996/0.001999)+0.5*0.85)
	if math.Abs(w[0]-want) > 1e-8 {
		t.Errorf("after two steps %v, want %v", w[0], want)
	}
}
