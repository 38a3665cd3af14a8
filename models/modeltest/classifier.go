package modeltest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
)

// FitClassifier fits the model under test with fixed options and seed.
type FitClassifier func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error)

// Classifier runs the suite, that of a models.Contributor as well where the model is
// one. learns says that the model looks at the features,
// which a base rate does not.
func Classifier(t *testing.T, fit FitClassifier, learns bool) {
	s := classifierSuite{fit: fit, learns: learns}
	for _, c := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"separable", s.separable}, {"awkward columns", s.awkwardColumns}, {"missing values", s.missing}, {"other columns", s.otherColumns},
		{"wrong length", s.wrongLength}, {"determinism", s.determinism}, {"concurrency", s.concurrency}, {"input unchanged", s.inputUnchanged},
		{"one class", s.oneClass}, {"no rows", s.noRows}, {"two rows", s.twoRows}, {"infinite values", s.infinite}, {"cancelled", s.cancelled},
		{"contributions add up", s.additive}, {"contributions refuse", s.contributorRefuses}, {"contributions determinism", s.contributorDeterminism},
	} {
		t.Run(c.name, c.run)
	}
}

type classifierSuite struct {
	fit    FitClassifier
	learns bool
}

// table draws rows whose label is decided by the sign of the first column; the
// second is noise.
func table(rows int) (*matrix.Dense, []bool) {
	x := matrix.NewDense(rows, []string{"signal", "noise"})
	y := make([]bool, rows)
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range rows {
		v := rng.NormFloat64()
		y[i] = v > 0
		x.Row(i)[0], x.Row(i)[1] = v+math.Copysign(0.5, v), rng.NormFloat64()
	}
	return x, y
}

func (s classifierSuite) model(t *testing.T, x *matrix.Dense, y []bool) models.Classifier {
	t.Helper()
	m, err := s.fit(t.Context(), x, y)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func probability(t *testing.T, m models.Classifier, x *matrix.Dense) []float64 {
	t.Helper()
	dst := make([]float64, x.Rows)
	for i := range dst {
		dst[i] = math.NaN()
	}
	if err := m.Probability(x, dst); err != nil {
		t.Fatal(err)
	}
	for i, p := range dst {
		if !(p >= 0 && p <= 1) {
			t.Fatalf("probability of row %d is %v", i, p)
		}
	}
	return dst
}

func (s classifierSuite) separable(t *testing.T) {
	x, y := table(400)
	p := probability(t, s.model(t, x, y), x)
	if !s.learns {
		return
	}
	for i := range p {
		if math.Abs(x.Row(i)[0]) > 1 && (p[i] > 0.5) != y[i] {
			t.Errorf("row %d with signal %.2f and label %v gets %v", i, x.Row(i)[0], y[i], p[i])
		}
	}
}

func (s classifierSuite) awkwardColumns(t *testing.T) {
	base, y := table(200)
	x := matrix.NewDense(200, []string{"signal", "constant", "never there", "twin", "huge", "count"})
	for i := range x.Rows {
		v := base.Row(i)[0]
		copy(x.Row(i), []float64{v, 3, math.NaN(), v, 1e300 * v, float64(i % 7)})
	}
	probability(t, s.model(t, x, y), x)
}

// missing trains with and without missing values and scores the other way round.
func (s classifierSuite) missing(t *testing.T) {
	whole, y := table(300)
	holed := whole.Take(rowNumbers(300))
	for i := 0; i < 300; i += 3 {
		holed.Row(i)[i%2] = math.NaN()
	}
	for _, train := range []*matrix.Dense{whole, holed} {
		m := s.model(t, train, y)
		probability(t, m, whole)
		probability(t, m, holed)
		empty := matrix.NewDense(1, whole.Names)
		empty.Data[0], empty.Data[1] = math.NaN(), math.NaN()
		probability(t, m, empty)
	}
}

func rowNumbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func (s classifierSuite) otherColumns(t *testing.T) {
	x, y := table(100)
	m := s.model(t, x, y)
	for _, names := range [][]string{{"signal"}, {"noise", "signal"}, {"signal", "noise", "more"}, {"signal", "nose"}} {
		other := matrix.NewDense(3, names)
		if err := m.Probability(other, make([]float64, 3)); !errors.Is(err, models.ErrColumns) {
			t.Errorf("columns %v give %v, want ErrColumns", names, err)
		}
	}
}

func (s classifierSuite) wrongLength(t *testing.T) {
	x, y := table(100)
	if _, err := s.fit(t.Context(), x, y[:99]); err == nil {
		t.Error("99 labels for 100 rows are accepted")
	}
	if err := s.model(t, x, y).Probability(x, make([]float64, 99)); err == nil {
		t.Error("room for 99 probabilities of 100 rows is accepted")
	}
}

func (s classifierSuite) determinism(t *testing.T) {
	x, y := table(300)
	for i := range y {
		y[i] = y[i] != (i%9 == 0) // noise, so that there is something to overfit
	}
	fitted := func(cores int) []float64 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		return probability(t, s.model(t, x, y), x)
	}
	if one, two := fitted(1), fitted(2); !slices.Equal(one, two) {
		t.Error("probabilities differ between 1 and 2 cores")
	}
}

func (s classifierSuite) concurrency(t *testing.T) {
	x, y := table(200)
	m := s.model(t, x, y)
	want := probability(t, m, x)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dst := make([]float64, x.Rows)
			if err := m.Probability(x, dst); err != nil || !slices.Equal(dst, want) {
				t.Errorf("probabilities change under concurrent use (%v)", err)
			}
		})
	}
	wg.Wait()
}

func (s classifierSuite) inputUnchanged(t *testing.T) {
	x, y := table(100)
	x.Row(4)[1] = math.NaN()
	before := slices.Clone(x.Data)
	labels := slices.Clone(y)
	m := s.model(t, x, y)
	probability(t, m, x)
	same := slices.EqualFunc(x.Data, before, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	if !same || !slices.Equal(y, labels) {
		t.Error("fitting or scoring changed the table or the labels")
	}
}

// oneClass allows a refusal that says so, or a probability on the right side.
func (s classifierSuite) oneClass(t *testing.T) {
	x, y := table(50)
	for i := range y {
		y[i] = true
	}
	m, err := s.fit(t.Context(), x, y)
	if err != nil {
		if !errors.Is(err, models.ErrNoData) {
			t.Errorf("one class gives %v, want ErrNoData or a model", err)
		}
		return
	}
	for i, p := range probability(t, m, x) {
		if p <= 0.5 {
			t.Errorf("row %d: all labels true, probability %v", i, p)
		}
	}
}

func (s classifierSuite) noRows(t *testing.T) {
	if _, err := s.fit(t.Context(), matrix.NewDense(0, []string{"a"}), nil); !errors.Is(err, models.ErrNoData) {
		t.Errorf("no rows give %v, want ErrNoData", err)
	}
	x, y := table(100)
	if err := s.model(t, x, y).Probability(matrix.NewDense(0, x.Names), nil); err != nil {
		t.Errorf("scoring no rows gives %v", err)
	}
}

func (s classifierSuite) twoRows(t *testing.T) {
	x := matrix.NewDense(2, []string{"a", "b"})
	x.Row(1)[0] = 1
	if m, err := s.fit(t.Context(), x, []bool{false, true}); err == nil {
		probability(t, m, x)
	} else if !errors.Is(err, models.ErrNoData) {
		t.Errorf("two rows give %v, want a model or ErrNoData", err)
	}
}

// infinite values never occur in a Dense; a model that looks at values refuses them.
func (s classifierSuite) infinite(t *testing.T) {
	if !s.learns {
		t.Skip("does not look at values")
	}
	x, y := table(100)
	m := s.model(t, x, y)
	x.Row(3)[0] = math.Inf(1)
	if _, err := s.fit(t.Context(), x, y); err == nil {
		t.Error("an infinite value is accepted in training")
	}
	if err := m.Probability(x, make([]float64, x.Rows)); err == nil {
		t.Error("an infinite value is accepted in scoring")
	}
}

func (s classifierSuite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x, y := table(100)
	if _, err := s.fit(ctx, x, y); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled fit gives %v, want context.Canceled", err)
	}
}
