package modeltest

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
)

// contributor fits on noisy rows with holes. A model that is no Contributor, or
// wraps one that is none, is not asked.
func (s classifierSuite) contributor(t *testing.T) (models.Classifier, models.Contributor, *matrix.Dense) {
	t.Helper()
	x, y := table(300)
	for i := range y {
		y[i] = y[i] != (i%9 == 0)
	}
	for i := 0; i < 300; i += 7 {
		x.Row(i)[i%2] = math.NaN()
	}
	m := s.model(t, x, y)
	c, ok := m.(models.Contributor)
	if !ok {
		t.Skip("says nothing of what columns contribute")
	}
	if err := c.Contributions(x, make([]float64, x.Rows*3)); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	return m, c, x
}

func contributions(t *testing.T, c models.Contributor, x *matrix.Dense) []float64 {
	t.Helper()
	dst := make([]float64, x.Rows*(x.Cols()+1))
	for i := range dst {
		dst[i] = math.NaN()
	}
	if err := c.Contributions(x, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

// additive: contributions add up to the log-odds of the probability, with and
// without missing values. Those of a probability near 0 or 1 have too few digits
// to compare, and are compared as a probability.
func (s classifierSuite) additive(t *testing.T) {
	m, c, x := s.contributor(t)
	empty := matrix.NewDense(1, x.Names)
	empty.Data[0], empty.Data[1] = math.NaN(), math.NaN()
	const far = 1e-5
	moved := false
	for _, rows := range []*matrix.Dense{x, empty} {
		phi := contributions(t, c, rows)
		for i, p := range probability(t, m, rows) {
			row := phi[3*i : 3*i+3]
			sum := row[0] + row[1] + row[2]
			got := 1 / (1 + math.Exp(-sum))
			if p > far && p < 1-far && !(math.Abs(sum-models.LogOdds(p)) <= 1e-9) || !(math.Abs(got-p) <= 2e-9) {
				t.Fatalf("row %d: contributions %v add up to log-odds %v, probability %v; the model gives %v", i, row, sum, got, p)
			}
			moved = moved || math.Abs(row[0]) > math.Abs(row[1]) && math.Abs(row[0]) > 0.1
		}
	}
	if s.learns && !moved {
		t.Error("the column that decides the label contributes nothing")
	}
}

func (s classifierSuite) contributorRefuses(t *testing.T) {
	_, c, x := s.contributor(t)
	for _, names := range [][]string{{"signal"}, {"noise", "signal"}, {"signal", "noise", "more"}} {
		other := matrix.NewDense(3, names)
		if err := c.Contributions(other, make([]float64, 3*(len(names)+1))); !errors.Is(err, models.ErrColumns) {
			t.Errorf("columns %v give %v, want ErrColumns", names, err)
		}
	}
	for _, room := range []int{3*x.Rows - 1, 3*x.Rows + 1, 2 * x.Rows} {
		if err := c.Contributions(x, make([]float64, room)); err == nil {
			t.Errorf("room for %d contributions of %d rows is accepted", room, x.Rows)
		}
	}
	if err := c.Contributions(matrix.NewDense(0, x.Names), nil); err != nil {
		t.Errorf("contributions of no rows: %v", err)
	}
	x.Row(3)[0] = math.Inf(-1)
	if err := c.Contributions(x, make([]float64, 3*x.Rows)); s.learns && err == nil {
		t.Error("an infinite value is accepted")
	}
}

// contributorDeterminism: the same on any number of cores, from many goroutines
// and for a row alone; and the rows stay as they were.
func (s classifierSuite) contributorDeterminism(t *testing.T) {
	_, c, x := s.contributor(t)
	before := slices.Clone(x.Data)
	with := func(cores int) []float64 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		return contributions(t, c, x)
	}
	want := with(1)
	if !slices.Equal(want, with(2)) {
		t.Error("contributions differ between 1 and 2 cores")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			dst := make([]float64, len(want))
			if err := c.Contributions(x, dst); err != nil || !slices.Equal(dst, want) {
				t.Errorf("contributions change under concurrent use (%v)", err)
			}
		})
	}
	wg.Wait()
	if alone := contributions(t, c, x.Take([]int{17})); !slices.Equal(alone, want[3*17:3*18]) {
		t.Errorf("row 17 alone has %v, among others %v", alone, want[3*17:3*18])
	}
	if !slices.EqualFunc(x.Data, before, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
		t.Error("explaining changed the table")
	}
}
