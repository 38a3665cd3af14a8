package propensity

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"regulars/data/frame"
	"regulars/features/matrix"
	"regulars/models"
)

// honest draws customers whose label follows three columns in part; drift moves
// the third from row to row, as a date does.
func honest(rows int, seed uint64, drift float64) Rows {
	rng := rand.New(rand.NewPCG(seed, 2))
	r := Rows{X: matrix.NewDense(rows, []string{"recency", "orders", "day", "noise", "region"}), Categorical: []int{4}, Y: make([]bool, rows)}
	for i := range rows {
		v := r.X.Row(i)
		v[0], v[1], v[2], v[3], v[4] = rng.ExpFloat64(), rng.ExpFloat64(), rng.NormFloat64()+drift*float64(i)/float64(rows), rng.NormFloat64(), float64(rng.IntN(8))
		if rng.IntN(6) == 0 {
			v[1] = math.NaN()
		}
		z := 1.5*v[0] - 1.2
		if !math.IsNaN(v[1]) {
			z -= v[1]
		}
		r.Y[i] = rng.Float64() < 1/(1+math.Exp(-z-0.8*v[2]+0.8*drift*float64(i)/float64(rows)))
	}
	return r
}

// plant adds a column.
func plant(r Rows, value func(i int, y bool, rng *rand.Rand) float64) Rows {
	names := append(slices.Clone(r.X.Names), "planted")
	out := Rows{X: matrix.NewDense(r.X.Rows, names), Categorical: r.Categorical, Y: r.Y}
	rng := rand.New(rand.NewPCG(9, 9))
	for i := range r.X.Rows {
		copy(out.X.Row(i), r.X.Row(i))
		out.X.Row(i)[len(names)-1] = value(i, r.Y[i], rng)
	}
	return out
}

func number(y bool) float64 {
	if y {
		return 1
	}
	return 0
}

func TestPlantedLeaksAreNamed(t *testing.T) {
	flipped := func(y bool, share float64, rng *rand.Rand) float64 { return number(y != (rng.Float64() < share)) }
	later := honest(2000, 2, 0)
	for _, c := range []struct {
		name         string
		early, later func(i int, y bool, rng *rand.Rand) float64
		want         Leak
	}{
		{"the label", func(_ int, y bool, _ *rand.Rand) float64 { return number(y) }, nil, Separates},
		{"the label upside down", func(_ int, y bool, _ *rand.Rand) float64 { return number(!y) }, nil, Separates},
		{"with noise", func(_ int, y bool, rng *rand.Rand) float64 { return number(y) + 0.2*rng.NormFloat64() }, nil, Separates},
		{"2 in 100 flipped", func(_ int, y bool, rng *rand.Rand) float64 { return flipped(y, 0.02, rng) }, nil, Separates},
		{"hidden in the parity", func(i int, y bool, _ *rand.Rand) float64 { return float64(i%9*2) + number(y) }, nil, Separates},
		{"there only when true", func(i int, y bool, _ *rand.Rand) float64 {
			if y {
				return float64(i)
			}
			return math.NaN()
		}, nil, Separates},
		{"there for half of the true", func(i int, y bool, rng *rand.Rand) float64 {
			if y && rng.IntN(2) == 0 {
				return float64(i)
			}
			return math.NaN()
		}, nil, GivesAway},
		{"a status for half of the true", func(_ int, y bool, rng *rand.Rand) float64 {
			if y && rng.IntN(2) == 0 {
				return 3
			}
			return float64(rng.IntN(3))
		}, nil, GivesAway},
		{"known only afterwards", func(_ int, y bool, rng *rand.Rand) float64 { return flipped(y, 0.2, rng) },
			func(int, bool, *rand.Rand) float64 { return math.NaN() }, Collapses},
		{"chance later", func(_ int, y bool, rng *rand.Rand) float64 { return flipped(y, 0.2, rng) },
			func(_ int, _ bool, rng *rand.Rand) float64 { return float64(rng.IntN(2)) }, Collapses},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.later == nil {
				c.later = c.early
			}
			found, err := Alarm(t.Context(), Check{Early: plant(honest(4000, 1, 0), c.early), Later: []Slice{{"later rows", plant(later, c.later)}}, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != 1 || found[0].Feature != "planted" || found[0].Leak != c.want || !strings.Contains(found[0].String(), "planted") {
				t.Errorf("found %v, want that planted %s", found, c.want)
			}
		})
	}
}

// A leak must not hide another one.
func TestTwoLeaksAreBothNamed(t *testing.T) {
	twice := plant(plant(honest(3000, 1, 0), func(_ int, y bool, _ *rand.Rand) float64 { return number(y) }),
		func(_ int, y bool, rng *rand.Rand) float64 { return number(y) + 0.1*rng.NormFloat64() })
	twice.X.Names[5] = "first"
	found, err := Alarm(t.Context(), Check{Early: twice, Seed: 1})
	if err != nil || len(found) != 2 || found[0].Feature != "first" || found[1].Feature != "planted" {
		t.Errorf("found %v, %v; want first and planted", found, err)
	}
}

func TestHonestFeaturesRaiseNoAlarm(t *testing.T) {
	for seed := range uint64(8) {
		for _, drift := range []float64{0, 6} {
			all := honest(5000, seed, drift)
			c := Check{Early: all.take(every(4000)), Later: []Slice{{"later", all.take(every(5000)[4000:])}}, Dated: true, Seed: seed}
			if found, err := Alarm(t.Context(), c); err != nil || len(found) > 0 {
				t.Errorf("seed %d, drift %v: %v, %v", seed, drift, found, err)
			}
		}
	}
	strong := func(_ int, y bool, rng *rand.Rand) float64 { return 2*number(y) + rng.NormFloat64() } // AUC .92
	if found, err := Alarm(t.Context(), Check{Early: plant(honest(4000, 1, 0), strong), Later: []Slice{{"later", plant(honest(2000, 2, 0), strong)}}}); err != nil || len(found) > 0 {
		t.Errorf("a strong feature that is no leak: %v, %v", found, err)
	}
}

func TestFewRowsRaiseNoAlarm(t *testing.T) {
	r := plant(honest(30, 1, 0), func(_ int, y bool, _ *rand.Rand) float64 { return number(y) })
	if found, err := Alarm(t.Context(), Check{Early: r}); err != nil || found != nil {
		t.Errorf("30 rows give %v, %v", found, err)
	}
}

func TestAlarmIsDeterministic(t *testing.T) {
	c := Check{Early: plant(honest(3000, 1, 0), func(_ int, y bool, rng *rand.Rand) float64 { return number(y != (rng.IntN(5) == 0)) }),
		Later: []Slice{{"later", plant(honest(1000, 2, 0), func(int, bool, *rand.Rand) float64 { return 0 })}}, Seed: 4}
	look := func(cores int) []Finding {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		found, err := Alarm(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if one, two := look(1), look(2); len(one) == 0 || !reflect.DeepEqual(one, two) {
		t.Errorf("one core finds %v, two find %v", one, two)
	}
}

func TestAlarmTellsErrors(t *testing.T) {
	broken := errors.New("broken")
	c := Check{Early: honest(1000, 1, 0), Later: []Slice{{"later", honest(500, 2, 0)}}, Fit: func(context.Context, Rows) (models.Classifier, error) { return nil, broken }}
	if _, err := Alarm(t.Context(), c); !errors.Is(err, broken) {
		t.Errorf("a model that cannot be fitted gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c.Fit = nil
	if _, err := Alarm(ctx, c); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled alarm gives %v", err)
	}
}

// The AUC is that of all pairs, ties one half.
func TestAUC(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		n := 2 + rng.IntN(40)
		score, y := make([]float64, n), make([]bool, n)
		for i := range n {
			score[i], y[i] = float64(rng.IntN(8)), rng.IntN(2) == 0
		}
		y[0], y[1] = true, false
		right, pairs := 0.0, 0.0
		for i := range n {
			for j := range n {
				if y[i] && !y[j] {
					pairs++
					right += map[bool]float64{true: 1}[score[i] > score[j]] + map[bool]float64{true: 0.5}[score[i] == score[j]]
				}
			}
		}
		if got := auc(score, y); math.Abs(got-right/pairs) > 1e-12 {
			t.Fatalf("AUC %v, want %v", got, right/pairs)
		}
	}
}

// shared returns a file of the real data beside the project.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the real data are not there: %v", err)
	}
	return path
}

// shoppers cuts the real table of shop visits: every fifth row is test.
func shoppers(t *testing.T) (*Task, *frame.Table) {
	t.Helper()
	all, err := frame.Read(t.Context(), shared(t, "online_shoppers.parquet"), frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	k, err := NewTask(some(all, func(i int) bool { return i%5 != 0 }), "Revenue", nil)
	if err != nil {
		t.Fatal(err)
	}
	return k, some(all, func(i int) bool { return i%5 == 0 })
}

// some returns part of the rows.
func some(t *frame.Table, keep func(int) bool) *frame.Table {
	var rows []int
	for i := range t.Rows {
		if keep(i) {
			rows = append(rows, i)
		}
	}
	out := &frame.Table{Path: t.Path, Rows: len(rows), Row: pick(t.Row, rows)}
	for _, c := range t.Columns {
		if c.Kind == frame.Text {
			c.Code = pick(c.Code, rows)
		} else {
			c.Number = pick(c.Number, rows)
		}
		out.Columns = append(out.Columns, c)
	}
	return out
}

func TestNoAlarmOnShoppers(t *testing.T) {
	k, test := shoppers(t)
	w, err := newWork(Request{Task: k, Test: test, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := w.alarm(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("found %v, %v", found, err)
	}
}

// visit is what a customer of the real shop did on one day.
type visit struct {
	day         float64
	lines, paid float64
}

// retailVisits reads the real shop by customer.
func retailVisits(t *testing.T) map[int][]visit {
	like := []frame.Column{{Name: "Customer ID"}, {Name: "InvoiceDate", Kind: frame.Time}, {Name: "Quantity"}, {Name: "Price"}}
	out := map[int][]visit{}
	for _, year := range []string{"2009_2010", "2010_2011"} {
		table, err := frame.Read(t.Context(), shared(t, "online_retail_"+year+".parquet"), frame.Options{Like: like})
		if err != nil {
			t.Fatal(err)
		}
		c := table.Columns
		for i := range table.Rows {
			if !c[0].Missing(i) && c[2].Number[i] > 0 && c[3].Number[i] > 0 {
				id, day := int(c[0].Number[i]), math.Floor(c[1].Number[i])
				v := out[id]
				if n := len(v); n == 0 || v[n-1].day != day {
					v = append(v, visit{day: day})
				}
				v[len(v)-1].lines++
				v[len(v)-1].paid += c[2].Number[i] * c[3].Number[i]
				out[id] = v
			}
		}
	}
	return out
}

// retailRows are the customers who came in the 365 days before a day.
func retailRows(visits map[int][]visit, day float64) Rows {
	names := []string{"recency", "frequency", "frequency_90", "frequency_180", "monetary", "monetary_180", "lines", "tenure", "gap", "gap_deviation", "overdue", "last_paid", "first_day", "last_day"}
	r := Rows{X: &matrix.Dense{Names: names}}
	var ids []int
	for id := range visits {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		var past []visit
		returns := false
		for _, v := range visits[id] {
			if v.day < day {
				past = append(past, v)
			}
			returns = returns || v.day >= day && v.day < day+90
		}
		if n := len(past); n > 0 && past[n-1].day >= day-365 {
			r.X.Data = append(r.X.Data, retailFeatures(past, day)...)
			r.X.Rows++
			r.Y = append(r.Y, !returns)
		}
	}
	return r
}

func retailFeatures(past []visit, day float64) []float64 {
	n := float64(len(past))
	first, last := past[0], past[len(past)-1]
	var n90, n180, paid, paid180, lines, squares float64
	for i, v := range past {
		paid, lines = paid+v.paid, lines+v.lines
		if v.day >= day-90 {
			n90++
		}
		if v.day >= day-180 {
			n180++
			paid180 += v.paid
		}
		if i > 0 {
			squares += (v.day - past[i-1].day) * (v.day - past[i-1].day)
		}
	}
	gap, deviation := math.NaN(), math.NaN()
	if n > 1 {
		gap = (last.day - first.day) / (n - 1)
		deviation = math.Sqrt(math.Max(0, squares/(n-1)-gap*gap))
	}
	return []float64{day - last.day, n, n90, n180, paid, paid180, lines / n, day - first.day, gap, deviation, (day - last.day) / gap, last.paid, first.day, last.day}
}

// Features of the real shop at four dates, the last two columns being dates that
// move with time, raise no alarm; the number of visits in the horizon does.
func TestNoAlarmOnRetail(t *testing.T) {
	visits := retailVisits(t)
	const asOf = 15226.0 // 2011-09-09
	var parts []Rows
	for _, back := range []float64{4, 3, 2, 1, 0} {
		parts = append(parts, retailRows(visits, asOf-91*back))
	}
	early := parts[0]
	for _, p := range parts[1:3] {
		x, err := matrix.Append(early.X, p.X)
		if err != nil {
			t.Fatal(err)
		}
		early = Rows{X: x, Y: append(slices.Clone(early.Y), p.Y...)}
	}
	c := Check{Early: early, Later: []Slice{{"the latest rows", parts[3]}, {"test", parts[4]}}, Dated: true, Seed: 1}
	if found, err := Alarm(t.Context(), c); err != nil || len(found) > 0 {
		t.Errorf("found %v, %v", found, err)
	}
	c.Early = plant(early, func(i int, y bool, rng *rand.Rand) float64 { return number(!y) * float64(1+rng.IntN(5)) })
	c.Later = nil
	if found, err := Alarm(t.Context(), c); err != nil || fmt.Sprint(found) == "[]" || found[0].Feature != "planted" {
		t.Errorf("visits in the horizon: found %v, %v", found, err)
	}
}

// Of many honest columns one is bound to rank a handful of held-out rows nearly
// rightly: that is chance, not a leak.
func TestManyHonestColumnsOfFewRowsRaiseNoAlarm(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 3))
		r := Rows{X: matrix.NewDense(70, nil), Y: make([]bool, 70)}
		for j := range 150 {
			r.X.Names = append(r.X.Names, fmt.Sprintf("column_%d", j))
		}
		r.X.Data = make([]float64, 70*150)
		for i := range r.Y {
			r.Y[i] = rng.IntN(2) == 0
			for j := range r.X.Names {
				r.X.Row(i)[j] = 1.8*number(r.Y[i]) + rng.NormFloat64() // AUC .90
			}
		}
		if found, err := Alarm(t.Context(), Check{Early: r, Seed: seed}); err != nil || len(found) > 0 {
			t.Errorf("seed %d: %v, %v", seed, found, err)
		}
	}
}
