package mlp

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// trainer holds a net, the gradient of a batch, and Adam's running means of the
// gradient and its square.
type trainer struct {
	net                 Net
	grad, first, second Net
	outputs, slopes     [][]float64 // of the units of each layer, for one row
	steps               float64
}

func newTrainer(n Net) *trainer {
	return &trainer{net: n, grad: zeros(&n), first: zeros(&n), second: zeros(&n), outputs: n.room(), slopes: n.room()}
}

// zeros returns a net of the same shape, all 0.
func zeros(n *Net) Net {
	out := n.clone()
	for l := range out.Layers {
		clear(out.Layers[l].Weights)
		clear(out.Layers[l].Bias)
	}
	return out
}

// add adds the gradient of one row's log loss.
func (t *trainer) add(in []float64, y float64) {
	last := len(t.net.Layers) - 1
	t.slopes[last][0] = sigmoid(t.net.forward(in, t.outputs)) - y
	for l := last; l >= 0; l-- {
		below := in
		if l > 0 {
			below = t.outputs[l-1]
			clear(t.slopes[l-1])
		}
		for u, slope := range t.slopes[l] {
			if slope == 0 || l < last && t.outputs[l][u] == 0 {
				continue
			}
			t.grad.Layers[l].Bias[u] += slope
			floats.AddScaled(t.grad.Layers[l].Weights[u*len(below):(u+1)*len(below)], slope, below)
			if l > 0 {
				floats.AddScaled(t.slopes[l-1], slope, t.net.Layers[l].Weights[u*len(below):(u+1)*len(below)])
			}
		}
	}
}

// step goes down the mean gradient of a batch by Adam (Kingma, Ba 2015, algorithm
// 1) with its usual constants, and clears it. Biases do not decay.
func (t *trainer) step(rows int, rate, decay float64) {
	t.steps++
	for l := range t.net.Layers {
		g, m, v := &t.grad.Layers[l], &t.first.Layers[l], &t.second.Layers[l]
		t.adam(t.net.Layers[l].Weights, g.Weights, m.Weights, v.Weights, float64(rows), rate, decay)
		t.adam(t.net.Layers[l].Bias, g.Bias, m.Bias, v.Bias, float64(rows), rate, 0)
	}
}

func (t *trainer) adam(w, g, m, v []float64, rows, rate, decay float64) {
	const b1, b2, tiny = 0.9, 0.999, 1e-8
	c1, c2 := 1-math.Pow(b1, t.steps), 1-math.Pow(b2, t.steps)
	for i := range w {
		d := g[i] / rows
		m[i] = b1*m[i] + (1-b1)*d
		v[i] = b2*v[i] + (1-b2)*d*d
		w[i] -= rate * (m[i]/c1/(math.Sqrt(v[i]/c2)+tiny) + decay*w[i])
		g[i] = 0
	}
}
