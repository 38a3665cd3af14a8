package clv_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"regulars/data/interactions"
	"regulars/training/clv"
)

// sharedFile finds a file of ../shared/data beside the project.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("there is no go.mod above")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "data", name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("there is no %s", path)
	}
	return path
}

// The published estimates on the sample of CDNOW: BG/NBD in table 2 of Fader,
// Hardie and Lee (2005), Pareto/NBD in the same table, Gamma-Gamma in section 4 of
// Fader and Hardie (2013). Correlations with weeks 40 to 78 are published as about .63.
func TestCDNOW(t *testing.T) {
	table, err := interactions.ReadTransactions(t.Context(), sharedFile(t, "cdnow_sample.parquet"), nil)
	if err != nil {
		t.Fatal(err)
	}
	report := evaluate(t, table, clv.Periods{Calibration: day(t, "1997-09-30"), Unit: 7}, clv.Request{Models: clv.Names(), Seed: 1})
	for i, want := range []struct {
		parameters map[string]float64
		likelihood float64 // NaN = not published
		users      int
	}{
		{map[string]float64{"r": 0.2426, "alpha": 4.414, "a": 0.793, "b": 2.426}, -9582.429, 2357},
		{map[string]float64{"r": 0.553, "alpha": 10.58, "s": 0.606, "beta": 11.67}, -9594.976, 2357},
		{map[string]float64{"p": 6.25, "q": 3.74, "v": 15.44}, math.NaN(), 946},
	} {
		r := report.Results[i]
		if got := r.Metrics["log_likelihood"].Value; math.Abs(got-want.likelihood) > 0.005 || r.Users != want.users {
			t.Errorf("%s: log likelihood %.3f of %d customers, want %v of %d", r.Model, got, r.Users, want.likelihood, want.users)
		}
		for name, v := range want.parameters {
			if got := r.Parameters[name]; math.Abs(got/v-1) > 0.002 {
				t.Errorf("%s: %s is %.4g, want %v", r.Model, name, got, v)
			}
		}
		t.Logf("%s: %v", r.Model, r.Metrics)
	}
	for _, r := range report.Results[:2] {
		if c := r.Metrics["holdout_correlation"].Value; math.Abs(c-0.63) > 0.01 {
			t.Errorf("%s: correlation with the holdout period %.3f, want .63", r.Model, c)
		}
	}
}
