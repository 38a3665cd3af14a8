package shapley_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"regulars/models"
	"regulars/models/internal/shapley"
	"regulars/models/modeltest"
)

const columns = 5

// drawn is a tree drawn by chance and the sides that a row takes at its splits.
type drawn struct {
	splits []shapley.Split
	leaves []shapley.Leaf
	left   []bool
}

// grow draws the node that so many rows reach and returns its number as a child.
func (d *drawn) grow(t *rapid.T, rows, depth int) int32 {
	if rows < 2 || depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		d.leaves = append(d.leaves, shapley.Leaf{Value: rapid.Float64Range(-2, 2).Draw(t, "value"), Rows: float64(rows)})
		return ^int32(len(d.leaves) - 1)
	}
	at := len(d.splits)
	d.splits = append(d.splits, shapley.Split{Column: int32(rapid.IntRange(0, columns-1).Draw(t, "column")), Rows: float64(rows)})
	d.left = append(d.left, rapid.Bool().Draw(t, "left"))
	side := rapid.IntRange(1, rows-1).Draw(t, "rows")
	l, r := d.grow(t, side, depth-1), d.grow(t, rows-side, depth-1)
	d.splits[at].Left, d.splits[at].Right = l, r
	return int32(at)
}

func (d *drawn) rows(child int32) float64 {
	if child < 0 {
		return d.leaves[^child].Rows
	}
	return d.splits[child].Rows
}

// given is the mean of the tree over the training rows, given the columns in the
// coalition (Lundberg, Erion, Lee 2018, algorithm 1).
func (d *drawn) given(child int32, coalition uint) float64 {
	if child < 0 {
		return d.leaves[^child].Value
	}
	s := d.splits[child]
	if coalition>>s.Column&1 == 0 {
		return (d.rows(s.Left)*d.given(s.Left, coalition) + d.rows(s.Right)*d.given(s.Right, coalition)) / s.Rows
	}
	if d.left[child] {
		return d.given(s.Left, coalition)
	}
	return d.given(s.Right, coalition)
}

// Trees split the same column again and again here, also against the side that the
// row took before, which no row of a grown tree can.
func TestTreeAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d drawn
		root := d.grow(t, rapid.IntRange(1, 500).Draw(t, "rows"), rapid.IntRange(0, 9).Draw(t, "depth"))
		tree := shapley.NewTree(d.splits, d.leaves)
		var s shapley.Scratch
		copy(s.Left(tree), d.left)
		got := make([]float64, columns+1)
		tree.Add(got, &s)
		for j, want := range modeltest.Shapley(columns, func(c uint) float64 { return d.given(root, c) }) {
			if math.Abs(got[j]-want) > 1e-11 {
				t.Fatalf("column %d: %v, by definition %v", j, got[j], want)
			}
		}
	})
}

// Log-odds add up to those of the row's probability and lie in the proportions and
// on the sides of the contributions to it; the base is that of the probability.
func TestToLogOdds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ends := []float64{0, 1, 0.5, 1e-12, 1 - 1e-12}
		end := rapid.OneOf(rapid.SampledFrom(ends), rapid.Float64Range(0, 1))
		base, p := end.Draw(t, "base"), end.Draw(t, "p")
		if rapid.Bool().Draw(t, "near") {
			p = base + (p-base)*1e-9
		}
		first := rapid.Float64Range(-1, 1).Draw(t, "first")
		phi := []float64{first, (p - base) - first, base}
		before := append([]float64(nil), phi...)
		shapley.ToLogOdds(phi)
		if want := models.LogOdds(p); math.Abs(phi[0]+phi[1]+phi[2]-want) > 1e-6 {
			t.Fatalf("%v to %v: log-odds %v, want %v", base, p, phi, want)
		}
		if want := models.LogOdds(base); math.Abs(phi[2]-want) > 1e-6*(1+math.Abs(phi[0])) {
			t.Fatalf("%v to %v: base %v, want %v", base, p, phi[2], want)
		}
		if !(phi[0]*before[0] >= 0) || math.Abs(phi[0]*before[1]-phi[1]*before[0]) > 1e-9*(1+math.Abs(phi[0])) {
			t.Fatalf("%v became %v", before, phi)
		}
	})
}
