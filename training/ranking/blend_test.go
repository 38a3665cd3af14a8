package ranking

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/blend"
	"regulars/models/logistic"
	"regulars/training/options"
)

// candidates are rows of which those had before are bought by the first column,
// the others by the second.
func candidates(n int) (*matrix.Dense, []bool) {
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := matrix.NewDense(n, []string{"a", blend.ColumnHad, "b"}), make([]bool, n)
	for i := range y {
		row := x.Row(i)
		row[0], row[1], row[2] = rng.NormFloat64(), float64(i%2), rng.NormFloat64()
		z := 2 * row[2]
		if i%2 == 1 {
			z = -2*row[0] - 1
		}
		y[i] = rng.Float64() < 1/(1+math.Exp(-z))
	}
	return x, y
}

// TestLogisticRanker compares with two regressions on their rows alone.
func TestLogisticRanker(t *testing.T) {
	x, y := candidates(2000)
	r, err := FitLogisticRanker(t.Context(), x, y, logistic.Options{L2: 3})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, x.Rows)
	if err := r.Rank(x, got); err != nil {
		t.Fatal(err)
	}
	for half := range 2 {
		var rows []int
		var labels []bool
		for i := half; i < x.Rows; i += 2 {
			rows, labels = append(rows, i), append(labels, y[i])
		}
		alone, err := logistic.Fit(t.Context(), x.Take(rows), labels, logistic.Options{L2: 3})
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, len(rows))
		if err := alone.Probability(x.Take(rows), want); err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			if got[row] != want[i] {
				t.Fatalf("row %d: probability %v, its half alone gives %v", row, got[row], want[i])
			}
		}
	}
	back, err := NewLogisticRanker(r.Again, r.New)
	again := make([]float64, x.Rows)
	if err := errors.Join(err, back.Rank(x, again)); err != nil || !slices.Equal(got, again) {
		t.Errorf("stored parts give other probabilities (%v)", err)
	}
	if _, err := NewLogisticRanker(r.Again, Odds{Rate: math.NaN()}); err == nil {
		t.Error("a stored rate of NaN is accepted")
	}
	if got[0] == got[2] || len(r.Again.Model.Terms) == 0 {
		t.Error("candidates are not told apart")
	}
}

func TestLogisticRankerOfOneLabel(t *testing.T) {
	x, y := candidates(200)
	for i := 1; i < len(y); i += 2 {
		y[i] = false // what was had is never bought again
	}
	r, err := FitLogisticRanker(t.Context(), x, y, logistic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := make([]float64, x.Rows)
	if err := r.Rank(x, p); err != nil || r.Again.Model != nil || p[1] != 0.5/101 || p[3] != p[1] || p[0] == p[2] {
		t.Errorf("probabilities %v (%v), want one rate for all had before", p[:4], err)
	}
	if _, err := FitLogisticRanker(t.Context(), x, make([]bool, len(y)), logistic.Options{}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("nothing bought gives %v", err)
	}
	if _, err := FitLogisticRanker(t.Context(), matrix.NewDense(2, []string{"a"}), []bool{true, false}, logistic.Options{}); !errors.Is(err, models.ErrColumns) {
		t.Errorf("rows that do not say what was had give %v", err)
	}
	if err := r.Rank(x, p[:3]); err == nil {
		t.Error("too little room is accepted")
	}
}

func blendOf(t testing.TB, s *Split, o BlendOptions, settings ...options.Setting) *blend.Model {
	t.Helper()
	m, err := find(t, "blend")[0].Fit(t.Context(), &s.Data, s.Now, o, Run{Seed: 1, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	return m.(*blend.Model)
}

// TestBlendSources: which families are joined, and with which options.
func TestBlendSources(t *testing.T) {
	s := shop(t, 60, 24, 120)
	names := func(m *blend.Model) string {
		var out []string
		for _, f := range m.Sources {
			out = append(out, f.Name)
		}
		return strings.Join(out, ",")
	}
	if got, want := names(blendOf(t, s, BlendOptions{})), strings.Replace(DefaultSources, "content,", "", 1); got != want {
		t.Errorf("without a file of items the sources are %s, want %s", got, want)
	}
	m := blendOf(t, s, BlendOptions{Sources: "popular, itemknn,ease"}, options.Setting{Model: "itemknn", Option: "neighbours", Value: "7"})
	if names(m) != "popular,itemknn,ease" {
		t.Errorf("sources are %s", names(m))
	}
	knn := reflect.ValueOf(m.Sources[1].Model).Elem().FieldByName("Options")
	if n, days := knn.FieldByName("Neighbours").Int(), knn.FieldByName("HalfLifeDays").Float(); n != 7 || days != 60 {
		t.Errorf("itemknn has %d neighbours and a half-life of %v days, want 7 and the blend's 60", n, days)
	}
	_, err := find(t, "blend")[0].Fit(context.Background(), &s.Data, s.Now, BlendOptions{Sources: "popular,blend"}, Run{})
	var wrong *models.OptionError
	if !errors.As(err, &wrong) {
		t.Errorf("a blend of a blend gives %v", err)
	}
}

// TestBlendIsToldOf: a report says who made the list.
func TestBlendIsToldOf(t *testing.T) {
	report, err := Evaluate(t.Context(), Request{Split: shop(t, 80, 24, 120), Families: find(t, "blend"), Ks: []int{5}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "customers inside train, ndcg@10 blend 0.") || !strings.Contains(report.Notes[0], "the list is that of ") {
		t.Errorf("notes %q", report.Notes)
	}
	report, err = Evaluate(t.Context(), Request{Split: shop(t, 80, 24, 0), Families: find(t, "blend"), Ks: []int{5}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Notes) != 2 || !strings.Contains(report.Notes[0], "items held out of ") || !strings.Contains(report.Notes[0], "new:recall@10 blend ") || strings.Contains(report.Notes[0], "ndcg") {
		t.Errorf("without days the notes are %q", report.Notes)
	}
}

// How far the sources of a blend have come is told while they are fitted.
func TestBlendTellsProgress(t *testing.T) {
	s := shop(t, 60, 24, 120)
	f := find(t, "blend")[0]
	o, err := f.With([]options.Setting{{Model: "blend", Option: "sources", Value: "popular,ials"}, {Model: "blend", Option: "windows", Value: "1"}, {Model: "blend", Option: "days", Value: "20"}})
	if err != nil {
		t.Fatal(err)
	}
	var told []float64
	m, err := f.Fit(t.Context(), &s.Data, s.Now, o, Run{Seed: 1, Progress: func(done, total int) { told = append(told, float64(done)/float64(total)) }})
	if err != nil {
		t.Fatal(err)
	}
	if distinct := slices.Compact(slices.Clone(told)); !slices.IsSorted(told) || len(distinct) < 10 || distinct[0] <= 0 || distinct[len(distinct)-1] != 1 {
		t.Errorf("told %v", told)
	}
	got := Describe(m, o)
	if by := got["list_by"]; got["sources"] != "popular,ials" || got["windows"] != 1 || !slices.Contains([]any{"blend", "popular", "ials"}, by) || got["new_by"] == nil {
		t.Errorf("described as %v", got)
	}
}

// A handful of customers must not decide who makes the lists.
func TestBlendNeedsCustomersToChoose(t *testing.T) {
	for users, chooses := range map[int]bool{18: false, 100: true} {
		s := shop(t, users, 24, 120)
		f := find(t, "blend")[0]
		o, err := f.With([]options.Setting{{Model: "blend", Option: "sources", Value: "popular,itemknn"}, {Model: "blend", Option: "windows", Value: "1"}, {Model: "blend", Option: "days", Value: "30"}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := f.Fit(t.Context(), &s.Data, s.Now, o, Run{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		outcome := m.(*blend.Model).Outcome
		if (outcome.Lists >= 20) != chooses || !chooses && (outcome.Lists != 0 || outcome.List != 0 || outcome.New != 0) {
			t.Errorf("of %d customers: %+v", users, outcome)
		}
	}
}
