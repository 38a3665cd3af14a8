package training

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/data/durable"
	"regulars/data/interactions"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/training/ranking"
)

// storedDay is the day on which the models of these tests are fitted.
const storedDay = 400

// smallData is a shop of 60 customers and 25 items of 5 categories, in which
// customers keep to two categories.
func smallData(t *testing.T) *ranking.Data {
	t.Helper()
	const users, items = 60, 25
	rng := rand.New(rand.NewPCG(3, 5))
	seen := map[[3]int32]bool{}
	var list []matrix.Event
	for u := range int32(users) {
		for range 30 {
			category := (u + int32(rng.IntN(2))) % 5
			e := matrix.Event{User: u, Item: 5*category + int32(rng.IntN(5)), Day: int32(rng.IntN(storedDay)), Weight: 1 + float32(rng.IntN(3))}
			if key := [3]int32{u, e.Item, e.Day}; !seen[key] {
				seen[key] = true
				list = append(list, e)
			}
		}
	}
	ev, err := matrix.NewEvents(users, items, list)
	if err != nil {
		t.Fatal(err)
	}
	d := &ranking.Data{Events: ev, Dated: true, Items: &interactions.Items{}}
	for i := range items {
		d.Items.IDs = append(d.Items.IDs, fmt.Sprintf("i%02d", i))
		d.Items.Title = append(d.Items.Title, fmt.Sprintf("thing %d of shelf %d 茶", i, i/5))
		d.Items.Category = append(d.Items.Category, fmt.Sprintf("shelf %d", i/5))
	}
	d.IDs = matrix.NewVocabulary(d.Items.IDs)
	return d
}

// scoresOf are the scores of every history, and of nobody's, as bits; of a model
// that knows nothing the error.
func scoresOf(t *testing.T, m models.Recommender, ev *matrix.Events) []string {
	t.Helper()
	var out []string
	for u := -1; u < ev.Users; u++ {
		var h matrix.History
		if u >= 0 {
			h = ev.History(u)
		}
		dst := make([]float32, m.Items())
		if err := m.Score(h, storedDay, dst); err != nil {
			out = append(out, err.Error())
			continue
		}
		bits := make([]uint32, len(dst))
		for i, x := range dst {
			bits[i] = math.Float32bits(x)
		}
		out = append(out, fmt.Sprint(bits))
	}
	return out
}

// TestStoredFamiliesScoreTheSame fits every family, stores it, reads it again and
// compares scores bit by bit, reasons and kinds; and stores the same bytes again.
func TestStoredFamiliesScoreTheSame(t *testing.T) {
	d := smallData(t)
	small := map[string]string{"ials": "factors=4", "bpr": "factors=4 epochs=3", "spectral": "factors=4", "blend": "windows=1"}
	kinds := map[string]bool{}
	for _, f := range ranking.Families() {
		if f.PerUser {
			continue // of what a shop has no file of
		}
		t.Run(f.Name, func(t *testing.T) {
			o, err := f.With(candidate(f.Name, small[f.Name]))
			if err != nil {
				t.Fatal(err)
			}
			m, err := f.Fit(context.Background(), d, storedDay, o, ranking.Run{Seed: 1, Workers: 2})
			if err != nil {
				t.Fatal(err)
			}
			kind := kindOf(m)
			kinds[kind] = true
			store := artifact.NewStore(filepath.Join(t.TempDir(), "models"), durable.FS{}, time.Now)
			publish := func(m models.Recommender) string {
				version, err := store.Publish(artifact.Manifest{Name: "m", Kind: kind, AsOf: "2011-12-08"}, func(dir string) error {
					return saveRecommender(folder{dir, "m"}, m, d.IDs)
				})
				if err != nil {
					t.Fatal(err)
				}
				return version
			}
			version := publish(m)
			a, err := store.Open("m", version)
			if err != nil {
				t.Fatal(err)
			}
			again, items, err := loadRecommender(a)
			if err != nil {
				t.Fatal(err)
			}
			if kindOf(again) != kind || !slices.Equal(items.IDs(), d.IDs.IDs()) {
				t.Errorf("%s came back as %s over %v", kind, kindOf(again), items.IDs())
			}
			if !slices.Equal(scoresOf(t, m, d.Events), scoresOf(t, again, d.Events)) {
				t.Error("scores differ after storing")
			}
			if !reflect.DeepEqual(reasonsOf(m, d.Events), reasonsOf(again, d.Events)) {
				t.Error("reasons differ after storing")
			}
			if second := publish(again); second != version {
				t.Errorf("stored again it is %s, before %s", second, version)
			}
			damage(t, a)
		})
	}
	if len(kinds) != 13 || kinds[""] {
		t.Errorf("kinds stored: %v", kinds)
	}
}

func reasonsOf(m models.Recommender, ev *matrix.Events) (out []models.Reason) {
	e, ok := m.(models.Explainer)
	for u := 0; ok && u < 5; u++ {
		for i := range int32(m.Items()) {
			r, _ := e.Explain(ev.History(u), storedDay, i)
			out = append(out, r)
		}
	}
	return out
}

// damage cuts each file in turn: reading must fail and name what is wrong.
func damage(t *testing.T, a *artifact.Artifact) {
	t.Helper()
	for _, file := range a.Files {
		whole, err := os.ReadFile(a.Path(file.Name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(a.Path(file.Name), whole[:len(whole)/2], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := loadRecommender(a); err == nil {
			t.Errorf("%s: half a %s was read", a.Kind, file.Name)
		}
		if err := os.WriteFile(a.Path(file.Name), whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadRefusesWhatDoesNotFit(t *testing.T) {
	dir := t.TempDir()
	f := folder{dir, "m version v"}
	if _, _, err := f.recommender("svd"); err == nil || err.Error() != `m version v is a "svd", which is no recommender` {
		t.Errorf("an unknown kind: %v", err)
	}
	if _, _, err := f.recommender(kindEASE); err == nil || !strings.Contains(err.Error(), "m version v has no parameters.json") {
		t.Errorf("an empty folder: %v", err)
	}
	items := matrix.NewVocabulary([]string{"a", "b"})
	for name, m := range map[string]*matrix.CSR{
		"a column out of range": {Rows: 2, Cols: 2, Indptr: []int64{0, 1, 1}, Indices: []int32{2}, Values: []float32{1}},
		"a row out of range":    {Rows: 3, Cols: 2, Indptr: []int64{0, 0, 0, 1}, Indices: []int32{0}, Values: []float32{1}},
		"the diagonal":          {Rows: 2, Cols: 2, Indptr: []int64{0, 1, 1}, Indices: []int32{0}, Values: []float32{1}},
	} {
		if err := f.saveNeighbours(items, map[string]any{}, []int32{1, 1}, m); err != nil {
			t.Fatal(err)
		}
		if _, _, err := f.recommender(kindEASE); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
