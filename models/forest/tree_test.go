package forest

import (
	"errors"
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
)

// A tree must find the three boxes that the labels come from, with the smoothed
// share of each as its probability.
func TestTreeFindsBoxes(t *testing.T) {
	x, y := matrix.NewDense(900, []string{"noise", "a", "b"}), make([]bool, 900)
	for i := range y {
		r := x.Row(i)
		r[0], r[1], r[2] = float64(i*7%13), float64(i%3), float64(i/3%2)
		y[i] = r[1] == 2 || r[1] == 1 && r[2] == 1
	}
	m, err := FitTree(t.Context(), x, y, TreeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := make([]float64, x.Rows)
	if err := m.Probability(x, p); err != nil {
		t.Fatal(err)
	}
	for i, row := range []struct{ a, b, want float64 }{{0, 0, 1.0 / 302}, {1, 0, 1.0 / 152}, {2, 0, 301.0 / 302}, {1, 1, 151.0 / 152}} {
		for r := range p {
			if x.Row(r)[1] == row.a && x.Row(r)[2] == row.b && math.Abs(p[r]-row.want) > 1e-12 {
				t.Fatalf("box %d: probability %v, want %v", i, p[r], row.want)
			}
		}
	}
}

func TestTreeOptions(t *testing.T) {
	x, y, _ := shop(200, 3, 1)
	for _, o := range []TreeOptions{{MaxDepth: 31}, {MinLeaf: -1}, {SampleRows: 1}} {
		var wrong *models.OptionError
		if _, err := FitTree(t.Context(), x, y, o); !errors.As(err, &wrong) || wrong.Model != "tree" {
			t.Errorf("%+v gives %v, want an OptionError of tree", o, err)
		}
	}
	small, err := FitTree(t.Context(), x, y, TreeOptions{SampleRows: 50, MinLeaf: 5})
	if err != nil || len(small.Trees) != 1 {
		t.Errorf("a tree of a sample: %v, %v", small, err)
	}
}
