package gap

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/modeltest"
)

var names = []string{"recency_days", "spend", "expected_gap_days"}

// The orders of a row whose label is true come every ten days; others ordered once.
func TestConformance(t *testing.T) {
	modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
		if len(y) != x.Rows {
			return nil, errors.New("labels of other rows")
		}
		orders := make([][]int32, len(y))
		for i, regular := range y {
			orders[i] = []int32{int32(i % 30)}
			for day := int32(10); regular && day < 100; day += 10 {
				orders[i] = append(orders[i], int32(i%30)+day)
			}
		}
		o := Options{Elapsed: x.Names[0]}
		if x.Cols() > 1 {
			o.Expected = x.Names[1]
		}
		return Fit(ctx, x.Names, orders, 150, o)
	}, false)
}

// The 21 remissions under 6-MP of Freireich et al. (Blood 21, 1963), the textbook
// example of Kaplan and Meier's estimate: S is .857, .807, .753, .690, .627 and .538
// after weeks 6, 7, 10, 13, 16 and 22. Five patients
// for each make the last of the nine times that of the tail.
func TestKaplanMeier(t *testing.T) {
	var waits []wait
	for range 5 {
		for _, w := range []float64{6, 6, 6, 7, 10, 13, 16, 22, 23} {
			waits = append(waits, wait{w, true})
		}
		for _, w := range []float64{6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35} {
			waits = append(waits, wait{w, false})
		}
	}
	c := curveOf(waits, 0.1, 1e-9)
	if !slices.Equal(c.Time, []float64{6, 7, 10, 13, 16, 22}) {
		t.Fatalf("knots at %v", c.Time)
	}
	for k, want := range []float64{0.857, 0.807, 0.753, 0.690, 0.627, 0.538} {
		if got := math.Exp(-c.Hazard[k]); math.Abs(got-want) > 0.0005 {
			t.Errorf("S(%v) is %.4f, want %v", c.Time[k], got, want)
		}
	}
	// beyond week 22: five events, and one more at the base rate, over the time waited
	// beyond it, 5·(1+3+10+10+12+13) weeks, and 10 for the one more
	if want := 6.0 / (5*49 + 10); math.Abs(c.Tail-want) > 1e-6 {
		t.Errorf("tail %v, want %v", c.Tail, want)
	}
}

// With hardly any orders the base rate is what remains.
func TestBlended(t *testing.T) {
	waits := []wait{{0.5, true}, {1, false}, {2, false}}
	strong, weak := curveOf(slices.Clone(waits), 1, 1e9), curveOf(slices.Clone(waits), 1, 1e-9)
	if got := strong.between(0.2, 3); math.Abs(got-3) > 1e-6 {
		t.Errorf("a strong base rate gives the hazard %v, want 3", got)
	}
	if got := weak.between(0.2, 3); got > 2 { // one order, and one at the base rate, in 3.5 + 1
		t.Errorf("a weak base rate gives the hazard %v, want 1.33", got)
	}
}

// shop draws customers whose waits are gamma distributed about their own mean gap,
// and who leave after an order with the given probability.
func shop(n int, shape float64, gap func(rng *rand.Rand) float64, leave float64, until int) [][]int32 {
	rng := rand.New(rand.NewPCG(2, 3))
	out := make([][]int32, n)
	for i := range out {
		mean := gap(rng)
		for day := float64(rng.IntN(200)); int(day) < until; {
			if k := len(out[i]); k == 0 || out[i][k-1] < int32(day) {
				out[i] = append(out[i], int32(day))
			}
			if rng.Float64() < leave {
				break
			}
			for range int(shape) {
				day += rng.ExpFloat64() * mean / shape
			}
		}
	}
	return out
}

func before(orders [][]int32, now int32) [][]int32 {
	var out [][]int32
	for _, days := range orders {
		if at, _ := slices.BinarySearch(days, now); at > 0 {
			out = append(out, days[:at])
		}
	}
	return out
}

func fit(t *testing.T, orders [][]int32, now int32) *Model {
	t.Helper()
	m, err := Fit(t.Context(), names, orders, now, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func row(since, expected float64) *matrix.Dense {
	return &matrix.Dense{Names: names, Rows: 1, Data: []float64{since, math.NaN(), expected}}
}

func within(t *testing.T, m *Model, since, expected, days float64) float64 {
	t.Helper()
	c, err := m.Course(row(since, expected), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c.Within(days)
}

// Where everybody orders by the same exponential clock, waiting changes nothing:
// P(order within h) = 1 − e^(−h/mean), also beyond the waits that were seen.
func TestMemoryless(t *testing.T) {
	m := fit(t, shop(20_000, 1, func(*rand.Rand) float64 { return 40 }, 0, 700), 700)
	for _, since := range []float64{1, 20, 90, 200, 1000} {
		for _, h := range []float64{7, 30, 90} {
			want := -math.Expm1(-h / 40)
			if got := within(t, m, since, math.NaN(), h); math.Abs(got-want) > 0.03 {
				t.Errorf("within %v days after %v: %.3f, want %.3f", h, since, got, want)
			}
		}
	}
}

// Customers of gaps of their own who leave one day: what is foretold comes true,
// for those just back, for those about due and for those who are long overdue.
func TestComesTrue(t *testing.T) {
	orders := shop(6000, 4, func(rng *rand.Rand) float64 { return 15 + 90*rng.Float64() }, 0.15, 700)
	const now, horizon = 500, 60
	known := before(orders, now)
	m := fit(t, known, now)
	var told, true_, count [5]float64
	k := 0
	for _, days := range orders {
		at, _ := slices.BinarySearch(days, now)
		if at == 0 {
			continue
		}
		since, expected := float64(now-known[k][at-1]), math.NaN()
		if at > 1 {
			expected = (float64(days[at-1]-days[0]) + m.Typical) / float64(at)
		}
		k++
		bucket := 4 // ordered once
		if at > 1 {
			bucket = min(int(2*since/expected), 3)
		}
		told[bucket] += within(t, m, since, expected, horizon)
		count[bucket]++
		if at < len(days) && days[at] < now+horizon {
			true_[bucket]++
		}
	}
	for b := range told {
		if got, want := told[b]/count[b], true_[b]/count[b]; math.Abs(got-want) > 0.05 || count[b] < 200 {
			t.Errorf("bucket %d of %v customers: told %.3f, came true %.3f", b, count[b], got, want)
		}
	}
}

// A wait must not take part in its own measure: with regular customers of two
// orders only, gaps of all lengths are as usual as those of the typical length.
func TestMeasuredBeforehand(t *testing.T) {
	var orders [][]int32
	for i := range int32(200) {
		orders = append(orders, []int32{0, 10 + i})
	}
	m := fit(t, orders, 220)
	if want := 109.0; m.Typical != want {
		t.Errorf("typical gap %v, want %v", m.Typical, want)
	}
	// of 200 waits, uniform between 10 and 209 days, half end within 110
	if got := within(t, m, 0, math.NaN(), 110); math.Abs(got-0.5) > 0.06 {
		t.Errorf("within 110 days %.3f, want about .5", got)
	}
}

// anyModel draws a model of any numbers.
func anyModel(t *rapid.T) *Model {
	curve := func(name string) Curve {
		var c Curve
		at, hazard := 0.0, 0.0
		for range rapid.IntRange(0, 5).Draw(t, name) {
			at += rapid.Float64Range(0.01, 1).Draw(t, "time")
			hazard += rapid.Float64Range(0, 1).Draw(t, "hazard")
			c.Time, c.Hazard = append(c.Time, at), append(c.Hazard, hazard)
		}
		c.Tail = rapid.Float64Range(0.001, 3).Draw(t, "tail")
		return c
	}
	m, err := New(Model{Names: names, Elapsed: 0, Expected: 2, Horizon: 90, Typical: 30, Usual: 40, First: curve("first"), Later: curve("later"),
		Background: [][2]float64{{rapid.Float64Range(0, 300).Draw(t, "b"), rapid.SampledFrom([]float64{0, 20, 90}).Draw(t, "bg")}}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The laws of probability: more days, more chance, never 0 nor 1; waiting and
// looking ahead are one thing.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel(t)
		x := row(rapid.Float64Range(0, 500).Draw(t, "since"), rapid.SampledFrom([]float64{math.NaN(), 3, 50}).Draw(t, "gap"))
		now, err := m.Course(x, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		short, long := rapid.Float64Range(0.1, 50).Draw(t, "short"), rapid.Float64Range(0.1, 50).Draw(t, "long")
		later, err := m.Course(x, 0, short)
		if err != nil {
			t.Fatal(err)
		}
		a, b, c := now.Within(short), later.Within(long), now.Within(short+long)
		if !(0 < a && a <= c && c < 1) {
			t.Fatalf("within %v days %v, within %v days %v", short, a, short+long, c)
		}
		if math.Abs((1-c)-(1-a)*(1-b)) > 1e-5 {
			t.Fatalf("no order in %v days: %v, in two steps %v", short+long, 1-c, (1-a)*(1-b))
		}
	})
}

// Contributions are the mean over the two orders in which the values of one
// customer can be replaced by those of another.
func TestContributions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel(t)
		b := m.Background[0]
		if b[1] == 0 {
			b[1] = math.NaN()
		}
		e, g := rapid.Float64Range(0, 500).Draw(t, "since"), rapid.SampledFrom([]float64{math.NaN(), 3, 50}).Draw(t, "gap")
		x := matrix.NewDense(4, names)
		for i, v := range [][2]float64{{e, g}, {e, b[1]}, {b[0], g}, {b[0], b[1]}} {
			copy(x.Row(i), []float64{v[0], 7, v[1]})
		}
		p, got := make([]float64, 4), make([]float64, 16)
		if err := errors.Join(m.Probability(x, p), m.Contributions(x, got)); err != nil {
			t.Fatal(err)
		}
		z := make([]float64, 4)
		for i := range z {
			z[i] = math.Log(p[i] / (1 - p[i]))
		}
		want := []float64{(z[1] - z[3] + z[0] - z[2]) / 2, 0, (z[2] - z[3] + z[0] - z[1]) / 2, z[3]}
		for j := range want {
			if math.Abs(got[j]-want[j]) > 1e-6 {
				t.Fatalf("contributions %v, want %v", got[:4], want)
			}
		}
	})
}

func TestRefuses(t *testing.T) {
	good := [][]int32{{0, 10}, {5}}
	for _, c := range []struct {
		orders [][]int32
		o      Options
		want   string
	}{
		{[][]int32{{0, 0}}, Options{}, "gap: customer 0: order day 0 comes after day 0: days must be distinct and ascending"},
		{[][]int32{{1}, {20}}, Options{}, "gap: customer 1: order day 20 is not before 20"},
		{[][]int32{{1}, {}}, Options{}, "gap: none of 2 customers has ordered on two days: too little data to learn from"},
		{good, Options{Elapsed: "days"}, "gap.Elapsed is days: it must be one of the columns [recency_days spend expected_gap_days]"},
		{good, Options{Expected: "recency_days"}, "gap.Expected is recency_days: it must be another column than Elapsed"},
		{good, Options{Horizon: -1}, "gap.Horizon is -1: it must be between 1 and 3653"},
		{good, Options{PriorOrders: math.Inf(1)}, "gap.PriorOrders is +Inf: it must be above 0 and finite"},
		{good, Options{PriorGaps: math.NaN()}, "gap.PriorGaps is NaN: it must be above 0 and finite"},
	} {
		if _, err := Fit(t.Context(), names, c.orders, 20, c.o); err == nil || err.Error() != c.want {
			t.Errorf("%+v gives %v, want %q", c.o, err, c.want)
		}
	}
	m := fit(t, good, 20)
	for _, bad := range []*matrix.Dense{row(math.Inf(1), 3), row(3, math.Inf(-1))} {
		if err := m.Probability(bad, make([]float64, 1)); err == nil {
			t.Errorf("%v is accepted", bad.Data)
		}
		if err := m.Contributions(bad, make([]float64, 4)); err == nil {
			t.Errorf("%v is accepted", bad.Data)
		}
	}
	if err := m.Contributions(row(1, 1), make([]float64, 3)); err == nil {
		t.Error("room for three contributions of three columns is accepted")
	}
	if _, err := m.Course(row(1, 1), 1, 0); err == nil {
		t.Error("a row that there is not is accepted")
	}
	if _, err := m.Course(row(1, 1), 0, math.NaN()); err == nil {
		t.Error("NaN days waited are accepted")
	}
}

func TestStored(t *testing.T) {
	m := fit(t, [][]int32{{0, 10, 30}, {5, 9}, {3}}, 40)
	again, err := New(*m)
	if err != nil || !reflect.DeepEqual(m, again) {
		t.Errorf("stored and read it differs (%v)", err)
	}
	for i, spoil := range []func(*Model){
		func(m *Model) { m.Elapsed = 3 }, func(m *Model) { m.Expected = m.Elapsed }, func(m *Model) { m.Horizon = 0 }, func(m *Model) { m.Typical = 0 },
		func(m *Model) { m.Usual = math.NaN() }, func(m *Model) { m.Background = nil }, func(m *Model) { m.Background = [][2]float64{{-1, 3}} },
		func(m *Model) { m.First.Tail = 0 }, func(m *Model) { m.Later.Time = []float64{2, 1} }, func(m *Model) { m.Later = Curve{[]float64{1, 2}, []float64{2, 1}, 1} },
	} {
		bad := *m
		spoil(&bad)
		if _, err := New(bad); err == nil {
			t.Errorf("spoiled model %d is accepted", i)
		}
	}
}
