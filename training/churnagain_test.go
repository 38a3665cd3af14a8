package training

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"regulars/data"
	"regulars/data/synth"
	"regulars/models/snapshot"
)

// A champion scores a later day by the columns that it knows of those there are,
// shifted to the base rate that is expected then; where the past dates are gone it
// keeps its own, and says so.
func TestScoringALaterDay(t *testing.T) {
	p := newPipelineOf(t, synth.Options{Users: 400, Items: 100, Months: 24, Seed: 3}, 0, everything)
	_, last, _, err := p.Lake.Span(data.Orders)
	if err != nil {
		t.Fatal(err)
	}
	trained := last - 44
	p.Options.AsOf, p.Options.Overrides, p.Options.WithoutGroups = trained, mustOverrides(t, "ials.factors=8", "ials.iterations=3"), []string{"basket"}
	if _, err := p.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Options.AsOf, p.Options.WithoutGroups = last+1, nil
	info, rate, notes := scoredRate(t, p)
	if info.BaseRate.AsOf != p.Options.AsOf.String() || math.Abs(rate-info.BaseRate.Rate) > 0.001 {
		t.Errorf("of the active customers at %s %.4f are said to leave, the base rate is %+v", p.Options.AsOf, rate, *info.BaseRate)
	}
	if slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "base rate") }) {
		t.Errorf("notes %v", notes)
	}
	gone, err := filepath.Glob(filepath.Join(p.featureRoot(), "user", "rfm", "as_of="+(trained-90).String()))
	if err != nil || len(gone) != 1 || os.RemoveAll(gone[0]) != nil {
		t.Fatal(gone, err)
	}
	info, _, notes = scoredRate(t, p)
	if info.BaseRate.AsOf != trained.String() || !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "base rate is the one expected at "+trained.String()) }) {
		t.Errorf("without the past dates %+v, notes %v", *info.BaseRate, notes)
	}
	p.Options.WithoutGroups = []string{"rfm"}
	if _, err := p.Score(t.Context()); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("without a group that the champion knows: %v", err)
	}
}

// scoredRate scores and returns the mean churn probability of active customers.
func scoredRate(t *testing.T, p *Pipeline) (snapshot.Info, float64, []string) {
	t.Helper()
	report, err := p.Score(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(filepath.Join(p.snapshotRoot(), report.Snapshot.Version))
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if snap.Info().BaseRate == nil {
		t.Fatalf("no base rate; notes %v", report.Notes)
	}
	table, err := p.customers(p.Options.AsOf)
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0.0, 0.0
	for _, id := range table.IDs {
		u, _, err := snap.User(id)
		if err != nil {
			t.Fatal(err)
		}
		if s := u.Scores; !s.Lapsed {
			sum, n = sum+s.Churn.Probability, n+1
		}
	}
	return *snap.Info(), sum / n, report.Notes
}

// Without a churn model the horizon is the outlook's, and the file of scores is
// written all the same, without what is not known.
func TestScoresWithoutChurn(t *testing.T) {
	p := newPipelineOf(t, synth.Options{Users: 150, Items: 100, Months: 12, Seed: 3}, 0, everything)
	_, last, _, err := p.Lake.Span(data.Orders)
	if err != nil {
		t.Fatal(err)
	}
	p.Options.AsOf, p.Options.Overrides = last+1, mustOverrides(t, "ials.factors=8", "ials.iterations=3")
	if _, err := p.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(p.Workspace, "models", RoleChurn)); err != nil {
		t.Fatal(err)
	}
	report, err := p.Score(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(p.snapshotRoot(), report.Snapshot.Version)
	snap, err := snapshot.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if snap.Info().HorizonDays != 90 {
		t.Errorf("horizon_days %d", snap.Info().HorizonDays)
	}
	if file, err := os.Stat(filepath.Join(dir, scoresFile)); err != nil || file.Size() == 0 {
		t.Errorf("%v, %v", file, err)
	}
}
