package gbdt_test

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models/gbdt"
)

func TestTextKeepsEverything(t *testing.T) {
	for _, objective := range objectives {
		m := fitted(t, simulated(500, objective, 3), gbdt.Options{Objective: objective, Classes: classes(objective), Rounds: 3, MinDataPerGroup: 10})
		once := text(t, m)
		if twice := text(t, reread(t, once)); twice != once {
			t.Errorf("%s: written, read and written again it is another text", objective)
		}
	}
}

func TestNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.SliceOfNDistinct(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "%", "%20", "a b", "a=b", "%zz", "\n", "天数 1"})), 1, 5, rapid.ID).Draw(t, "names")
		d := gbdt.Data{X: matrix.NewDense(2, given), Y: []float64{1, 2}}
		m, err := gbdt.Fit(t.Context(), d, nil, gbdt.Options{Objective: gbdt.Regression}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := m.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		back, err := gbdt.ReadText(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		for i := range given {
			if len(back.Names) != len(given) || back.Names[i] != given[i] {
				t.Fatalf("names %q come back as %q", given, back.Names)
			}
		}
	})
}

func small(t testing.TB) string {
	t.Helper()
	m, err := gbdt.Fit(t.Context(), simulated(300, gbdt.Binary, 3), nil, gbdt.Options{Rounds: 3, NumLeaves: 5, MinDataPerGroup: 10}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := m.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestCut cuts a file at every byte before the line that ends the trees.
func TestCut(t *testing.T) {
	whole := small(t)
	end := strings.Index(whole, "end of trees\n") + len("end of trees\n")
	for n := range end {
		if _, err := gbdt.ReadText(strings.NewReader(whole[:n])); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Fatalf("cut after %d of %d bytes: %v", n, end, err)
		}
	}
	if _, err := gbdt.ReadText(strings.NewReader(whole[:end])); err != nil {
		t.Errorf("only the notes behind the trees are cut: %v", err)
	}
}

func TestDamaged(t *testing.T) {
	whole := small(t)
	line := func(prefix string) string {
		from := strings.Index(whole, "\n"+prefix) + 1
		return whole[from : from+strings.IndexByte(whole[from:], '\n')]
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"not a model", "tree\n", "trees\n", "line 1"},
		{"version", "version=v4", "version=v9", `version "v9"`},
		{"objective", "objective=binary", "objective=bineary", "not known"},
		{"sigmoid", "sigmoid:1", "sigmoid:-1", "sigmoid"},
		{"classes", "num_tree_per_iteration=1", "num_tree_per_iteration=0", "num_tree_per_iteration"},
		{"trees a round", "num_tree_per_iteration=1", "num_tree_per_iteration=2", "3 trees of 2 classes"},
		{"columns", "max_feature_idx=5", "max_feature_idx=6", "feature_names"},
		{"infos", "feature_infos=", "feature_infos=none ", "feature_infos"},
		{"twice", "num_class=1", "num_class=1\nnum_class=1", "comes twice"},
		{"no equals sign", "num_class=1", "num_class 1", "is not name=value"},
		{"tree missing", "Tree=1", "Tree=2", "want Tree=1"},
		{"tree sizes", line("tree_sizes="), line("tree_sizes=") + " 7", "3 trees, the header names 4"},
		{"leaves", "num_leaves=5", "num_leaves=6", "num_leaves"},
		{"linear", "is_linear=0", "is_linear=1", "is_linear"},
		{"not a number", "leaf_value=", "leaf_value=x", "leaf_value: number 1"},
		{"NaN", line("leaf_value="), "leaf_value=NaN 1 2 3 4", "leaf_value: number 1"},
		{"too few", line("threshold="), "threshold=1 2 3", "3 thresholds, want 4"},
		{"column", line("split_feature="), "split_feature=0 1 2 6", "column 6 of 6"},
		{"child", line("left_child="), "left_child=0 1 2 3", "child 0"},
		{"far child", line("left_child="), "left_child=-99 1 2 3", "child -99"},
		{"two parents", line("right_child="), line("left_child=")[len("left_child="):], "not name=value"},
		{"decision", line("decision_type="), "decision_type=98 2 2 2", "decision type 98"},
		{"count", line("leaf_count="), "leaf_count=-1 2 2 2 2", "-1 rows"},
		{"shrinkage", "shrinkage=0.1", "shrinkage=zero", "shrinkage"},
	} {
		damaged := strings.Replace(whole, c.old, c.new, 1)
		if damaged == whole {
			t.Fatalf("%s: nothing to damage", c.name)
		}
		if _, err := gbdt.ReadText(strings.NewReader(damaged)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestReaderAndWriterFail(t *testing.T) {
	broken := errors.New("broken")
	if _, err := gbdt.ReadText(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	if err := reread(t, small(t)).WriteText(failing{broken}); !errors.Is(err, broken) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// FuzzReadText wants an error or a model that scores and explains any row.
func FuzzReadText(f *testing.F) {
	f.Add(small(f))
	f.Add("tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\nfeature_names=a\nfeature_infos=none\n\nTree=0\nnum_leaves=1\nleaf_value=2\n\nend of trees\n")
	f.Fuzz(func(t *testing.T, input string) {
		m, err := gbdt.ReadText(strings.NewReader(input))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "gbdt: ") {
				t.Fatalf("error %v", err)
			}
			return
		}
		x := matrix.NewDense(2, m.Names)
		for j := range m.Names {
			x.Row(1)[j] = float64(j)
		}
		if err := m.Predict(x, false, make([]float64, 2*m.Classes)); err != nil {
			t.Fatal(err)
		}
		if err := m.RawContributions(x, make([]float64, 2*m.Classes*(len(m.Names)+1))); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := m.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := gbdt.ReadText(strings.NewReader(b.String())); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}
