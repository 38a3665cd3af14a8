package propensity

import (
	"bytes"
	"math"
	"regexp"
	"strings"
	"testing"

	"regulars/training/page"
)

// written is the page of a comparison in which a column has a name that would run
// if it were not escaped.
func written(t *testing.T, lang page.Lang) (*Report, string) {
	t.Helper()
	head := func(s string) string { return strings.Replace(s, "noise", "<script>alert(1)</script>", 1) }
	r := request(t, head(crowd(900, 1)), head(crowd(2500, 2)), "all")
	r.Explain = true
	report := evaluate(t, r)
	report.Leaks = []Finding{{Feature: "<b>x", Leak: GivesAway, Value: 1, Other: 0.5, State: `is "<i>"`}, {Feature: "x", Leak: Separates}, {Feature: "x", Leak: Collapses, Slice: "test"}}
	var b bytes.Buffer
	if err := report.WriteHTML(&b, lang); err != nil {
		t.Fatal(err)
	}
	return report, b.String()
}

func TestHTML(t *testing.T) {
	report, english := written(t, page.English)
	_, chinese := written(t, page.Chinese)
	for name, text := range map[string]string{"english": english, "chinese": chinese} {
		for _, bad := range []string{"<script", "<b>x", "<i>\"", "http:", "https:", "src=", "ZgotmplZ", "NaN", "Inf", "%!"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: the page holds %q", name, bad)
			}
		}
		for _, want := range []string{"&lt;script&gt;alert(1", "&lt;b&gt;x", "base-rate", "logistic", "tree", "forest", "mlp", "gbdt", "ROC"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the page lacks %q", name, want)
			}
		}
		// Four curves of all models, one of reliability for each of five, contributions
		// of all of these but mlp.
		if n := strings.Count(text, "<svg"); n != 4+5+4 {
			t.Errorf("%s: %d charts, want 13", name, n)
		}
		if len(text) > 1<<20 {
			t.Errorf("%s: a page of %d bytes", name, len(text))
		}
	}
	for _, path := range regexp.MustCompile(`<path d="([^"]*)"`).FindAllStringSubmatch(english, -1) {
		if n := strings.Count(path[1], "L") + 1; n > curvePoints {
			t.Errorf("a curve of %d points", n)
		}
	}
	for _, r := range report.Results {
		if m := r.Metrics["auc"]; !strings.Contains(english, (viewer{report, page.English}).figure(m, "%.4f")) {
			t.Errorf("the AUC of %s is not on the page", r.Model)
		}
	}
}

// Every note that a comparison can make has Chinese words: what is left of English
// are names.
func TestNotesInChinese(t *testing.T) {
	report, _ := written(t, page.English)
	all := append(report.Notes, "columns that hold lists or groups, or nothing at all, are left out: a, b", "columns of a single value are left out: a",
		"columns that only name the row are left out: a", "of columns that differ in every row only whether there is a value is learned: a",
		"ts orders the rows of train and is no feature", "train has too few rows of one class to hold some back (10 of each are needed there): nothing is calibrated or stopped early",
		"the 3 latest of 12 rows of train decide how long to learn and whether to calibrate", "mlp is left out: too little data", "p.parquet holds the probabilities of gbdt")
	for _, n := range all {
		if got := (viewer{report, page.Chinese}).note(n); !regexp.MustCompile(`\p{Han}{3}`).MatchString(got) || strings.Contains(got, "$") {
			t.Errorf("%q becomes %q", n, got)
		}
	}
}

// The effects are those of the table's columns, categories added up, strongest
// first; x, of which the label is made, comes before noise, and high x raise it.
func TestEffects(t *testing.T) {
	r := request(t, crowd(2000, 1), crowd(2500, 2), "logistic", "tree", "forest", "gbdt", "mlp")
	r.Explain = true
	for _, m := range evaluate(t, r).Results {
		if m.Baseline || m.Model == "mlp" {
			if m.effects != nil {
				t.Errorf("%s has effects", m.Model)
			}
			continue
		}
		if len(m.effects) < 2 || m.effects[0].column != "x" || m.effects[1].column != "kind" || len(m.effects[0].contributions) != explainedRows {
			t.Fatalf("%s: %d effects, the first %q on %d rows", m.Model, len(m.effects), m.effects[0].column, len(m.effects[0].contributions))
		}
		x := m.effects[0]
		low, high := 0.0, 0.0
		for i, v := range x.contributions {
			if x.values[i] > 0.9 {
				high += v
			}
			if x.values[i] < 0.1 {
				low += v
			}
		}
		if !(low < 0 && high > 0) || !math.IsNaN(m.effects[1].values[0]) {
			t.Errorf("%s: low values of x add %v, high ones %v; a text stands at %v", m.Model, low, high, m.effects[1].values[0])
		}
	}
}

func TestStanding(t *testing.T) {
	got := standing([]float64{5, math.NaN(), 1, 5, 7})
	for i, want := range []float64{0.5, math.NaN(), 0, 0.5, 1} {
		if got[i] != want && !(math.IsNaN(want) && math.IsNaN(got[i])) {
			t.Errorf("value %d stands at %v, want %v", i, got[i], want)
		}
	}
	for _, values := range [][]float64{{3, 3, math.NaN()}, {math.NaN()}} {
		for i, v := range standing(values) {
			if !math.IsNaN(v) {
				t.Errorf("of %v value %d stands at %v", values, i, v)
			}
		}
	}
}
