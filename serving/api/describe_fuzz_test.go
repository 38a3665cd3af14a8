package api

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	"regulars/serving/placement"
	"regulars/serving/served"
)

// TestAnyRequestOfTheDescription makes requests out of the description, most of
// them right and some wrong in every way that a schema can be broken: none is
// answered with 5xx, and kept checks each answer against the description.
func TestAnyRequestOfTheDescription(t *testing.T) {
	store, set := loaded(t, 50), placements(t, placement.Definition{Name: "home", Rules: []placement.Rule{{Pin: "85120004", Slot: 1}}})
	h := New(Options{Store: store, Jobs: history{}, Runner: history{}, Models: registry{}, NewID: fixedID, Intake: intake(t), Privacy: &people{}, Audiences: audiencesOf(store, nil),
		Placements: set, Reports: &served.Reporter{Dir: t.TempDir(), Set: set}})
	operations := routesDescribed()
	routes := make([]route, 0, len(operations))
	for r := range operations {
		routes = append(routes, r)
	}
	slices.SortFunc(routes, func(a, b route) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	answered := map[int]int{} // by class of status
	well := map[route]int{}
	rapid.Check(t, func(rt *rapid.T) {
		for range 10 {
			r := rapid.SampledFrom(routes).Draw(rt, "route")
			target, body := generator{rt, ""}.request(r, operations[r])
			u, err := url.ParseRequestURI(target)
			if err != nil {
				rt.Fatalf("the generator made %q: %v", target, err)
			}
			request := httptest.NewRequest(r.method, "/", strings.NewReader(body))
			request.URL = u
			if r.method == http.MethodGet && rapid.IntRange(0, 9).Draw(rt, "head") == 0 {
				request.Method = http.MethodHead
			}
			w := kept(h, request, body)
			if w.Code >= 500 {
				rt.Fatalf("%s %s with %s was answered %d %s", r.method, target, body, w.Code, w.Body)
			}
			answered[w.Code/100]++
			if w.Code < 300 {
				well[r]++
			}
		}
	})
	if answered[2] == 0 || answered[4] == 0 || len(well) < len(routes)/2 {
		t.Errorf("the requests were too much of one kind: %v, well %v", answered, well)
	}
}

// generator makes requests out of schemas.
type generator struct {
	t    *rapid.T
	name string // of the field or parameter
}

// odd is true once in a while: something is to be wrong. Draws lean to 0, which
// is not meant here.
func (g generator) odd() bool { return rapid.IntRange(0, 30).Draw(g.t, "odd") == 29 }

// at is the generator at a field or parameter.
func (g generator) at(name string) generator { return generator{g.t, name} }

func (g generator) request(r route, o *openapi3.Operation) (target, body string) {
	var path []string
	for i, segment := range strings.Split(r.path, "/") {
		if name, ok := strings.CutPrefix(segment, ":"); ok {
			segment = url.PathEscape(g.at(path[i-1]).text(o.Parameters.GetByInAndName("path", name).Schema.Value))
		}
		path = append(path, segment)
	}
	var query []string
	for _, p := range o.Parameters {
		if p.Value.In == "query" && rapid.Bool().Draw(g.t, p.Value.Name) {
			query = append(query, p.Value.Name+"="+url.QueryEscape(g.at(p.Value.Name).plain(p.Value.Schema.Value)))
		}
	}
	if g.odd() {
		query = append(query, rapid.SampledFrom([]string{"k=1", "k=1", "nonsense=1", "a;b", "%zz", "=", "&&", "lang", "k=%ff", "exclude=a,,b"}).Draw(g.t, "query"))
	}
	target = strings.Join(path, "/")
	if len(query) > 0 {
		target += "?" + strings.Join(query, "&")
	}
	if o.RequestBody != nil {
		body = g.body(o.RequestBody.Value.Content.Get("application/json").Schema.Value)
	}
	return target, body
}

// plain writes a value as a query does.
func (g generator) plain(s *openapi3.Schema) string {
	switch v := g.value(s).(type) {
	case []any:
		out := make([]string, len(v))
		for i := range v {
			out[i] = fmt.Sprint(v[i])
		}
		return strings.Join(out, ",")
	case nil:
		return ""
	default:
		return fmt.Sprint(v)
	}
}

func (g generator) body(s *openapi3.Schema) string {
	b, err := json.Marshal(g.value(s))
	if err != nil {
		g.t.Fatal(err)
	}
	if g.odd() {
		cut := rapid.IntRange(0, len(b)).Draw(g.t, "cut")
		return string(b[:cut]) + rapid.SampledFrom([]string{"", "\xff", "}", "{}", "\x00", `,"k":1e999`}).Draw(g.t, "tail")
	}
	return string(b)
}

// value makes a value of a schema, or now and then one of another.
func (g generator) value(s *openapi3.Schema) any {
	if g.odd() {
		return rapid.SampledFrom([]any{nil, true, -1, 0, 1.5, 1e300, math.MaxInt64, "", "\x00", "x", "../..", []any{}, []any{nil}, map[string]any{}}).Draw(g.t, "other")
	}
	if s.Type == nil && len(s.OneOf) > 0 {
		return g.value(rapid.SampledFrom(s.OneOf).Draw(g.t, "alternative").Value)
	}
	if len(s.Enum) > 0 {
		return rapid.SampledFrom(s.Enum).Draw(g.t, "enum")
	}
	switch {
	case s.Type.Includes("object"):
		return g.object(s)
	case s.Type.Includes("array"):
		n := rapid.IntRange(0, 4).Draw(g.t, "n")
		if s.MaxItems != nil && g.odd() {
			n = int(*s.MaxItems) + rapid.IntRange(0, 1).Draw(g.t, "more")
		}
		return g.list(s.Items.Value, n)
	case s.Type.Includes("integer"):
		return rapid.SampledFrom([]any{1, 2, 10, 500, 501, 0, -1, 1 << 40}).Draw(g.t, "integer")
	case s.Type.Includes("boolean"):
		return rapid.Bool().Draw(g.t, "boolean")
	}
	return g.text(s)
}

// object makes what one of the alternatives asks for, and some of the rest.
func (g generator) object(s *openapi3.Schema) map[string]any {
	out, required := map[string]any{}, s.Required
	if len(s.OneOf) > 0 {
		required = append(slices.Clone(required), rapid.SampledFrom(s.OneOf).Draw(g.t, "alternative").Value.Required...)
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range s.Properties {
			if !yield(name) {
				return
			}
		}
	}) {
		if slices.Contains(required, name) || rapid.IntRange(0, 3).Draw(g.t, name) == 2 {
			out[name] = g.at(name).value(s.Properties[name].Value)
		}
	}
	if g.odd() {
		out[rapid.SampledFrom([]string{"", "K", "extra", "__proto__"}).Draw(g.t, "unknown")] = 1
	}
	return out
}

func (g generator) list(s *openapi3.Schema, n int) []any {
	out := make([]any, n)
	if n > 10 { // the number is what matters
		for i := range out {
			out[i] = "a"
		}
		return out
	}
	for i := range out {
		out[i] = g.value(s)
	}
	return out
}

var (
	instants = []string{"2011-12-08T00:00:00Z", "2011-12-07T08:00:00+08:00", "2011-12-08"}
	users    = []string{"17850", "a/b+c d", "fresh", "nobody"}
	items    = []string{"85120001", "85123A/x+y 茶", "nothing"}
	// there are values by the name of a parameter or field, or by what stands
	// before it in a path.
	there = map[string][]string{
		"users": users, "user_id": users, "user_ids": users, "items": items, "item_id": items, "exclude": items,
		"jobs": {"pipeline", job.ID, "nothing"}, "job": {"pipeline"}, "models": {"churn", "nothing"}, "version": {"2011-12-08-cccccccc", "2011-12-08"},
		"placements": {"home", "nothing"}, "placement": {"home", "nothing"}, "audiences": {"lapsing", "nothing"},
		"filter":   {`user.id != "x"`, `item.brand == "Acme"`, "score.churn > 0.1", "item.prise < 20", "item.price <", `item.brand matches "(a*)*$"`},
		"strategy": {"repeat", "together", "ials", "nothing"}, "sort": {"-score.churn", "user.id,score.churn", "churn"}, "channel": {"email", "fax"},
		"ids": {"wecom", "wecom,email"}, "columns": {"user_id", "user_id,churn_probability", "nothing"}, "include": {"opted_out", "opted_out,suppressed", "x"},
		"since": {"2010-01-01-00000000"}, "type": {"view", "purchase", "click", "impression"}, "unit_price": {"12.50", "x"},
		"session_id": {"s1", "s2"}, "source": {"pos"}, "alias": {"7", "8"}, "order_id": {"O-1"}, "contact_id": {"c-1", "c-2"}, "campaign_id": {"spring"}, "arm": {"control"},
	}
)

// text is mostly something that there is.
func (g generator) text(s *openapi3.Schema) string {
	if !g.odd() {
		known := there[g.name]
		if known == nil {
			known = instants
		}
		return rapid.SampledFrom(known).Draw(g.t, "known")
	}
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"..", ".", "%2e%2e", "\x00", "\xff", "a\nb", strings.Repeat("x", 512), strings.Repeat("x", 513), strings.Repeat("茶", 512), "'; DROP TABLE users;--"})).Draw(g.t, "text")
	if utf8.ValidString(text) && s.MaxLength != nil && len(text) == 0 {
		return "-" // an empty segment is another route
	}
	return text
}
