package gbdt_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"regulars/features/matrix"
	"regulars/models/gbdt"
)

var update = flag.Bool("update", false, "write testdata/lightgbm.json from the LightGBM at hand")

// A lightgbmCase is what testdata/reference.py reads.
type lightgbmCase struct {
	Name        string         `json:"name"`
	X           [][]*float64   `json:"x"`
	Y           []float64      `json:"y"`
	Group       []int32        `json:"group,omitempty"`
	Names       []string       `json:"names"`
	Categorical []int          `json:"categorical"`
	Probe       [][]*float64   `json:"probe"`
	Parameters  map[string]any `json:"parameters,omitempty"`
	Rounds      int            `json:"rounds"`
	Model       string         `json:"model,omitempty"`
}

// predicted holds one number or several for each row, as LightGBM gives them.
type predicted struct {
	Raw           any         `json:"raw"`
	Predictions   any         `json:"predictions"`
	Contributions [][]float64 `json:"contributions"`
}

type lightgbmAnswer struct {
	Name   string       `json:"name"`
	Ours   predicted    `json:"ours"`
	Theirs predicted    `json:"theirs"`
	Model  string       `json:"model"`
	Probe  [][]*float64 `json:"probe"`
}

// python returns an interpreter that has LightGBM, or skips.
func python(t *testing.T) string {
	t.Helper()
	name := os.Getenv("LIGHTGBM_PYTHON")
	if name == "" {
		name = "python3"
	}
	if err := exec.Command(name, "-c", "import lightgbm").Run(); err != nil {
		t.Skipf("%s has no lightgbm (%v): set LIGHTGBM_PYTHON to one that has", name, err)
	}
	return name
}

func runLightGBM(t *testing.T, cases []lightgbmCase) map[string]lightgbmAnswer {
	t.Helper()
	input, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python(t), "testdata/reference.py")
	cmd.Stdin = bytes.NewReader(input)
	var problem strings.Builder
	cmd.Stderr = &problem
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("LightGBM: %v\n%s", err, problem.String())
	}
	var answers []lightgbmAnswer
	if err := json.Unmarshal(output, &answers); err != nil {
		t.Fatal(err)
	}
	out := map[string]lightgbmAnswer{}
	for _, a := range answers {
		out[a.Name] = a
	}
	return out
}

// nullable writes NaN as null.
func nullable(x *matrix.Dense) [][]*float64 {
	out := make([][]*float64, x.Rows)
	for i := range out {
		out[i] = make([]*float64, x.Cols())
		for j, v := range x.Row(i) {
			if !math.IsNaN(v) {
				out[i][j] = &v
			}
		}
	}
	return out
}

func dense(rows [][]*float64, names []string) *matrix.Dense {
	x := matrix.NewDense(len(rows), names)
	for i, row := range rows {
		for j, v := range row {
			x.Row(i)[j] = math.NaN()
			if v != nil {
				x.Row(i)[j] = *v
			}
		}
	}
	return x
}

// flat lays out what may be one number a row or several.
func flat(t *testing.T, v any) []float64 {
	t.Helper()
	var out []float64
	for _, row := range v.([]any) {
		switch row := row.(type) {
		case float64:
			out = append(out, row)
		case []any:
			for _, n := range row {
				out = append(out, n.(float64))
			}
		default:
			t.Fatalf("a row of predictions is %T", row)
		}
	}
	return out
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !(math.Abs(got[i]-want[i]) <= tolerance*max(1, math.Abs(want[i]))) {
			t.Fatalf("%s: number %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// same compares all that a model says of rows with what LightGBM says.
func same(t *testing.T, what string, m *gbdt.Model, x *matrix.Dense, want predicted) {
	t.Helper()
	near(t, what+", raw", predict(t, m, x, true), flat(t, want.Raw), 1e-9)
	near(t, what+", predictions", predict(t, m, x, false), flat(t, want.Predictions), 1e-9)
	got := make([]float64, x.Rows*m.Classes*(x.Cols()+1))
	if err := m.RawContributions(x, got); err != nil {
		t.Fatal(err)
	}
	var contributions []float64
	for _, row := range want.Contributions {
		contributions = append(contributions, row...)
	}
	near(t, what+", contributions", got, contributions, 1e-7)
}

func predict(t *testing.T, m *gbdt.Model, x *matrix.Dense, raw bool) []float64 {
	t.Helper()
	out := make([]float64, x.Rows*m.Classes)
	if err := m.Predict(x, raw, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func fitted(t *testing.T, d gbdt.Data, o gbdt.Options) *gbdt.Model {
	t.Helper()
	m, err := gbdt.Fit(t.Context(), d, nil, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func text(t *testing.T, m *gbdt.Model) string {
	t.Helper()
	var b strings.Builder
	if err := m.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func reread(t *testing.T, model string) *gbdt.Model {
	t.Helper()
	m, err := gbdt.ReadText(strings.NewReader(model))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// theirNames are names that LightGBM accepts.
var theirNames = []string{"steady", "days", "category", "few", "zeros", "noise"}

// leastHessian stands in for rows in a leaf, whose number each estimates in a way of
// its own.
const leastHessian = 4

// trainedThere are models of LightGBM with options that only reading must know of too.
func trainedThere() []lightgbmCase {
	var out []lightgbmCase
	add := func(name, objective string, more map[string]any) {
		d, p := simulated(600, objective, 3), probes(objective)
		parameters := map[string]any{"objective": objective, "num_leaves": 6, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": leastHessian,
			"min_data_per_group": 20, "learning_rate": 0.2,
			"verbose": -1, "num_threads": 1, "deterministic": true, "seed": 1}
		if objective == gbdt.Multiclass || objective == "multiclassova" {
			parameters["num_class"] = 3
		}
		for k, v := range more {
			parameters[k] = v
		}
		out = append(out, lightgbmCase{Name: name, X: nullable(d.X), Y: d.Y, Group: d.Group, Names: theirNames, Categorical: d.Categorical,
			Probe: nullable(p), Parameters: parameters, Rounds: 5})
	}
	for _, objective := range objectives {
		add(objective, objective, nil)
	}
	add("zero as missing", gbdt.Regression, map[string]any{"zero_as_missing": true})
	add("no missing", gbdt.Binary, map[string]any{"use_missing": false, "sigmoid": 0.7})
	add("forest", gbdt.Binary, map[string]any{"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5})
	add("dart", gbdt.Regression, map[string]any{"boosting": "dart", "drop_rate": 0.5})
	add("one against all", gbdt.Multiclass, map[string]any{"objective": "multiclassova"})
	add("square roots", gbdt.Poisson, map[string]any{"objective": "regression", "reg_sqrt": true})
	add("one leaf", gbdt.Poisson, map[string]any{"min_data_in_leaf": 400})
	add("quantile", gbdt.Poisson, map[string]any{"objective": "quantile"})
	return out
}

// TestLightGBM compares with the real package in both directions.
func TestLightGBM(t *testing.T) {
	cases := trainedThere()
	ours := map[string]*gbdt.Model{}
	for _, objective := range objectives {
		m := fitted(t, simulated(2000, objective, 5), gbdt.Options{Objective: objective, Classes: classes(objective), Rounds: 20, NumLeaves: 12,
			MinDataPerGroup: 20, BaggingFraction: 0.7, FeatureFraction: 0.8, L1: 0.1, L2: 0.5, Seed: 9})
		ours[objective] = m
		cases = append(cases, lightgbmCase{Name: "ours " + objective, X: nullable(probes(objective)), Model: text(t, m)})
	}
	one := simulated(200, gbdt.Poisson, 5)
	leaf := fitted(t, one, gbdt.Options{Objective: gbdt.Poisson, MinDataInLeaf: 150})
	cases = append(cases, lightgbmCase{Name: "ours leaf", X: nullable(one.X), Model: text(t, leaf)})
	answers := runLightGBM(t, cases)
	t.Run("trained here/one leaf", func(t *testing.T) { same(t, "fitted", leaf, one.X, answers["ours leaf"].Ours) })
	for _, objective := range objectives {
		t.Run("trained here/"+objective, func(t *testing.T) {
			x := probes(objective)
			same(t, "fitted", ours[objective], x, answers["ours "+objective].Ours)
			same(t, "written and read", reread(t, text(t, ours[objective])), x, answers["ours "+objective].Ours)
		})
	}
	var fixtures []lightgbmAnswer
	for _, c := range trainedThere() {
		a := answers[c.Name]
		a.Probe = c.Probe
		t.Run("trained there/"+c.Name, func(t *testing.T) { compareTheirs(t, a) })
		fixtures = append(fixtures, a)
	}
	if *update {
		content, err := json.Marshal(fixtures)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/lightgbm.json", append(bytes.ReplaceAll(content, []byte(`},{"name"`), []byte("},\n{\"name\"")), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func compareTheirs(t *testing.T, a lightgbmAnswer) {
	x := dense(a.Probe, theirNames)
	m := reread(t, a.Model)
	same(t, "read", m, x, a.Theirs)
	same(t, "read, written and read again", reread(t, text(t, m)), x, a.Theirs)
}

// storedModels are what LightGBM 4.7.0 wrote and predicted (see -update), by name.
func storedModels(t *testing.T) map[string]lightgbmAnswer {
	t.Helper()
	content, err := os.ReadFile("testdata/lightgbm.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []lightgbmAnswer
	if err := json.Unmarshal(content, &list); err != nil {
		t.Fatal(err)
	}
	out := map[string]lightgbmAnswer{}
	for _, a := range list {
		out[a.Name] = a
	}
	return out
}

func TestStoredModels(t *testing.T) {
	stored := storedModels(t)
	for _, c := range trainedThere() {
		t.Run(c.Name, func(t *testing.T) {
			if stored[c.Name].Model == "" {
				t.Fatal("not stored: run with -update")
			}
			compareTheirs(t, stored[c.Name])
		})
	}
}
