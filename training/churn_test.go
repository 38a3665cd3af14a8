package training

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models/snapshot"
	"regulars/training/churn"
	"regulars/training/outlook"
	"regulars/training/propensity"
)

// leaky are rows of which one column tells the label outright.
func leaky(seed uint64, n int) churn.Rows {
	rng := rand.New(rand.NewPCG(seed, 1))
	r := churn.Rows{X: matrix.NewDense(n, []string{"recency_days", "closed_account"}), Left: make([]bool, n)}
	for i := range n {
		row := r.X.Row(i)
		row[0] = float64(rng.IntN(400))
		r.Left[i] = rng.Float64() < row[0]/500
		if r.Left[i] {
			row[1] = 1
		}
	}
	return r
}

// A feature that tells who leaves ends the run, unless it is allowed to, which is
// noted.
func TestTrainingRefusesLeaks(t *testing.T) {
	p := &Pipeline{Options: Options{Seed: 1}}
	_, err := p.churnAlarm(t.Context(), leaky(1, 3000), leaky(2, 1000))
	var leak *propensity.LeakError
	if !errors.As(err, &leak) || !strings.Contains(err.Error(), "closed_account") || !strings.Contains(err.Error(), "--allow-leaks") {
		t.Fatalf("a leak gives %v", err)
	}
	for _, allowed := range []string{"closed_account", "all"} {
		p.Options.AllowLeaks = []string{allowed}
		notes, err := p.churnAlarm(t.Context(), leaky(1, 3000), leaky(2, 1000))
		if err != nil || !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "closed_account") }) {
			t.Errorf("allowed %s: notes %v, %v", allowed, notes, err)
		}
	}
	p.Options.AllowLeaks = nil
	sound := func(seed uint64) churn.Rows { return leaky(seed, 2000).Select([]int{0}) }
	if notes, err := p.churnAlarm(t.Context(), sound(1), sound(2)); err != nil || len(notes) > 0 {
		t.Errorf("sound features: notes %v, %v", notes, err)
	}
}

// Of many customers the same ones are drawn, whoever else is there.
func TestDrawn(t *testing.T) {
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = string(rune('a'+i%26)) + strings.Repeat("x", i/26)
	}
	slices.Sort(ids)
	rows := drawn(ids, 100)
	if len(rows) != 100 || !slices.IsSorted(rows) || len(slices.Compact(slices.Clone(rows))) != 100 {
		t.Fatalf("drew %v", rows)
	}
	kept := pick(ids, rows)
	for _, id := range pick(kept, drawn(kept, 50)) {
		if !slices.Contains(kept, id) {
			t.Errorf("%s was not drawn before", id)
		}
	}
	if again := pick(ids, drawn(ids, 50)); !slices.Equal(again, pick(kept, drawn(kept, 50))) {
		t.Error("half as many are other customers")
	}
}

// What is told of the horizon is what the churn model says, and longer horizons
// are never less likely.
func TestOutlookAgreesWithChurn(t *testing.T) {
	days := outlook.CourseDays()
	v := &view{horizon: 90, horizons: []int{30, 90, 180}, days: days}
	for _, churned := range []float64{0.01, 0.3, 0.5, 0.97} {
		c := &outlook.Customer{Returns: []float64{0.2, 0.4, 0.55}, Spend: &outlook.Spend{IfOrder: 50, Expected: 20}}
		for i := range days {
			c.Course = append(c.Course, float32(0.95-0.05*float64(i)))
		}
		out := &snapshot.Scores{Churn: &snapshot.Churn{Probability: churned}, ReturnProbability: 1 - churned}
		v.tell(out, c)
		if out.Returns[1] != 1-churned || !slices.IsSorted(out.Returns) {
			t.Errorf("churn %v: returns %v", churned, out.Returns)
		}
		at := slices.Index(days, 90)
		if got := float64(out.Course[at]); got < churned-1e-6 || got > churned+1e-6 {
			t.Errorf("churn %v: the course says %v of day 90", churned, got)
		}
		if *out.ValueAtRisk != 50*churned || *out.Spend != 50*(1-churned) {
			t.Errorf("churn %v: at risk %v, expected %v", churned, *out.ValueAtRisk, *out.Spend)
		}
	}
	out := &snapshot.Scores{}
	v.tell(out, &outlook.Customer{Returns: []float64{0.2, 0.4, 0.55}, Spend: &outlook.Spend{IfOrder: 50, Expected: 20}})
	if out.Returns[1] != 0.4 || out.ValueAtRisk != nil || *out.Spend != 20 {
		t.Errorf("without a churn model %+v", out)
	}
}

// A lifetime value is never below what the spend told of the horizon is worth, and
// is the value model's word where it is above.
func TestValueAgreesWithSpend(t *testing.T) {
	v := &view{horizon: 90, valueDays: 365, valueDiscount: 0.1}
	rapid.Check(t, func(rt *rapid.T) {
		spend := rapid.Float64Range(0, 500).Draw(rt, "spend")
		amount := rapid.Float64Range(0, 1000).Draw(rt, "value")
		got := v.value(&outlook.Value{Amount: amount, Low: amount / 3, High: 2 * amount}, &spend)
		worth := spend * math.Exp(-math.Log(1.1)*45/365.25)
		if want := max(amount, worth); math.Abs(got.Amount-want) > 1e-9*want || got.Low > got.Amount || got.High < got.Amount {
			rt.Fatalf("spend %v, value %v: %+v", spend, amount, *got)
		}
	})
	v.valueDays = 45 // half of the horizon is counted
	spend := 100.0
	if got := v.value(&outlook.Value{Amount: 1, High: 3}, &spend); math.Abs(got.Amount-50*math.Pow(1.1, -22.5/365.25)) > 1e-9 || got.High != got.Amount {
		t.Errorf("within half of the horizon %+v", got)
	}
	if got := v.value(&outlook.Value{Amount: -1, Low: -2, High: 1}, nil); *got != (snapshot.Range{High: 1}) {
		t.Errorf("without spend %+v", got)
	}
}
