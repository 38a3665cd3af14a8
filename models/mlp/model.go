package mlp

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/prepare"
)

// Input says how a column is prepared.
type Input = prepare.Input

// Model is a committee of nets over prepared columns.
type Model struct {
	Names  []string // the columns of training, in order
	Inputs []Input
	Nets   []Net
}

// Net is one perceptron.
type Net struct {
	Layers []Layer // one or two of hidden units, then one of a single unit, whose output is the log-odds
}

// Layer is some units: weights (units × inputs, row-major) and biases.
type Layer struct {
	Weights, Bias []float64
}

var _ models.Classifier = (*Model)(nil)

// farthest bounds a prepared value, in standard deviations: a net answers to a
// value that far off as it would to this one.
const farthest = 6.0

// New returns the model of stored numbers.
func New(names []string, inputs []Input, nets []Net) (*Model, error) {
	m := &Model{Names: names, Inputs: inputs, Nets: nets}
	return m, m.check()
}

func (m *Model) check() error {
	if len(m.Nets) == 0 {
		return errors.New("mlp: a committee of no nets")
	}
	for j := range m.Inputs {
		if err := m.Inputs[j].Check(len(m.Names)); err != nil {
			return fmt.Errorf("mlp: %w", err)
		}
	}
	for i, n := range m.Nets {
		if err := n.check(len(m.Inputs)); err != nil {
			return fmt.Errorf("mlp: net %d: %w", i, err)
		}
	}
	return nil
}

func (n *Net) check(inputs int) error {
	if len(n.Layers) < 2 || len(n.Layers) > 3 || len(n.Layers[len(n.Layers)-1].Bias) != 1 {
		return fmt.Errorf("%d layers: want one or two hidden ones, and one of a single unit", len(n.Layers))
	}
	for l, layer := range n.Layers {
		units := len(layer.Bias)
		if units == 0 || len(layer.Weights) != units*inputs {
			return fmt.Errorf("layer %d has %d weights for %d units of %d inputs", l, len(layer.Weights), units, inputs)
		}
		if v := floats.Sum(layer.Weights) + floats.Sum(layer.Bias); math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("layer %d holds a number that is not finite", l)
		}
		inputs = units
	}
	return nil
}

// Probability writes the mean of the nets' probabilities.
func (m *Model) Probability(x *matrix.Dense, dst []float64) error {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return err
	}
	if len(dst) != x.Rows {
		return fmt.Errorf("mlp: room for %d probabilities, there are %d rows", len(dst), x.Rows)
	}
	values := make([]float64, len(m.Inputs))
	outputs := m.Nets[0].room()
	for i := range dst {
		if err := fill(m.Inputs, x, i, values); err != nil {
			return err
		}
		dst[i] = 0
		for k := range m.Nets {
			dst[i] += sigmoid(m.Nets[k].forward(values, outputs)) / float64(len(m.Nets))
		}
		dst[i] = min(dst[i], 1)
	}
	return nil
}

func fill(inputs []Input, x *matrix.Dense, i int, dst []float64) error {
	if err := prepare.Fill(inputs, x, i, dst); err != nil {
		return fmt.Errorf("mlp: %w", err)
	}
	for j, v := range dst {
		dst[j] = min(max(v, -farthest), farthest)
	}
	return nil
}

// room returns space for the outputs of each layer, for nets of one shape.
func (n *Net) room() [][]float64 {
	out := make([][]float64, len(n.Layers))
	for l := range n.Layers {
		out[l] = make([]float64, len(n.Layers[l].Bias))
	}
	return out
}

// forward writes the outputs of each layer and returns the log-odds.
func (n *Net) forward(in []float64, outputs [][]float64) float64 {
	last := len(n.Layers) - 1
	for l := range n.Layers {
		layer := &n.Layers[l]
		for u, bias := range layer.Bias {
			z := bias + floats.Dot(layer.Weights[u*len(in):(u+1)*len(in)], in)
			if l < last {
				z = math.Max(z, 0)
			}
			outputs[l][u] = z
		}
		in = outputs[l]
	}
	return outputs[last][0]
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
