package features

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Parameter is a number that a group's query speaks of as $name, so that a shop
// can set it without writing SQL.
type Parameter struct {
	Name  string
	Value string // a number as it stands in the query: 90 is an integer, 0.5 a decimal
	Doc   string
}

func (p *parser) parameter(n int, value string) Parameter {
	spec, doc, _ := strings.Cut(value, "|")
	words := strings.Fields(spec)
	doc = strings.TrimSpace(doc)
	if len(words) != 2 || doc == "" {
		p.fail(n, "%q does not declare a parameter as \"name number | meaning\"", value)
		return Parameter{}
	}
	q := Parameter{Name: words[0], Value: words[1], Doc: doc}
	if !namePattern.MatchString(q.Name) {
		p.fail(n, "parameter name %q is not lower case letters, digits and _", q.Name)
	}
	number, err := strconv.ParseFloat(q.Value, 64)
	if err != nil || math.IsNaN(number) || math.IsInf(number, 0) {
		p.fail(n, "parameter %s is %q: it must be a finite number", q.Name, q.Value)
		return q
	}
	if strings.ContainsAny(q.Value, "xXpP_eE+") {
		p.fail(n, "parameter %s is %q: write a plain number such as 90 or 0.5", q.Name, q.Value)
	}
	return q
}

// Query returns the SQL with every $name replaced by the parameter's number;
// lines are those of the file. Names that are no parameter stay, for Lint and
// the engine to refuse.
func (g Group) Query() string {
	values := map[string]string{}
	for _, p := range g.Parameters {
		values["$"+p.Name] = p.Value
		if strings.HasPrefix(p.Value, "-") {
			values["$"+p.Name] = "(" + p.Value + ")"
		}
	}
	var out strings.Builder
	from := 0
	for _, t := range lex(g.SQL) {
		if value, ok := values[t.text]; ok && t.kind == tokenWord {
			out.WriteString(g.SQL[from:t.at])
			out.WriteString(value)
			from = t.at + len(t.text)
		}
	}
	out.WriteString(g.SQL[from:])
	return out.String()
}

// Unordered returns the Query without the ORDER BY that ends it, for an engine
// that orders in a way of its own. The group has passed Lint.
func (g Group) Unordered() string {
	text := g.Query()
	tokens := lex(text)
	for i := len(tokens) - 2; i >= 0; i-- {
		if tokens[i].text == "order" && tokens[i+1].text == "by" {
			return text[:tokens[i].at]
		}
	}
	return text
}

// WithParameters returns the groups with the values of parameters replaced, by
// "group.parameter". A name that no group declares and a number that is not
// finite are errors.
func WithParameters(groups []Group, values map[string]float64) ([]Group, error) {
	out := slices.Clone(groups)
	used := map[string]bool{}
	var declared []string
	for i, g := range out {
		out[i].Parameters = slices.Clone(g.Parameters)
		for j, p := range g.Parameters {
			name := g.Name + "." + p.Name
			declared = append(declared, name)
			if value, ok := values[name]; ok {
				if math.IsNaN(value) || math.IsInf(value, 0) {
					return nil, fmt.Errorf("features parameter %s is %v: it must be a finite number", name, value)
				}
				out[i].Parameters[j].Value = strconv.FormatFloat(value, 'f', -1, 64)
				used[name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !used[name] {
			return nil, fmt.Errorf("there is no features parameter %s: they are %s", name, strings.Join(declared, ", "))
		}
	}
	return out, nil
}
