package api

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Every route is described, and there is every route described: mayAsk is
// compared with the routes themselves by TestEveryRouteIsClassified.
func TestEveryRouteIsDescribed(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	found := map[route]bool{}
	for path, operations := range doc.Paths {
		for method := range operations {
			r := route{strings.ToUpper(method), strings.NewReplacer("{", ":", "}", "").Replace(path)}
			found[r] = true
			if _, ok := mayAsk[r]; !ok {
				t.Errorf("openapi.yaml describes %s %s, which there is not", r.method, r.path)
			}
		}
	}
	for r := range mayAsk {
		if !found[r] {
			t.Errorf("%s %s is not in openapi.yaml", r.method, r.path)
		}
	}
}

func TestDescriptionIsServed(t *testing.T) {
	h := locked(t, Options{})
	first := ask(h, "GET", "/openapi.yaml")
	tag := first.Header().Get("ETag")
	if first.Code != 200 || first.Body.String() != string(description) || first.Header().Get("Content-Type") != "application/yaml" {
		t.Errorf("answered %d, %d bytes of %s", first.Code, first.Body.Len(), first.Header().Get("Content-Type"))
	}
	if w := ask(h, "GET", "/openapi.yaml", "If-None-Match", tag); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("with its ETag %q it is answered again: %d", tag, w.Code)
	}
	if w := ask(h, "GET", "/openapi.yaml?format=json"); w.Code != 400 {
		t.Errorf("an unknown parameter is answered with %d", w.Code)
	}
}
