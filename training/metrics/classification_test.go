package metrics

import (
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// rowsOf returns the rows that the constants of this file were computed on:
//
//	i = np.arange(400); p = ((i*37) % 101 + 1) / 103; y = ((i*53+11) % 97) / 97 < p*p + 0.1
func rowsOf() (p []float64, y []bool) {
	for i := range 400 {
		p = append(p, float64(i*37%101+1)/103)
		y = append(y, float64((i*53+11)%97)/97 < p[i]*p[i]+0.1)
	}
	return p, y
}

func classify(t *testing.T, p []float64, y []bool) map[string]Metric {
	t.Helper()
	m, err := Classification(t.Context(), p, y, 200, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The values come from scikit-learn: roc_auc_score, average_precision_score,
// log_loss, brier_score_loss, and LogisticRegression(C=inf, tol=1e-12) on
// log(p/(1-p)) for the slope.
func TestAgainstScikitLearn(t *testing.T) {
	got := classify(t, fst(rowsOf()), snd(rowsOf()))
	for key, want := range map[string]float64{"auc": 0.850971454763, "pr_auc": 0.840103435533, "log_loss": 0.487743357060,
		"brier": 0.160407437082, "calibration_slope": 1.1344542708} {
		tolerance := 1e-11
		if key == "calibration_slope" {
			tolerance = 1e-6
		}
		m := got[key]
		if math.Abs(m.Value-want) > tolerance {
			t.Errorf("%s is %.12f, want %.12f", key, m.Value, want)
		}
		if m.Low == nil || m.High == nil || !(*m.Low < want && want < *m.High) {
			t.Errorf("%s: interval %v to %v does not hold %v", key, m.Low, m.High, want)
		}
	}
}

func fst(p []float64, _ []bool) []float64 { return p }
func snd(_ []float64, y []bool) []bool    { return y }

// Bins and top tenth by numpy on distinct probabilities
// q = ((i*37) % 400 + .5) / 400, y = ((i*53+11) % 97) / 97 < q*q + .1:
// np.array_split(np.argsort(q), 10) for the bins, the last 40 rows for the lift.
func TestBinsAndLift(t *testing.T) {
	var q []float64
	var y []bool
	for i := range 400 {
		q = append(q, (float64(i*37%400)+0.5)/400)
		y = append(y, float64((i*53+11)%97)/97 < q[i]*q[i]+0.1)
	}
	got := classify(t, q, y)
	if v := got["ece"].Value; math.Abs(v-0.2075) > 1e-12 {
		t.Errorf("ece is %v, want 0.2075", v)
	}
	if v := got["lift@10%"].Value; math.Abs(v-2.758620689655) > 1e-11 {
		t.Errorf("lift is %v, want 2.758620689655", v)
	}
}

func TestConstantProbability(t *testing.T) {
	y := []bool{true, false, false, true, false, false, false, false}
	p := make([]float64, len(y))
	for i := range p {
		p[i] = 0.5
	}
	got := classify(t, p, y)
	want := map[string]float64{"auc": 0.5, "pr_auc": 0.25, "log_loss": math.Ln2, "brier": 0.25, "ece": 0.25, "lift@10%": 1}
	for key, value := range want {
		if math.Abs(got[key].Value-value) > 1e-12 {
			t.Errorf("%s is %v, want %v", key, got[key].Value, value)
		}
	}
	if m, ok := got["calibration_slope"]; ok {
		t.Errorf("a slope of one distinct probability is reported: %v", m)
	}
}

func TestOneClassLeavesRankingOut(t *testing.T) {
	got := classify(t, []float64{0.1, 0.9, 0.4}, []bool{true, true, true})
	for _, key := range []string{"auc", "pr_auc", "calibration_slope", "lift@10%"} {
		if m, ok := got[key]; ok {
			t.Errorf("%s of one class is reported: %v", key, m)
		}
	}
	if len(got) != 3 {
		t.Errorf("%v: want log_loss, brier and ece", got)
	}
}

func TestCertainProbabilitiesStayFinite(t *testing.T) {
	got := classify(t, []float64{0, 1, 1, 0}, []bool{true, false, true, false})
	if v := got["log_loss"].Value; math.Abs(v-0.5*52*math.Ln2) > 1e-6 {
		t.Errorf("log loss is %v: half the rows should cost −ln 2⁻⁵²", v)
	}
}

func TestClassificationRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		p []float64
		y []bool
	}{
		"nan": {[]float64{math.NaN()}, []bool{true}}, "above one": {[]float64{1.1}, []bool{true}}, "negative": {[]float64{-0.1}, []bool{true}},
		"no rows": {nil, nil}, "lengths": {[]float64{0.1}, nil},
	} {
		if _, err := Classification(t.Context(), c.p, c.y, 1, 0); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestIntervalsDoNotDependOnCores(t *testing.T) {
	p, y := rowsOf()
	at := func(cores int) map[string]Metric {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		return classify(t, p, y)
	}
	if one, two := at(1), at(2); !reflect.DeepEqual(one, two) {
		t.Error("metrics differ between 1 and 2 cores")
	}
}

// The order of rows changes nothing, and the AUC is the share of ordered pairs.
func TestClassificationProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "rows")
		p, y := make([]float64, n), make([]bool, n)
		for i := range n {
			p[i] = float64(rapid.IntRange(0, 10).Draw(t, "p")) / 10
			y[i] = rapid.Bool().Draw(t, "y")
		}
		tallyOf := func(order []int) classValues {
			all := newTally(p)
			for _, i := range order {
				all.add(i, y[i])
			}
			return all.values()
		}
		order := rapid.Permutation(indices(n)).Draw(t, "order")
		a, b := tallyOf(indices(n)), tallyOf(order)
		for m := range a {
			if math.Abs(a[m]-b[m]) > 1e-9 || math.IsNaN(a[m]) != math.IsNaN(b[m]) {
				t.Fatalf("%s depends on the order of rows: %v and %v", classKeys[m], a[m], b[m])
			}
		}
		if want := pairAUC(p, y); !math.IsNaN(a[0]) && math.Abs(a[0]-want) > 1e-12 {
			t.Fatalf("auc %v, by pairs %v", a[0], want)
		}
		if !(a[4] >= 0 && a[4] <= 1) {
			t.Fatalf("ece %v", a[4])
		}
	})
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func pairAUC(p []float64, y []bool) float64 {
	right, pairs := 0.0, 0.0
	for i := range p {
		for j := range p {
			if y[i] && !y[j] {
				pairs++
				switch {
				case p[i] > p[j]:
					right++
				case p[i] == p[j]:
					right += 0.5
				}
			}
		}
	}
	return right / pairs
}

// A 95% interval of a mean must hold the true mean in about 95 of 100 samples.
func TestBootstrapCoverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	held := 0
	const trials = 400
	for trial := range trials {
		v := make([]float64, 120)
		for i := range v {
			v[i] = rng.NormFloat64() + 2
		}
		low, high, err := Bootstrap(v, 200, uint64(trial))
		if err != nil {
			t.Fatal(err)
		}
		if low <= 2 && 2 <= high {
			held++
		}
	}
	if held < trials*90/100 || held > trials*98/100 {
		t.Errorf("the interval held the true mean %d of %d times", held, trials)
	}
}

// Calibration errors of as many rows drawn from the same shop: the interval of each
// holds its own value, always, and their mean, which is what the error comes out at
// on so many rows, in about 95 of 100. Well calibrated probabilities and others.
func TestCalibrationErrorInterval(t *testing.T) {
	const trials, rows = 100, 200
	for _, off := range []float64{0, 0.15} {
		rng := rand.New(rand.NewPCG(11, uint64(100*off)))
		var measured []Metric
		mean := 0.0
		for trial := range trials {
			p, y := make([]float64, rows), make([]bool, rows)
			for i := range p {
				p[i] = 0.1 + 0.6*rng.Float64()
				y[i] = rng.Float64() < p[i]+off
			}
			m, err := Classification(t.Context(), p, y, 100, uint64(trial))
			if err != nil {
				t.Fatal(err)
			}
			measured, mean = append(measured, m["ece"]), mean+m["ece"].Value/trials
		}
		held := 0
		for _, m := range measured {
			if !(0 <= *m.Low && *m.Low <= m.Value && m.Value <= *m.High) {
				t.Fatalf("off by %v: %v has the interval %v to %v", off, m.Value, *m.Low, *m.High)
			}
			if *m.Low <= mean && mean <= *m.High {
				held++
			}
		}
		if held < trials*90/100 {
			t.Errorf("off by %v: the interval held the mean error %v %d of %d times", off, mean, held, trials)
		}
	}
}

func TestPaired(t *testing.T) {
	nan := math.NaN()
	m, err := Paired([]float64{3, nan, 5, 9}, []float64{1, 2, 3, nan}, 100, 1)
	if err != nil || m.Value != 2 || *m.Low != 2 || *m.High != 2 {
		t.Errorf("got %v, %v; want 2 over the two users that both define", m, err)
	}
	if _, err := Paired([]float64{1}, []float64{1, 2}, 10, 1); err == nil {
		t.Error("different users are compared")
	}
	if _, _, err := Bootstrap([]float64{1, nan}, 10, 1); err == nil {
		t.Error("a NaN is averaged")
	}
}
