package propensity

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"regulars/models"
	"regulars/training/metrics"
	"regulars/training/options"
	"regulars/training/page"
)

// crowd draws a table whose label follows a number and a text.
func crowd(rows int, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 3))
	var b strings.Builder
	b.WriteString("x,kind,noise,y\n")
	for range rows {
		x, kind := rng.NormFloat64(), rng.IntN(3)
		fmt.Fprintf(&b, "%.4f,%s,%d,%d\n", x, []string{"a", "b", ""}[kind], rng.IntN(50), int(number(rng.NormFloat64() < x+float64(kind)-1.5)))
	}
	return b.String()
}

func request(t *testing.T, train, test string, models ...string) Request {
	t.Helper()
	k := task(t, table(t, train))
	families, err := Find(models)
	if err != nil {
		t.Fatal(err)
	}
	return Request{Task: k, Test: table(t, test, k.Columns()...), Families: families, Seed: 1,
		Settings: []options.Setting{{Model: "forest", Option: "trees", Value: "8"}, {Model: "mlp", Option: "nets", Value: "1"}}}
}

func evaluate(t *testing.T, r Request) *Report {
	t.Helper()
	got, err := Evaluate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// crowdTruth is the AUC of the probabilities that the labels of test were drawn with.
func crowdTruth(q Request) float64 {
	x, kind := &q.Test.Columns[q.Test.Find("x")], &q.Test.Columns[q.Test.Find("kind")]
	score, y := make([]float64, q.Test.Rows), make([]bool, q.Test.Rows)
	for i := range score {
		z := 2.0
		if !kind.Missing(i) {
			z = float64(strings.Index("ab", kind.Levels[kind.Code[i]]))
		}
		score[i], y[i] = x.Number[i]+z, q.Test.Columns[q.Test.Find("y")].Number[i] == 1
	}
	return auc(score, y)
}

// Every family learns what there is to learn: on rows it has not seen it ranks
// nearly as well as the true probabilities.
func TestEvaluate(t *testing.T) {
	q := request(t, crowd(3000, 1), crowd(1000, 2), "all")
	got := evaluate(t, q)
	truth := crowdTruth(q)
	if n := len(got.Results); n != len(Families()) || got.Results[n-1].Model != BaseRate || !got.Results[n-1].Baseline {
		t.Fatalf("%d results, the last is %s", n, got.Results[n-1].Model)
	}
	for _, r := range got.Results[:len(got.Results)-1] {
		least := truth - 0.025
		if r.Model == "tree" {
			least = truth - 0.04
		}
		if auc := r.Metrics["auc"]; auc.Value < least || *auc.Low > auc.Value || *auc.High < auc.Value || r.Users != 1000 {
			t.Errorf("%s: AUC %v (%v to %v) over %d rows", r.Model, auc.Value, *auc.Low, *auc.High, r.Users)
		}
		if slope := r.Metrics["calibration_slope"].Value; slope < 0.75 || slope > 1.3 {
			t.Errorf("%s: calibration slope %v", r.Model, slope)
		}
		d := r.Differences[BaseRate]["log_loss"]
		if want := r.Metrics["log_loss"].Value - got.Results[len(got.Results)-1].Metrics["log_loss"].Value; d.Value > want+1e-9 || d.Value < want-1e-9 || *d.High >= 0 {
			t.Errorf("%s: log loss minus base rate is %v, want %v and surely below 0", r.Model, d.Value, want)
		}
		if r.Model == got.Chosen && !reflect.DeepEqual(r.probability, got.Probability) {
			t.Errorf("the probabilities are not those of %s", got.Chosen)
		}
	}
	if base := got.Results[len(got.Results)-1].Metrics["auc"].Value; base != 0.5 || got.Chosen == BaseRate {
		t.Errorf("base rate has AUC %v; %s is chosen", base, got.Chosen)
	}
}

// Given rounds are kept; without, the later rows decide and it is told how many.
func TestRounds(t *testing.T) {
	for word, want := range map[string]func(int) bool{
		"gbdt.rounds=17":     func(n int) bool { return n == 17 },
		"gbdt.num_leaves=31": func(n int) bool { return n > 0 && n < 100 },
	} {
		r := request(t, crowd(2000, 1), crowd(500, 2), "gbdt")
		var err error
		if r.Settings, err = options.Parse([]string{word}); err != nil {
			t.Fatal(err)
		}
		if n, ok := evaluate(t, r).Results[0].Options["rounds"].(int); !ok || !want(n) {
			t.Errorf("%s: %d rounds", word, n)
		}
	}
}

func TestLeaksAreRefused(t *testing.T) {
	leaky := func(rows int, seed uint64) string {
		lines := strings.Split(strings.TrimSpace(crowd(rows, seed)), "\n")
		for i, line := range lines {
			lines[i] = line + "," + line[len(line)-1:]
		}
		lines[0] = "x,kind,noise,y,copy"
		return strings.Join(lines, "\n") + "\n"
	}
	r := request(t, leaky(600, 1), leaky(200, 2), "logistic")
	var leak *LeakError
	if _, err := Evaluate(t.Context(), r); !errors.As(err, &leak) || len(leak.Findings) != 1 || leak.Findings[0].Feature != "copy" {
		t.Errorf("a copy of the label gives %v", err)
	}
	for _, allowed := range []string{"copy", "all"} {
		r.AllowLeaks = []string{"x", allowed}
		if got := evaluate(t, r); len(got.Leaks) != 1 || got.Results[0].Metrics["auc"].Value < 0.99 {
			t.Errorf("allowed: %v", got.Leaks)
		}
	}
	r.AllowLeaks = []string{"x"}
	if _, err := Evaluate(t.Context(), r); err == nil {
		t.Error("another column is allowed to leak, and copy is not refused")
	}
}

func TestEvaluateIsDeterministic(t *testing.T) {
	on := func(cores int) *Report {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		got := evaluate(t, request(t, crowd(800, 1), crowd(300, 2), "all"))
		for i := range got.Results {
			r := &got.Results[i]
			r.FitSeconds, r.ScoreSeconds, r.PeakRSSBytes = 0, 0, 0
		}
		return got
	}
	if one, two := on(1), on(2); !reflect.DeepEqual(one.Results, two.Results) || !reflect.DeepEqual(one.Probability, two.Probability) {
		t.Error("results differ between 1 and 2 cores")
	}
}

// What the data cannot support is left out of all, and an error when asked for.
func TestFewRows(t *testing.T) {
	train := "x,y\n" + strings.Repeat("1,0\n2,1\n3,1\n", 4)
	got := evaluate(t, request(t, train, train, "all"))
	if len(got.Results) < 3 || !strings.Contains(strings.Join(got.Notes, "\n"), "too few rows of one class to hold some back") {
		t.Errorf("%d results, notes %v", len(got.Results), got.Notes)
	}
	for _, r := range got.Results {
		if !(r.Metrics["log_loss"].Value < 20) {
			t.Errorf("%s: log loss %v", r.Model, r.Metrics["log_loss"].Value)
		}
	}
}

func TestTestMustHaveBothClasses(t *testing.T) {
	r := request(t, crowd(200, 1), "x,kind,noise,y\n1,a,1,1\n2,b,2,1\n", "logistic")
	if _, err := Evaluate(t.Context(), r); !errors.Is(err, models.ErrNoData) || !strings.Contains(err.Error(), "the label y is true in all 2 rows") {
		t.Errorf("one class in test gives %v", err)
	}
}

func TestSettings(t *testing.T) {
	for word, want := range map[string]string{"svd.rank=3": `there is no model "svd"`, "gbdt.colour=3": `gbdt has no option "colour"`, "tree.max_depth=deep": "not a whole number"} {
		s, err := options.Parse([]string{word})
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckSettings(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want %q", word, err, want)
		}
	}
	r := request(t, crowd(300, 1), crowd(100, 2), "gbdt")
	r.Settings, r.Must = []options.Setting{{Model: "gbdt", Option: "objective", Value: "poisson"}}, true
	var wrong *models.OptionError
	if _, err := Evaluate(t.Context(), r); !errors.As(err, &wrong) {
		t.Errorf("an objective without probabilities gives %v", err)
	}
	if _, err := Find([]string{"svd"}); err == nil || !strings.Contains(err.Error(), "base-rate, logistic, tree, forest, mlp, gbdt") {
		t.Errorf("an unknown model gives %v", err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Evaluate(ctx, request(t, crowd(300, 1), crowd(100, 2), "all")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// scikit-learn 1.9's HistGradientBoostingClassifier (categorical_features =
// "from_dtype", random_state = 0) on the same rows.
const (
	shoppersAUC     = 0.9284
	shoppersLogLoss = 0.2192
)

func TestShoppersBesideScikitLearn(t *testing.T) {
	k, test := shoppers(t)
	families, err := Find([]string{"gbdt"})
	if err != nil {
		t.Fatal(err)
	}
	m := evaluate(t, Request{Task: k, Test: test, Families: families, Seed: 1}).Results[0].Metrics
	t.Logf("gbdt: %s", figures(m))
	if m["auc"].Value < shoppersAUC-0.003 || m["log_loss"].Value > shoppersLogLoss+0.003 {
		t.Errorf("gbdt: %s; scikit-learn reaches AUC %v and log loss %v", figures(m), shoppersAUC, shoppersLogLoss)
	}
}

func figures(m map[string]metrics.Metric) string {
	return fmt.Sprintf("AUC %.4f, log loss %.4f, Brier %.4f, ECE %.4f", m["auc"].Value, m["log_loss"].Value, m["brier"].Value, m["ece"].Value)
}

// Rows of test with a category that train does not have are counted; a missing
// one is none.
func TestUnseenCategoriesAreCounted(t *testing.T) {
	train, test := crowd(400, 1), crowd(200, 2)
	lines := strings.Split(strings.TrimSpace(test), "\n")
	at := slices.Index(strings.Split(lines[0], ","), "kind")
	if at < 0 {
		t.Fatalf("no kind in %q", lines[0])
	}
	for i, category := range map[int]string{1: "moon", 2: "mars", 3: "moon", 4: ""} {
		cells := strings.Split(lines[i], ",")
		cells[at] = category
		lines[i] = strings.Join(cells, ",")
	}
	report := evaluate(t, request(t, train, strings.Join(lines, "\n")+"\n", "logistic"))
	want := "kind: 3 of 200 rows of test have a category that train does not have"
	if !slices.Contains(report.Notes, want) {
		t.Errorf("notes %q", report.Notes)
	}
	if got := (viewer{lang: page.Chinese}).note(want); got != "kind：测试数据 200 行中有 3 行的取值未在训练数据中出现" {
		t.Errorf("in Chinese %q", got)
	}
}
