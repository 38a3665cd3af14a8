package training

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/data/durable"
	"regulars/models/artifact"
	"regulars/models/blend"
	"regulars/training/ranking"
)

// blendBy is a blend whose list is made by the named ranker, won or not.
func blendBy(t *testing.T, d *ranking.Data, ranker string) *blend.Model {
	t.Helper()
	families, err := ranking.Find([]string{kindBlend})
	if err != nil {
		t.Fatal(err)
	}
	settings, err := candidate(kindBlend, "windows=1 sources=repeat,itemknn,popular ranker="+ranker)
	if err != nil {
		t.Fatal(err)
	}
	o, err := families[0].With(settings)
	if err != nil {
		t.Fatal(err)
	}
	m, err := families[0].Fit(context.Background(), d, storedDay, o, ranking.Run{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := m.(*blend.Model)
	if b.Ranker == nil {
		t.Fatalf("the blend by %s has no ranker: %+v", ranker, b.Outcome)
	}
	b.Outcome.List, b.Outcome.New = blend.Blend, blend.Blend
	return b
}

// TestStoredRankersScoreTheSame stores a blend with each ranker, reads it again
// and compares scores bit by bit; the trees are a file that LightGBM reads.
func TestStoredRankersScoreTheSame(t *testing.T) {
	d := smallData(t)
	scores := map[string][]string{}
	for ranker, kind := range map[string]string{ranking.RankerLogistic: "*ranking.LogisticRanker", ranking.RankerLambdaMART: "*ranking.LambdaRanker"} {
		m := blendBy(t, d, ranker)
		store := artifact.NewStore(filepath.Join(t.TempDir(), "models"), durable.FS{}, time.Now)
		version, err := store.Publish(artifact.Manifest{Name: "m", Kind: kindBlend, AsOf: "2011-12-08"}, func(dir string) error {
			return saveRecommender(folder{dir, "m"}, m, d.IDs)
		})
		if err != nil {
			t.Fatal(err)
		}
		a, err := store.Open("m", version)
		if err != nil {
			t.Fatal(err)
		}
		back, _, err := loadRecommender(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%T", back.(*blend.Model).Ranker); got != kind {
			t.Errorf("the ranker came back as %s, want %s", got, kind)
		}
		scores[ranker] = scoresOf(t, m, d.Events)
		if !slices.Equal(scores[ranker], scoresOf(t, back, d.Events)) {
			t.Errorf("%s: scores differ after storing", ranker)
		}
		damage(t, a)
		text, err := os.ReadFile(a.Path(treesFile))
		if ranker == ranking.RankerLogistic {
			if err == nil {
				t.Error("a blend by regressions has a file of trees")
			}
			continue
		}
		if err != nil || !strings.HasPrefix(string(text), "tree\n") || !strings.Contains(string(text), "objective=lambdarank") {
			t.Errorf("the file of trees begins with %.40q, %v", text, err)
		}
		if err := os.Remove(a.Path(treesFile)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := loadRecommender(a); err == nil || !strings.Contains(err.Error(), "has no "+treesFile) {
			t.Errorf("without the trees: %v", err)
		}
	}
	if slices.Equal(scores[ranking.RankerLogistic], scores[ranking.RankerLambdaMART]) {
		t.Error("both rankers give the same scores")
	}
}
