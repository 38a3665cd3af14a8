package options

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A Setting fixes one option of one model, such as ials.factors=32.
type Setting struct{ Model, Option, Value string }

func (s Setting) String() string { return s.Model + "." + s.Option + "=" + s.Value }

// Parse reads words of the form MODEL.OPTION=VALUE. Whether there is such an
// option is found out by Set.
func Parse(words []string) ([]Setting, error) {
	var out []Setting
	for _, w := range words {
		name, value, ok := strings.Cut(w, "=")
		model, option, dotted := strings.Cut(name, ".")
		if !ok || !dotted {
			return nil, fmt.Errorf("%q is not MODEL.OPTION=VALUE, such as ials.factors=32", w)
		}
		out = append(out, Setting{model, option, value})
	}
	return out, nil
}

// Set sets one option of the struct behind target. The error names the option
// and says what is wrong, or which options there are.
func Set(target any, s Setting) error {
	v := reflect.ValueOf(target).Elem()
	for i := range v.NumField() {
		if f := v.Type().Field(i); settable(f) && snake(f.Name) == s.Option {
			if err := setText(v.Field(i), s.Value); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
			return nil
		}
	}
	known := Names(v.Interface())
	if len(known) == 0 {
		return fmt.Errorf("%s has no options", s.Model)
	}
	return fmt.Errorf("%s has no option %q; it has %s", s.Model, s.Option, strings.Join(known, ", "))
}

// Names returns the names of the options of a struct, in its order.
func Names(options any) []string {
	var out []string
	t := reflect.TypeOf(options)
	for i := range t.NumField() {
		if f := t.Field(i); settable(f) {
			out = append(out, snake(f.Name))
		}
	}
	return out
}

// settable leaves out what results must not depend on and what every model is
// given alike: the seed and the workers.
func settable(f reflect.StructField) bool {
	if !f.IsExported() || f.Name == seedField || f.Name == workersField {
		return false
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return slices.Contains([]reflect.Kind{reflect.Int, reflect.Float64, reflect.Bool, reflect.String}, t.Kind())
}

func setText(field reflect.Value, text string) error {
	if field.Kind() == reflect.Pointer {
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	switch field.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("not a whole number")
		}
		field.SetInt(int64(n))
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("not true or false")
		}
		field.SetBool(b)
	case reflect.String:
		field.SetString(text)
	default:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("not a number")
		}
		field.SetFloat(f)
	}
	return nil
}

// Describe returns the options of a model by name, without what results do not
// depend on. An option at its zero value is the default that the model
// documents, and absent.
func Describe(options any) map[string]any {
	out := map[string]any{}
	if options == nil {
		return out
	}
	v := reflect.ValueOf(options)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Name == workersField || f.Type.Kind() == reflect.Func {
			continue
		}
		if field := reflect.Indirect(v.Field(i)); field.IsValid() && (v.Field(i).Kind() == reflect.Pointer || !field.IsZero()) {
			out[snake(f.Name)] = field.Interface()
		}
	}
	return out
}

// Fields that a run gives to every model that has them.
const (
	seedField    = "Seed"
	workersField = "Workers"
)

// SetRun gives the struct behind target the seed and the number of workers of
// the run, where it has fields for them.
func SetRun(target any, seed uint64, workers int) {
	v := reflect.ValueOf(target).Elem()
	if f := v.FieldByName(seedField); f.IsValid() && f.Kind() == reflect.Uint64 {
		f.SetUint(seed)
	}
	if f := v.FieldByName(workersField); f.IsValid() && f.Kind() == reflect.Int {
		f.SetInt(int64(workers))
	}
}

// NameOf returns the name by which a field of an Options struct is set.
func NameOf(field string) string { return snake(field) }

// snake turns HalfLifeDays into half_life_days and L2 into l2; a run of
// capitals is one word, so that MinIDF is min_idf.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		lower := func(j int) bool { return j < len(runes) && unicode.IsLower(runes[j]) }
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || lower(i+1)) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
