package options

import (
	"reflect"
	"strings"
	"testing"
)

type example struct {
	Factors      int
	Alpha        *float64
	HalfLifeDays float64
	Binary       bool
	Kind         string
	MinIDF       float64
	L2           float64
	Seed         uint64
	Workers      int
	Hook         func()
	Nested       struct{ X int }
}

func TestSetAndDescribe(t *testing.T) {
	settings, err := Parse([]string{"m.factors=32", "m.alpha=0", "m.half_life_days=1.5", "m.binary=true", "m.kind=bm25", "m.min_idf=2", "m.l2=3"})
	if err != nil {
		t.Fatal(err)
	}
	var e example
	for _, s := range settings {
		if err := Set(&e, s); err != nil {
			t.Fatal(err)
		}
	}
	SetRun(&e, 7, 2)
	if e.Seed != 7 || e.Workers != 2 || e.Alpha == nil || *e.Alpha != 0 {
		t.Errorf("set gives %+v", e)
	}
	want := map[string]any{"factors": 32, "alpha": 0.0, "half_life_days": 1.5, "binary": true, "kind": "bm25", "min_idf": 2.0, "l2": 3.0, "seed": uint64(7)}
	if got := Describe(e); !reflect.DeepEqual(got, want) {
		t.Errorf("described as %v, want %v", got, want)
	}
	if got := Describe(example{}); len(got) != 0 {
		t.Errorf("defaults are described as %v", got)
	}
}

func TestRefuses(t *testing.T) {
	for _, w := range []string{"ials", "ials.factors", "factors=3", "=", ""} {
		if _, err := Parse([]string{w}); err == nil || !strings.Contains(err.Error(), "MODEL.OPTION=VALUE") {
			t.Errorf("%q gives %v", w, err)
		}
	}
	for want, s := range map[string]Setting{
		"m.factors=1.5: not a whole number": {"m", "factors", "1.5"},
		"m.alpha=NaN: not a number":         {"m", "alpha", "NaN"},
		"m.l2=1e400: not a number":          {"m", "l2", "1e400"},
		"m.binary=2: not true or false":     {"m", "binary", "2"},
		`m has no option "seed"; it has factors, alpha, half_life_days, binary, kind, min_idf, l2`: {"m", "seed", "1"},
		`m has no option "workers"`: {"m", "workers", "1"},
	} {
		if err := Set(&example{}, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v gives %v, want %q", s, err, want)
		}
	}
	if err := Set(&struct{}{}, Setting{"personal", "x", "1"}); err == nil || err.Error() != "personal has no options" {
		t.Errorf("a model without options gives %v", err)
	}
}
