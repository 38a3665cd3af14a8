package churn

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/training/metrics"
	"regulars/training/options"
)

// truth is the log-odds of leaving that a simulated customer really has.
func truth(row []float64) float64 { return 0.02*row[0] - 0.5*row[1] + 0.3*row[2] }

// shop draws customers whose leaving is decided by truth: recency in days,
// orders, a score that counts and one that does not.
func shop(seed uint64, n int, shift float64) (Rows, []float64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := matrix.NewDense(n, []string{RecencyColumn, OrdersColumn, "score", "noise", "expected_gap_days"})
	r := Rows{X: x, Known: int32(1000 + 100*seed), Left: make([]bool, n), Day: slices.Repeat([]int32{int32(1000 + 100*seed)}, n)}
	p := make([]float64, n)
	for i := range n {
		row := x.Row(i)
		row[0], row[1], row[2], row[3], row[4] = math.Floor(rng.Float64()*500), 1+math.Floor(rng.ExpFloat64()*3), rng.NormFloat64(), rng.NormFloat64(), 60
		r.IDs = append(r.IDs, strconv.Itoa(i))
		p[i] = 1 / (1 + math.Exp(-(truth(row) + shift)))
		r.Left[i] = rng.Float64() < p[i]
		r.Orders = append(r.Orders, []int32{r.Known - 200 - int32(row[0]), r.Known - 100 - int32(row[0])})
	}
	return r, p
}

func job() *Job {
	return &Job{HorizonDays: 90, ActiveDays: 365, Seed: 1, Settings: set("forest.trees=4")}
}

func set(words ...string) []options.Setting {
	s, err := options.Parse(words)
	if err != nil {
		panic(err)
	}
	return s
}

// What is set takes the place of the candidates; a family that is spoken of
// competes on any rung.
func TestSettings(t *testing.T) {
	j := job()
	j.Settings = set("logistic.l2=3", "tree.max_depth=2")
	recipes, err := j.recipes([]string{BaseRate, Logistic})
	if err != nil || len(recipes) != 3 || recipes[1].Options["l2"] != 3.0 || recipes[2].Family != "tree" {
		t.Errorf("%+v, %v", recipes, err)
	}
	j.Settings = nil
	if recipes, err = j.recipes([]string{BaseRate, Logistic}); err != nil || len(recipes) != 1+len(candidates[Logistic]) {
		t.Errorf("%+v, %v", recipes, err)
	}
}

func TestLadder(t *testing.T) {
	for _, c := range []struct {
		customers int
		want      string
		not       []string
		why       string
	}{
		{50, BaseRate, []string{Logistic, Trees}, "too few for regression"},
		{500, Logistic, []string{Trees, Forest, Average}, "too few for trees"},
		{5000, Trees, nil, "enough for all"},
	} {
		families, why := rungOf(c.customers)
		if !slices.Contains(families, c.want) || slices.ContainsFunc(c.not, func(f string) bool { return slices.Contains(families, f) }) || !strings.Contains(why.English, c.why) || why.Chinese == "" {
			t.Errorf("%d customers: %v, %s", c.customers, families, why.English)
		}
	}
}

// TestFindsTheTruth: what is published must be close to the probabilities that
// the labels were drawn with, on customers that nothing was learned from.
func TestFindsTheTruth(t *testing.T) {
	train, _ := shop(1, 3000, 0)
	choice, _ := shop(2, 2000, 0.6) // another base rate: the calibration must follow it
	chosen, err := job().Choose(t.Context(), train, choice)
	if err != nil {
		t.Fatal(err)
	}
	if chosen.Best == BaseRate || len(chosen.Families) < 4 {
		t.Fatalf("chose %s of %d families, notes %v", chosen.Best, len(chosen.Families), chosen.Notes)
	}
	test, p := shop(3, 2000, 0.6)
	best, _ := chosen.Of(chosen.Best)
	all, err := Append(train, choice)
	if err != nil {
		t.Fatal(err)
	}
	all.Known = 1300
	model, err := job().Refit(t.Context(), best.Recipe, chosen.Why, train, choice, all, test.X)
	if err != nil {
		t.Fatal(err)
	}
	said := make([]float64, test.X.Rows)
	if err := model.Probability(test.X, said); err != nil {
		t.Fatal(err)
	}
	off := 0.0
	for i := range p {
		off += math.Abs(p[i]-said[i]) / float64(len(p))
	}
	if off > 0.06 {
		t.Errorf("%s is off by %.3f on average", chosen.Best, off)
	}
	tested, _, err := job().Test(t.Context(), chosen, train, test, 1300)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range tested {
		auc := r.Metrics["auc"].Value
		if r.Family == BaseRate && auc != 0.5 || r.Best && auc < 0.75 || math.IsNaN(r.Metrics["lapsed:log_loss"].Value) {
			t.Errorf("%s reaches an AUC of %v", r.Family, auc)
		}
	}
}

// TestLearnsFromTheLatest: where what told who leaves has changed, the earlier
// dates are left out, of the choice and of what is fitted after it.
func TestLearnsFromTheLatest(t *testing.T) {
	early, _ := shop(1, 1500, 0)
	for i := range early.Left {
		early.Left[i] = !early.Left[i]
	}
	latest, _ := shop(4, 1500, 0)
	train, err := Append(early, latest)
	if err != nil {
		t.Fatal(err)
	}
	choice, _ := shop(5, 1000, 0)
	j := job()
	chosen, err := j.Choose(t.Context(), train, choice)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range chosen.Families {
		if learns := f.Family == Logistic || f.Family == Forest; learns && f.Options["learns_from"] == nil {
			t.Errorf("%s learns from all dates: %v", f.Family, f.Options)
		}
	}
	best, _ := chosen.Of(chosen.Best)
	test, _ := shop(6, 1000, 0)
	for name, rows := range map[string]Rows{"all": train, "latest": latest} {
		raw, err := fitAndApply(t.Context(), best.Recipe, rows, test.X)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := metrics.Classification(t.Context(), raw, test.Left, 0, 1); err != nil || m["auc"].Value < 0.75 {
			t.Errorf("fitted again on %s: auc %v, %v", name, m["auc"], err)
		}
	}
	alone, err := j.recipes([]string{BaseRate, Logistic})
	if err != nil || len(j.alsoRecently(alone, latest)) != len(alone) {
		t.Errorf("with one date there is nothing to leave out (%v)", err)
	}
}

// TestUnmeasured: with little history the gaps between orders speak, never with
// certainty: whoever is overdue is likelier to stay away.
func TestUnmeasured(t *testing.T) {
	r, _ := shop(1, 50, 0)
	rng := rand.New(rand.NewPCG(3, 3))
	for i := range r.Orders {
		r.Orders[i] = nil
		end := r.Known - int32(i%2)*rng.Int32N(600) // half of them leave some day
		for day := int32(300); day < end; day += 20 + rng.Int32N(30) {
			r.Orders[i] = append(r.Orders[i], day)
		}
	}
	m, err := job().Unmeasured(t.Context(), r, Why{English: "little history"})
	if err != nil {
		t.Fatal(err)
	}
	x := matrix.NewDense(2, r.X.Names)
	copy(x.Row(0), []float64{5, 3, 0, 0, 35})
	copy(x.Row(1), []float64{400, 3, 0, 0, 35})
	p := make([]float64, 2)
	if err := m.Probability(x, p); err != nil || !(p[0] > 0 && p[0] < p[1] && p[1] < 1) || m.Method != Gap {
		t.Errorf("after 5 and 400 days %v, by %s, %v", p, m.Method, err)
	}
	contributions := make([]float64, 2*(x.Cols()+1))
	if err := m.Contributions(x, contributions); err != nil || contributions[6] <= contributions[0] {
		t.Errorf("contributions %v, %v", contributions, err)
	}
	if _, err := job().Unmeasured(t.Context(), Rows{X: r.X, Known: r.Known}, Why{}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("without orders %v", err)
	}
}

func TestTooFewToChoose(t *testing.T) {
	train, _ := shop(1, 300, 0)
	choice, _ := shop(2, 15, 0)
	if _, err := job().Choose(t.Context(), train, choice); !errors.Is(err, models.ErrNoData) || !strings.Contains(err.Error(), "20 are needed") {
		t.Errorf("15 customers give %v", err)
	}
	noRecency := Rows{X: choice.X.Select([]int{1, 2, 3, 4}), Left: choice.Left}
	if _, err := job().Choose(t.Context(), train, noRecency); !errors.Is(err, models.ErrColumns) {
		t.Errorf("rows without recency give %v", err)
	}
}

// With few labels the base rate has half the say, with many hardly any; nothing
// is ever certain.
func TestCaution(t *testing.T) {
	c := Calibration{Weight: 1, Rate: 0.5}
	if c.cautious(10, 0.3); math.Abs(c.Apply(0.9)-0.6) > 1e-12 {
		t.Errorf("10 labels: 0.9 becomes %v, want 0.6 between it and 0.3", c.Apply(0.9))
	}
	if c.cautious(10_000, 0.3); math.Abs(c.Apply(0.9)-0.9) > 0.001 {
		t.Errorf("10,000 labels: 0.9 becomes %v", c.Apply(0.9))
	}
	for _, p := range []float64{0, 1} {
		if got := c.Apply(p); got <= 0 || got >= 1 {
			t.Errorf("%v becomes %v", p, got)
		}
	}
	for _, bad := range []Calibration{{Weight: 0, Rate: 0.5}, {Weight: 1, Rate: 1}, {Weight: 1, Rate: 0.5, Shift: math.NaN()}, {Weight: math.NaN(), Rate: 0.5}} {
		if bad.Check() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

func TestStrongestOfEachGroup(t *testing.T) {
	got := Strongest([]float64{0.125, -0.75, 0.5, 0, 0.375, -0.125}, []int{0, 1, 1, 2, 3, 3}, 3)
	want := []Reason{{1, 1, -0.25}, {3, 4, 0.25}, {0, 0, 0.125}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := Strongest([]float64{0, 0}, []int{0, 1}, 3); len(got) != 0 {
		t.Errorf("nothing contributes, yet %v", got)
	}
}

// linear contributes what truth adds up from.
type linear struct{}

func (linear) Probability(x *matrix.Dense, dst []float64) error {
	for i := range dst {
		dst[i] = 1 / (1 + math.Exp(-truth(x.Row(i))))
	}
	return nil
}

func (linear) Contributions(x *matrix.Dense, dst []float64) error {
	for i := range x.Rows {
		row := x.Row(i)
		copy(dst[6*i:], []float64{0.02 * row[0], -0.5 * row[1], 0.3 * row[2], 0, 0, 0})
	}
	return nil
}

// Recency drives the simulated customers away, most of all; more than one chunk
// of them.
func TestCauses(t *testing.T) {
	r, _ := shop(5, 6000, 0)
	segments, err := Segments(r.X, 365)
	if err != nil {
		t.Fatal(err)
	}
	lost, ok, err := Causes(t.Context(), linear{}, r.X, r.Left, segments, []int{0, 1, 2, 3, 4})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	customers := 0
	for _, l := range lost {
		if l.Segment != "" {
			customers += l.Customers
		}
		c := l.Causes[0]
		if c.Column != 0 || c.Share < 0.9 || c.Share > 1 || c.Contribution <= c.Others || c.Median < c.MedianOthers || l.Lost < c.Customers {
			t.Errorf("%q: %d of %d lost by %+v", l.Segment, l.Lost, l.Customers, c)
		}
	}
	if customers != 6000 {
		t.Errorf("the segments hold %d customers", customers)
	}
	if _, ok, err := Causes(t.Context(), spoken(nil), r.X, r.Left, segments, nil); ok || err != nil {
		t.Errorf("a model without contributions: %v, %v", ok, err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	train, _ := shop(1, 500, 0)
	choice, _ := shop(2, 300, 0)
	if _, err := job().Choose(ctx, train, choice); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled choice gives %v", err)
	}
}

// Gaps give way to the base rate where they are surely worse, and only there.
func TestGapsGiveWayWhereSurelyWorse(t *testing.T) {
	base := slices.Repeat([]float64{0.6}, 30)
	noisy := slices.Repeat([]float64{0.5, 0.75, 0.65}, 10) // mean .633: above, but not surely
	for i := range noisy {
		noisy[i] += 0.4 * math.Sin(float64(i*i))
	}
	for _, c := range []struct {
		losses []float64
		want   string
	}{{noisy, Gap}, {slices.Repeat([]float64{0.9, 1.1, 1}, 10), BaseRate}} {
		chosen := &Choice{Best: BaseRate, Families: []Chosen{{Recipe: Recipe{Family: BaseRate}, losses: base}, {Recipe: Recipe{Family: Gap}, losses: c.losses}}}
		if err := chosen.trustGaps(Why{English: "few"}, 1); err != nil || chosen.Best != c.want || (c.want == Gap) != strings.Contains(chosen.Why.English, "few") {
			t.Errorf("%v: %s, %+v, %v", c.losses[:3], chosen.Best, chosen.Why, err)
		}
	}
}

// Where the base rate is best, the best beside it explains.
func TestExplaining(t *testing.T) {
	of := func(family string, loss float64) Chosen { return Chosen{Recipe: Recipe{Family: family}, LogLoss: loss} }
	c := &Choice{Best: BaseRate, Families: []Chosen{of(BaseRate, 0.1), of(Logistic, 0.4), of(Gap, 0.3)}}
	if got, ok := c.Explaining(); !ok || got.Family != Gap {
		t.Errorf("%s, %v", got.Family, ok)
	}
	c.Best = Logistic
	if got, ok := c.Explaining(); !ok || got.Family != Logistic {
		t.Errorf("%s, %v", got.Family, ok)
	}
	if _, ok := (&Choice{Best: BaseRate, Families: []Chosen{of(BaseRate, 0.1)}}).Explaining(); ok {
		t.Error("the base rate alone explains")
	}
}

// A model that may rank the lapsed by chance says so.
func TestDoubting(t *testing.T) {
	metric := func(value, low, high float64) map[string]metrics.Metric {
		return map[string]metrics.Metric{"lapsed:auc": {Value: value, Low: &low, High: &high}}
	}
	for _, c := range []struct {
		metrics map[string]metrics.Metric
		want    string
	}{
		{metric(0.57, 0.51, 0.62), "few"},
		{metric(0.46, 0.4, 0.52), "few; among customers lapsed for long its order is not surely better than chance (auc 0.46, 95% interval 0.40 to 0.52)"},
		{nil, "few"},
	} {
		if got := (&Tested{Metrics: c.metrics}).Doubting(Why{"few", "少"}); got.English != c.want || (got.Chinese == "少") != (c.want == "few") {
			t.Errorf("%+v", got)
		}
	}
}
