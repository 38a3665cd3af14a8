package training

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/data/durable"
	"regulars/features/matrix"
	"regulars/models/artifact"
	"regulars/models/blend"
	"regulars/models/gbdt"
	"regulars/models/logistic"
	"regulars/training/ranking"
)

// blendBy is a blend whose list is made by the named ranker, which has learned
// from candidates drawn at random that its first column is bought.
func blendBy(t *testing.T, d *ranking.Data, ranker string) *blend.Model {
	t.Helper()
	families, err := ranking.Find([]string{kindBlend})
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := families[0].Fit(context.Background(), d, storedDay, ranking.BlendOptions{Windows: 1, Sources: "repeat,itemknn,popular"}, ranking.Run{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	m, rng := fitted.(*blend.Model), rand.New(rand.NewPCG(7, 9))
	x, y, group := matrix.NewDense(1000, blend.Columns(m.Sources)), make([]bool, 1000), []int32{0}
	for i := range y {
		for j := range x.Row(i) {
			x.Row(i)[j] = rng.NormFloat64()
		}
		y[i] = x.Row(i)[0]+rng.NormFloat64() > 1
		if i%50 == 49 {
			group = append(group, int32(i+1))
		}
	}
	m.Ranker, err = ranking.FitLogisticRanker(t.Context(), x, y, logistic.Options{})
	if ranker == ranking.RankerLambdaMART {
		m.Ranker, err = ranking.FitLambdaRanker(t.Context(), x, y, group, gbdt.Options{Rounds: 5}, logistic.Options{}, 0.5)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.Outcome.List, m.Outcome.New = blend.Blend, blend.Blend
	return m
}

// TestStoredRankersScoreTheSame stores a blend with each ranker, reads it again
// and compares scores bit by bit. The trees are a file in LightGBM's format.
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
