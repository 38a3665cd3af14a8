package clv_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"regulars/data"
	"regulars/data/interactions"
	"regulars/models"
	"regulars/training/clv"
)

func day(t testing.TB, s string) data.Day {
	d, err := data.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Customer a: two orders on the first day and one on the second count as one and
// one; a later one in the holdout; one behind it. b comes late. c orders once.
func TestSummary(t *testing.T) {
	d := int32(day(t, "2020-01-01"))
	table := &interactions.Transactions{Path: "t", Customers: []string{"a", "b", "c"},
		Customer: []int32{0, 1, 0, 0, 0, 2, 0, 0, 0}, Day: []int32{d + 1, d + 15, d, d + 7, d, d + 14, d + 7, d + 20, d + 40},
		Amount: []float64{10, 5, 1, 20, 2, 3, 30, 7, 8}}
	s, err := clv.Summarise(table, clv.Periods{Calibration: data.Day(d + 14), Holdout: data.Day(d + 28), Unit: 7})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Customers) != 2 || s.LateCame != 1 || s.Horizon != 2 || !s.Valued {
		t.Fatalf("summary %+v", s)
	}
	a, c := s.Customers[0], s.Customers[1]
	if a.X != 2 || a.TX != 1 || a.T != 2 || a.Mean != 30 || s.Later[0] != (clv.Later{Orders: 1, Value: 7}) {
		t.Errorf("a is %+v, then %+v", a, s.Later[0])
	}
	if c.X != 0 || c.T != 0 || c.Mean != 0 || s.Later[1] != (clv.Later{}) {
		t.Errorf("c is %+v, then %+v", c, s.Later[1])
	}
}

func TestSummaryRefuses(t *testing.T) {
	table := &interactions.Transactions{Path: "t.csv", Customers: []string{"a"}, Customer: []int32{0}, Day: []int32{100}}
	_, err := clv.Summarise(table, clv.Periods{Calibration: 99, Unit: 7})
	if !errors.Is(err, models.ErrNoData) || !strings.Contains(err.Error(), "t.csv: nobody ordered until 1970-04-10") {
		t.Errorf("nobody to learn from gives %v", err)
	}
	for _, p := range []clv.Periods{{Calibration: 100}, {Calibration: 100, Holdout: 99, Unit: 1}, {Calibration: 100, Unit: math.NaN()}} {
		if _, err := clv.Summarise(table, p); err == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
	if _, err := clv.Unit("fortnight"); err == nil {
		t.Error("a unit that there is not is accepted")
	}
	if _, err := clv.Find([]string{"lstm"}); err == nil || !strings.Contains(err.Error(), "bgnbd, paretonbd, gammagamma") {
		t.Errorf("a model that there is not gives %v", err)
	}
	if got, err := clv.Find([]string{"gammagamma", "all", "bgnbd"}); err != nil || !slices.Equal(got, []string{"gammagamma", "bgnbd", "paretonbd"}) {
		t.Errorf("Find gives %v, %v", got, err)
	}
}

// transactions of n customers with usual gaps of their own, over 40 weeks.
func transactions(t testing.TB, n int, amounts bool) *interactions.Transactions {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	var b bytes.Buffer
	b.WriteString("customer_id,date")
	if amounts {
		b.WriteString(",amount")
	}
	b.WriteString("\n")
	for i := range n {
		gap := 5 + 60*rng.ExpFloat64()
		for d := 60 * rng.Float64(); d < 280; d += gap * rng.ExpFloat64() {
			fmt.Fprintf(&b, "%d,%v", i, data.Day(18000+int(d)))
			if amounts {
				fmt.Fprintf(&b, ",%.2f", (5+float64(i%40))*(0.5+rng.ExpFloat64()))
			}
			b.WriteString("\n")
			if rng.Float64() < 0.1 {
				break
			}
		}
	}
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	table, err := interactions.ReadTransactions(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func evaluate(t testing.TB, table *interactions.Transactions, p clv.Periods, r clv.Request) *clv.Report {
	t.Helper()
	var err error
	if r.Summary, err = clv.Summarise(table, p); err != nil {
		t.Fatal(err)
	}
	report, err := clv.Evaluate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestEvaluate(t *testing.T) {
	table := transactions(t, 400, true)
	report := evaluate(t, table, clv.Periods{Calibration: 18180, Unit: 7}, clv.Request{Models: clv.Names(), Seed: 1, Draws: 200})
	if len(report.Results) != 3 || report.HoldoutEnd == "" || report.LateCustomers != 0 {
		t.Fatalf("report %+v", report)
	}
	for _, r := range report.Results {
		for _, key := range []string{"holdout_correlation", "holdout_bias", "holdout_ratio", "mae"} {
			m, ok := r.Metrics[key]
			if !ok || m.Low == nil || !(*m.Low <= m.Value && m.Value <= *m.High && *m.Low < *m.High) {
				t.Errorf("%s: %s is %+v", r.Model, key, m)
			}
		}
		if m := r.Metrics["log_likelihood"]; m.Low != nil || !(m.Value < 0) {
			t.Errorf("%s: log likelihood %+v", r.Model, m)
		}
		if c := r.Metrics["holdout_correlation"].Value; c < 0.3 {
			t.Errorf("%s: correlation %v in data made of the model's story", r.Model, c)
		}
	}
}

// Intervals of many customers come from hands of customers, and agree with those
// of single ones.
func TestManyCustomers(t *testing.T) {
	table := transactions(t, 21_000, false)
	report := evaluate(t, table, clv.Periods{Calibration: 18180, Unit: 7}, clv.Request{Models: []string{clv.BGNBD}, Seed: 1, Draws: 300})
	bias := report.Results[0].Metrics["holdout_bias"]
	width := *bias.High - *bias.Low
	small := evaluate(t, transactions(t, 5250, false), clv.Periods{Calibration: 18180, Unit: 7}, clv.Request{Models: []string{clv.BGNBD}, Seed: 1, Draws: 300})
	m := small.Results[0].Metrics["holdout_bias"]
	if ratio := (*m.High - *m.Low) / width; ratio < 1.6 || ratio > 2.4 {
		t.Errorf("a quarter of the customers makes the interval %.2f times as wide, want 2", ratio)
	}
}

func TestNoHoldout(t *testing.T) {
	table := transactions(t, 200, false)
	report := evaluate(t, table, clv.Periods{Calibration: 18400, Unit: 7}, clv.Request{Models: clv.Names(), Seed: 1})
	if len(report.Results) != 2 || len(report.Results[0].Metrics) != 1 || report.HoldoutEnd != "" || len(report.Notes) != 2 {
		t.Errorf("report %+v", report)
	}
	s, err := clv.Summarise(table, clv.Periods{Calibration: 18400, Unit: 7})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clv.Evaluate(t.Context(), clv.Request{Summary: s, Models: []string{clv.GammaGamma}, Must: true}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("gammagamma without amounts, asked for by name, gives %v", err)
	}
}
