package training

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"regulars/data"
	"regulars/data/synth"
	"regulars/models/snapshot"
	"regulars/training/churn"
)

// A shop of a few dozen customers has churn probabilities too: by the gaps between
// their orders, never certain, and it says why by these.
func TestSmallShopsHaveChurn(t *testing.T) {
	for _, c := range []struct {
		users int
		seeds []uint64
	}{{50, []uint64{1, 2, 6}}, {80, []uint64{2}}} {
		for _, seed := range c.seeds {
			t.Run(fmt.Sprintf("%d customers, seed %d", c.users, seed), func(t *testing.T) {
				checkSmallShop(t, synth.Options{Users: c.users, Items: 200, Seed: seed})
			})
		}
	}
}

func checkSmallShop(t *testing.T, options synth.Options) {
	shop, err := synth.New(options)
	if err != nil {
		t.Fatal(err)
	}
	p := newPipelineOf(t, options, 0, everything)
	_, last, _, err := p.Lake.Span(data.Orders)
	if err != nil {
		t.Fatal(err)
	}
	p.Options.AsOf, p.Options.Overrides = last+1, mustOverrides(t, "ials.factors=8", "ials.iterations=3")
	report, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(filepath.Join(p.snapshotRoot(), report.Snapshot.Version))
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	if why := snap.Info().Methods[churn.Gap]; !strings.Contains(why, "gaps between orders") && !strings.Contains(why, "too few") {
		t.Errorf("the answer says of why gaps were used: %q", why)
	}
	said := map[float64]bool{}
	for customer := range shop.Truth() {
		u, ok, err := snap.User(customer.UserID)
		if err != nil {
			t.Fatal(err)
		}
		if !ok || u.Scores == nil || u.Scores.RFM == nil {
			continue
		}
		if u.Scores.Churn == nil || !(u.Scores.Churn.Probability > 0.01 && u.Scores.Churn.Probability < 0.99) || u.Scores.Method != churn.Gap {
			t.Fatalf("%s: %+v by %q, note %q", customer.UserID, u.Scores.Churn, u.Scores.Method, u.Scores.Note)
		}
		said[u.Scores.Churn.Probability] = true
	}
	if len(said) < 5 {
		t.Errorf("%d different probabilities", len(said))
	}
}
