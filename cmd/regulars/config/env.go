package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

const envPrefix = "REGULARS_"

// reserved are REGULARS_ variables that are not configuration.
var reserved = []string{"REGULARS_RUN_ID"}

// override sets the fields that REGULARS_… variables name: the path of the
// field in capitals joined by underscores, such as REGULARS_SERVE_ADDR. A
// variable that names no field is an error, so that a typing mistake is seen.
func override(c *Config, environ []string) error {
	fields := leaves("", reflect.ValueOf(c).Elem())
	for _, pair := range environ {
		name, text, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(reserved, name) {
			continue
		}
		field, ok := fields[strings.TrimPrefix(name, envPrefix)]
		if !ok {
			return fmt.Errorf("environment variable %s names no field of %s", name, FileName)
		}
		if err := setField(field, text); err != nil {
			return fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	return nil
}

// setField reads the text as YAML, so that it is written as in the file; a
// string is taken as it stands.
func setField(field reflect.Value, text string) error {
	if field.Kind() == reflect.String {
		field.SetString(text)
		return nil
	}
	err := yaml.UnmarshalWithOptions([]byte(text), field.Addr().Interface(), yaml.Strict())
	var mistyped *yaml.TypeError
	var wrong yaml.Error
	switch {
	case errors.As(err, &mistyped):
		return fmt.Errorf("%q is not a %s", text, mistyped.DstType)
	case errors.As(err, &wrong):
		return errors.New(wrong.GetMessage())
	}
	return err
}

// leaves maps REGULARS_ names without their prefix to the fields of a struct.
func leaves(prefix string, v reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	for i := range v.NumField() {
		name := prefix + strings.ToUpper(v.Type().Field(i).Tag.Get("yaml"))
		if v.Field(i).Kind() == reflect.Struct {
			for k, f := range leaves(name+"_", v.Field(i)) {
				out[k] = f
			}
			continue
		}
		out[name] = v.Field(i)
	}
	return out
}
