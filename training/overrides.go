package training

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"regulars/models/forest"
	"regulars/models/ials"
	"regulars/models/logistic"
	"regulars/models/personal"
)

// Overrides fix options of models, which the search then leaves alone.
type Overrides struct {
	set []override
}

type override struct{ model, option, text string }

// ParseOverrides reads words of the form MODEL.OPTION=VALUE, such as
// ials.factors=32. An unknown model or option is an error that lists the known ones.
func ParseOverrides(words []string) (Overrides, error) {
	var o Overrides
	for _, w := range words {
		name, text, ok := strings.Cut(w, "=")
		model, option, dotted := strings.Cut(name, ".")
		if !ok || !dotted {
			return Overrides{}, fmt.Errorf("%q is not MODEL.OPTION=VALUE, such as ials.factors=32", w)
		}
		o.set = append(o.set, override{model, option, text})
	}
	return o, o.check()
}

func (o Overrides) check() error {
	targets := map[string]any{"personal": &personal.Options{}, "ials": &ials.Options{}, "logistic": &logistic.Options{}, "forest": &forest.Options{}}
	for _, s := range o.set {
		target, ok := targets[s.model]
		if !ok {
			return fmt.Errorf("%s.%s: no model %q takes options; those that do: forest, ials, logistic, personal", s.model, s.option, s.model)
		}
		if err := setOption(target, s); err != nil {
			return err
		}
	}
	return nil
}

// apply sets the overrides of one model on each candidate and drops candidates
// that have become equal. The words were checked by ParseOverrides.
func apply[T any](o Overrides, model string, candidates []T) []T {
	var out []T
	for _, c := range candidates {
		for _, s := range o.set {
			if s.model == model {
				if err := setOption(&c, s); err != nil {
					panic("training: overrides were not checked: " + err.Error())
				}
			}
		}
		if !slices.ContainsFunc(out, func(x T) bool { return reflect.DeepEqual(x, c) }) {
			out = append(out, c)
		}
	}
	return out
}

// setOption sets one exported field of the struct behind target, whose option
// name is the field's in lower snake case.
func setOption(target any, s override) error {
	v := reflect.ValueOf(target).Elem()
	var known []string
	for i := range v.NumField() {
		name := snake(v.Type().Field(i).Name)
		if !settable(v.Field(i).Type()) || name == "seed" || name == "workers" {
			continue
		}
		known = append(known, name)
		if name == s.option {
			if err := setText(v.Field(i), s.text); err != nil {
				return fmt.Errorf("%s.%s=%s: %w", s.model, s.option, s.text, err)
			}
			return nil
		}
	}
	return fmt.Errorf("%s has no option %q; it has %s", s.model, s.option, strings.Join(known, ", "))
}

func settable(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Int || t.Kind() == reflect.Float64
}

func setText(field reflect.Value, text string) error {
	if field.Kind() == reflect.Pointer {
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	if field.Kind() == reflect.Int {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("not a whole number")
		}
		field.SetInt(int64(n))
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("not a number")
	}
	field.SetFloat(f)
	return nil
}

// snake turns HalfLifeDays into half_life_days and L2 into l2.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// describe returns the options of a model as they are written down: by the
// names that --set takes, without what results do not depend on.
func describe(options any) map[string]any {
	out := map[string]any{}
	if options == nil {
		return out
	}
	v := reflect.ValueOf(options)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Name == "Workers" || f.Type.Kind() == reflect.Func {
			continue
		}
		// A nil pointer, or zero, is the default that the model documents.
		if field := reflect.Indirect(v.Field(i)); field.IsValid() && (v.Field(i).Kind() == reflect.Pointer || !field.IsZero()) {
			out[snake(f.Name)] = field.Interface()
		}
	}
	return out
}

// Candidates that the search compares on the choice slice, cheap ones first.

func (o Overrides) personal() []personal.Options {
	out := []personal.Options{{Prior: 1}, {HalfLifeDays: 240, Prior: 1}}
	for _, halfLife := range []float64{120, 240, 480} {
		for _, prior := range []float64{0.1, 0.3} {
			out = append(out, personal.Options{HalfLifeDays: halfLife, Prior: prior, PriorDays: popularDays})
		}
	}
	return apply(o, "personal", out)
}

// ials spans strong and weak confidence, and what is new in season against what
// has been bought for long: shops differ most in how fast tastes age.
func (o Overrides) ials() []ials.Options {
	candidate := func(alpha, unobserved, regularization, halfLife float64) ials.Options {
		return ials.Options{Iterations: 6, Alpha: &alpha, Unobserved: unobserved, Regularization: regularization, HalfLifeDays: halfLife}
	}
	return apply(o, "ials", []ials.Options{
		candidate(40, 3, 0.01, 30), candidate(10, 3, 0.001, 60), candidate(20, 3, 0.003, 45),
		candidate(10, 1, 0.01, 90), candidate(10, 3, 0.01, 180), candidate(10, 1, 0.01, 0),
	})
}

func (o Overrides) logistic() []logistic.Options {
	return apply(o, "logistic", []logistic.Options{{L2: 1}, {L2: 10}, {L2: 100}})
}

func (o Overrides) forest() []forest.Options {
	return apply(o, "forest", []forest.Options{{Trees: 50, SampleRows: 4000, MinLeaf: 20, MaxDepth: 10}})
}
