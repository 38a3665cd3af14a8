package season_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/data"
	"regulars/training/season"
)

// fiveWindows end where the target begins, and where one another begin.
func fiveWindows() (season.Target, []season.Window) {
	t := season.Target{AsOf: 15_000, Horizon: 90, Customers: 4313, Expected: 0.6445}
	return t, []season.Window{
		{AsOf: 15_000 - 90, Customers: 4325, Events: 2775, Expected: 0.6403},
		{AsOf: 15_000 - 180, Customers: 4283, Events: 2688, Expected: 0.6136},
		{AsOf: 15_000 - 270, Customers: 4219, Events: 2917, Expected: 0.5733},
		{AsOf: 15_000 - 360, Customers: 3364, Events: 1430, Expected: 0.5417},
		{AsOf: 15_000 - 450, Customers: 2832, Events: 1483, Expected: 0.4967},
	}
}

// The constants come from numpy and scipy: covariances of the windows as means
// over 900 × 900 points of the covariances of instants, solved for each choice
// of sizes; quantiles by brentq.
func TestAgainstNumpy(t *testing.T) {
	f, err := season.Predict(fiveWindows())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ got, want float64 }{
		"rate": {f.Rate, 0.543818}, "season": {f.Season, -0.415018}, "size": {f.SeasonSize, 0.561747},
		"2.5%": {f.Low95, 0.413814}, "10%": {f.Low80, 0.459480}, "90%": {f.High80, 0.652486}, "97.5%": {f.High95, 0.740334},
	} {
		if math.Abs(c.got-c.want) > 1e-4 {
			t.Errorf("%s is %.6f, want %.6f", name, c.got, c.want)
		}
	}
	if odds := math.Log(f.Rate / (1 - f.Rate)); math.Abs(odds-math.Log(f.Model/(1-f.Model))-f.Level-f.Season) > 1e-9 {
		t.Errorf("the parts do not add up: %+v", f)
	}
	want := []season.Past{{Years: 1, AsOf: data.Day(15_000 - 360).String(), Rate: 1430.0 / 3364, Expected: 0.5417}}
	if f.Rule != season.RuleSeason || !reflect.DeepEqual(f.Earlier, want) || f.Windows != 5 || f.Since != data.Day(15_000-450).String() {
		t.Errorf("%+v", f)
	}
}

func TestString(t *testing.T) {
	target, windows := fiveWindows()
	for n, want := range map[int]string{
		5: "rate from 2011-01-26: 54.4% (80%: 45.9 to 65.2), the model's 64.5% moved in log-odds by level ",
		2: "rate from 2011-01-26: 64.5% as the model says (80%: ",
	} {
		f, err := season.Predict(target, windows[:n])
		if err != nil || !strings.HasPrefix(f.String(), want) {
			t.Errorf("%d windows: %q, %v; want %q…", n, f, err, want)
		}
	}
}

func TestRefuses(t *testing.T) {
	for says, change := range map[string]func(t *season.Target, w []season.Window) []season.Window{
		"horizon of 0 days":         func(t *season.Target, w []season.Window) []season.Window { t.Horizon = 0; return w },
		"0 customers":               func(t *season.Target, w []season.Window) []season.Window { t.Customers = 0; return w },
		"probability is 0:":         func(t *season.Target, w []season.Window) []season.Window { t.Expected = 0; return w },
		"probability is 1:":         func(t *season.Target, w []season.Window) []season.Window { w[3].Expected = 1; return w },
		"probability is NaN":        func(t *season.Target, w []season.Window) []season.Window { t.Expected = math.NaN(); return w },
		"of all windows or of none": func(t *season.Target, w []season.Window) []season.Window { w[2].Expected = 0; return w },
		"are not over at":           func(t *season.Target, w []season.Window) []season.Window { w[0].AsOf++; return w },
		"is given twice":            func(t *season.Target, w []season.Window) []season.Window { w[2].AsOf = w[1].AsOf; return w },
		"4314 of 4283 customers":    func(t *season.Target, w []season.Window) []season.Window { w[1].Events = 4314; return w },
		"-1 of 4283 customers":      func(t *season.Target, w []season.Window) []season.Window { w[1].Events = -1; return w },
		"0 of 0 customers": func(t *season.Target, w []season.Window) []season.Window {
			w[1].Customers, w[1].Events = 0, 0
			return w
		},
		"201 windows, at most 200": func(t *season.Target, w []season.Window) []season.Window { return make([]season.Window, 201) },
	} {
		target, windows := fiveWindows()
		windows = change(&target, windows)
		f, err := season.Predict(target, windows)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v, %v; want an error with %q", f, err, says)
		}
	}
}

// Whatever the windows: probabilities, in order, whatever the order of the
// windows, and the rate inside the interval.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := season.Target{AsOf: 20_000, Horizon: rapid.IntRange(1, 400).Draw(t, "horizon"),
			Customers: rapid.IntRange(1, 100_000).Draw(t, "customers"), Expected: rapid.Float64Range(0.001, 0.999).Draw(t, "expected")}
		var windows []season.Window
		at := target.AsOf - data.Day(target.Horizon)
		for range rapid.IntRange(0, 6).Draw(t, "windows") {
			n := rapid.IntRange(1, 100_000).Draw(t, "n")
			windows = append(windows, season.Window{AsOf: at, Customers: n, Events: rapid.IntRange(0, n).Draw(t, "k"), Expected: rapid.Float64Range(0.001, 0.999).Draw(t, "p")})
			at -= data.Day(rapid.IntRange(1, 300).Draw(t, "apart"))
		}
		f, err := season.Predict(target, windows)
		if err != nil {
			t.Fatal(err)
		}
		ascending := []float64{f.Low95, f.Low80, f.Rate, f.High80, f.High95}
		if !slices.IsSorted(ascending) || !(f.Low95 > 0 && f.High95 < 1) {
			t.Fatalf("out of order: %v", ascending)
		}
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(windows), func(i, j int) { windows[i], windows[j] = windows[j], windows[i] })
		if again, err := season.Predict(target, windows); err != nil || !reflect.DeepEqual(f, again) {
			t.Fatalf("%+v, in another order %+v, %v", f, again, err)
		}
	})
}
