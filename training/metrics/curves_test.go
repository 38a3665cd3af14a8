package metrics

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func drawnRows(t *rapid.T) (p []float64, y []bool) {
	n := rapid.IntRange(2, 200).Draw(t, "rows")
	p, y = make([]float64, n), make([]bool, n)
	for i := range n {
		p[i] = float64(rapid.IntRange(0, 30).Draw(t, "p")) / 30
		y[i] = rapid.Bool().Draw(t, "y")
	}
	y[0], y[1] = true, false
	return p, y
}

// above counts the rows at or above a threshold.
func above(p []float64, y []bool, threshold float64) (rows, positive float64) {
	for i, v := range p {
		if v >= threshold {
			rows++
			if y[i] {
				positive++
			}
		}
	}
	return rows, positive
}

// Every point is one of a threshold, by counting; the curves begin and end where
// they must; what is left out lies within a step; the area is the AUC where
// nothing is.
func TestCurvesByCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, y := drawnRows(t)
		n, positive := above(p, y, 0)
		points := rapid.IntRange(2, 60).Draw(t, "points")
		c, err := CurvesOf(p, y, points)
		if err != nil {
			t.Fatal(err)
		}
		roc, pr, gains := map[Point]bool{{}: true}, map[Point]bool{}, map[Point]bool{{}: true}
		for _, threshold := range p {
			rows, hits := above(p, y, threshold)
			roc[Point{(rows - hits) / (n - positive), hits / positive}] = true
			pr[Point{hits / positive, hits / rows}] = true
			gains[Point{rows / n, hits / positive}] = true
		}
		for name, curve := range map[string]struct {
			points []Point
			of     map[Point]bool
		}{"roc": {c.ROC, roc}, "precision": {c.Precision, pr}, "gains": {c.Gains, gains}} {
			if len(curve.points) > points {
				t.Fatalf("%s has %d points, at most %d asked for", name, len(curve.points), points)
			}
			for _, q := range curve.points {
				if !curve.of[q] {
					t.Fatalf("%s: %v is at no threshold", name, q)
				}
			}
		}
		for _, curve := range [][]Point{c.ROC, c.Gains} {
			if curve[0] != (Point{}) || curve[len(curve)-1] != (Point{1, 1}) {
				t.Fatalf("a curve from %v to %v", curve[0], curve[len(curve)-1])
			}
		}
		whole, err := CurvesOf(p, y, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		area := 0.0
		for i := 1; i < len(whole.ROC); i++ {
			area += (whole.ROC[i].X - whole.ROC[i-1].X) * (whole.ROC[i].Y + whole.ROC[i-1].Y) / 2
		}
		if want := pairAUC(p, y); math.Abs(area-want) > 1e-9 {
			t.Fatalf("area %v, by pairs %v", area, want)
		}
	})
}

// The bins hold a tenth each, the calibration error is theirs, and the histogram
// counts every row.
func TestReliability(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, y := drawnRows(t)
		c, err := CurvesOf(p, y, 50)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Classification(t.Context(), p, y, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		off, last, counted := 0.0, 0.0, 0
		for _, b := range c.Reliable {
			off += b.Rows / float64(len(p)) * math.Abs(b.Rate-b.Probability)
			if math.Abs(b.Rows-float64(len(p))/10) > 1e-9 || b.Probability < last-1e-12 || b.Low > b.Rate+1e-12 || b.High < b.Rate-1e-12 {
				t.Fatalf("bin %+v of %d rows after %v", b, len(p), last)
			}
			last = b.Probability
		}
		for _, n := range c.Histogram {
			counted += n
		}
		if math.Abs(off-m["ece"].Value) > 1e-9 || len(c.Reliable) != 10 || counted != len(p) {
			t.Fatalf("%d bins are off by %v, ece %v; %d rows counted of %d", len(c.Reliable), off, m["ece"].Value, counted, len(p))
		}
	})
}

// Newcombe 1998, "Two-sided confidence intervals for the single proportion", table
// I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
func TestWilson(t *testing.T) {
	for _, c := range []struct{ hits, n, low, high float64 }{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		low, high := wilson(c.hits/c.n, c.n)
		if math.Abs(low-c.low) > 5e-5 || math.Abs(high-c.high) > 5e-5 {
			t.Errorf("%v of %v: %.4f to %.4f, want %v to %v", c.hits, c.n, low, high, c.low, c.high)
		}
	}
}

func TestCurvesRefuse(t *testing.T) {
	if _, err := CurvesOf([]float64{0.1, 0.2}, []bool{true, true}, 10); !errors.Is(err, ErrUndefined) {
		t.Errorf("one class gives %v", err)
	}
	if _, err := CurvesOf([]float64{0.1, math.NaN()}, []bool{true, false}, 10); err == nil {
		t.Error("NaN is accepted")
	}
	if _, err := CurvesOf([]float64{0.1, 0.2}, []bool{true, false}, 1); err == nil {
		t.Error("a curve of one point is accepted")
	}
}
