package filter

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
)

// A value is a checked part of a filter: its kind, and how to get it from rows.
type value struct {
	kind    Kind
	uses    uses
	literal bool // the same for all rows
	known   truth

	number number // by kind; of a Date too
	text   text
	texts  texts
	truth  truth
}

type (
	number func(*Rows) float64
	text   func(*Rows) string
	texts  func(*Rows) []string
	truth  func(*Rows) Truth
)

// A checker turns a syntax tree into values.
type checker struct {
	source string
	schema *Schema
	nodes  int

	patterns int // their size
}

func (c *checker) errorf(n ast.Node, format string, args ...any) error {
	return errorAt(c.source, n.Location().From, format, args...)
}

// allowed is what a message says when something else is found.
const allowed = "a filter has fields, texts, numbers, lists, comparisons, + - * /, and, or, not, in, contains, startsWith, endsWith, matches, known and unknown"

func (c *checker) check(n ast.Node) (value, error) {
	if c.nodes++; c.nodes > maxNodes {
		return value{}, c.errorf(n, "the filter is too long: at most %d fields, values and operators are allowed", maxNodes)
	}
	switch n := n.(type) {
	case *ast.IntegerNode:
		return literalNumber(float64(n.Value)), nil
	case *ast.FloatNode:
		return literalNumber(n.Value), nil
	case *ast.StringNode:
		return c.literalText(n)
	case *ast.BoolNode:
		return literalTruth(Is(n.Value)), nil
	case *ast.MemberNode:
		return c.field(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.CallNode:
		return c.call(n)
	}
	return value{}, c.refused(n)
}

// refused says what is not part of the language, and what to write instead.
func (c *checker) refused(n ast.Node) error {
	switch n := n.(type) {
	case *ast.NilNode:
		return c.noValue(n, "nil")
	case *ast.IdentifierNode:
		return c.notAField(n, n.Value)
	case *ast.ArrayNode:
		return c.errorf(n, "a list stands only behind in")
	case *ast.BuiltinNode:
		return c.errorf(n, "the function %s is not part of filters: %s", n.Name, allowed)
	case *ast.ConditionalNode:
		return c.errorf(n.Cond, "if and ?: are not part of filters: write and, or")
	}
	return c.errorf(n, "this is not part of filters: %s", allowed)
}

func (c *checker) noValue(n ast.Node, name string) error {
	return c.errorf(n, "%s is not part of filters: known(…) and unknown(…) ask whether a field has a value", name)
}

func (c *checker) notAField(n ast.Node, name string) error {
	if slices.Contains([]string{"null", "none"}, strings.ToLower(name)) {
		return c.noValue(n, name)
	}
	for set := range sets {
		if _, ok := c.schema.Lookup(set, name); ok {
			return c.errorf(n, "%q is not a field: do you mean %s? A text stands in quotation marks", name, path(set, name))
		}
	}
	return c.errorf(n, "%q is not a field: fields are %s.…; a text stands in quotation marks", name, strings.Join(c.schema.sets(), ".…, "))
}

// path writes a field as a filter does.
func path(set Set, name string) string {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return fmt.Sprintf("%s[%q]", set, name)
		}
	}
	return setNames[set] + "." + name
}

func literalNumber(x float64) value {
	return value{kind: Number, literal: true, number: func(*Rows) float64 { return x }}
}

func literalTruth(t Truth) value {
	return value{kind: Bool, literal: true, truth: func(*Rows) Truth { return t }}
}

func (c *checker) literalText(n *ast.StringNode) (value, error) {
	if n.Value == "" {
		return value{}, c.errorf(n, `the empty text is what is not known: write known(…) or unknown(…) instead of comparing with ""`)
	}
	s := n.Value
	return value{kind: String, literal: true, text: func(*Rows) string { return s }}, nil
}

// field resolves item.price and item["price"].
func (c *checker) field(n *ast.MemberNode) (value, error) {
	of, ok := n.Node.(*ast.IdentifierNode)
	name, isName := n.Property.(*ast.StringNode)
	if !ok || !isName || n.Optional || n.Method {
		return value{}, c.errorf(n, "this is not a field: fields are written as item.price, or item[\"name\"] where the name has other characters")
	}
	set := Set(slices.Index(setNames[:], of.Value))
	if set < 0 {
		return value{}, c.errorf(of, "there is no %q: fields begin with item, user or score%s", of.Value, hint(nearest(of.Value, setNames[:])))
	}
	if len(c.schema.fields[set]) == 0 {
		return value{}, c.errorf(of, "nothing can be asked of %s here: fields begin with %s", set, strings.Join(c.schema.sets(), " or "))
	}
	i, ok := c.schema.Lookup(set, name.Value)
	if !ok {
		return value{}, c.noField(n, set, name.Value)
	}
	return fieldValue(set, i, c.schema.fields[set][i].Kind), nil
}

func hint(name string) string {
	if name == "" {
		return ""
	}
	return ": do you mean " + name + "?"
}

// maxNamed is how many fields a message names.
const maxNamed = 60

func (c *checker) noField(n ast.Node, set Set, name string) error {
	all := make([]string, 0, len(c.schema.byName[set]))
	for known := range c.schema.byName[set] {
		all = append(all, known)
	}
	slices.Sort(all)
	meant := nearest(name, all)
	if meant != "" {
		meant = path(set, meant)
	}
	for other := range sets {
		if _, ok := c.schema.Lookup(other, name); ok && meant == "" {
			meant = path(other, name)
		}
	}
	more := ""
	if len(all) > maxNamed {
		more = fmt.Sprintf(" and %d more", len(all)-maxNamed)
		all = all[:maxNamed]
	}
	return c.errorf(n, "%s has no field %q%s (there are %s%s)", set, name, hint(meant), strings.Join(all, ", "), more)
}

func (c *checker) unary(n *ast.UnaryNode) (value, error) {
	v, err := c.check(n.Node)
	if err != nil {
		return value{}, err
	}
	switch n.Operator {
	case "not", "!":
		if v.kind != Bool {
			return value{}, c.errorf(n, "not takes a yes or no, and this is %s: put what it is about in parentheses, as in not (item.price > 5)", v.kind.noun())
		}
		return value{kind: Bool, uses: v.uses, truth: not(v.truth)}, nil
	case "-", "+":
		if v.kind != Number {
			return value{}, c.errorf(n, "%s takes a number, not %s", n.Operator, v.kind.noun())
		}
		if x := v.number; n.Operator == "-" {
			v.number = func(r *Rows) float64 { return -x(r) }
		}
		v.known = nil
		return v, nil
	}
	return value{}, c.refused(n)
}

func (c *checker) binary(n *ast.BinaryNode) (value, error) {
	if n.Operator == "in" {
		return c.in(n)
	}
	l, err := c.check(n.Left)
	if err != nil {
		return value{}, err
	}
	r, err := c.check(n.Right)
	if err != nil {
		return value{}, err
	}
	out := value{kind: Bool, uses: l.uses | r.uses}
	switch n.Operator {
	case "and", "&&", "or", "||":
		out.truth, err = c.logic(n, l, r)
	case "==", "!=", "<", "<=", ">", ">=":
		out.truth, err = c.compare(n, l, r)
	case "contains", "startsWith", "endsWith":
		out.truth, err = c.search(n, l, r)
	case "matches":
		out.truth, err = c.matches(n, l, r)
	case "+", "-", "*", "/":
		out.kind, out.literal = Number, l.literal && r.literal
		out.number, err = c.arithmetic(n, l, r)
	default:
		return value{}, c.errorf(n, "%s is not part of filters: %s", n.Operator, allowed)
	}
	return out, err
}

func (c *checker) logic(n *ast.BinaryNode, l, r value) (truth, error) {
	for _, v := range []value{l, r} {
		if v.kind != Bool {
			return nil, c.errorf(n, "%s takes a yes or no on either side, not %s", n.Operator, v.kind.noun())
		}
	}
	if isAnd(n.Operator) {
		return and(l.truth, r.truth), nil
	}
	return or(l.truth, r.truth), nil
}

func (c *checker) compare(n *ast.BinaryNode, l, r value) (truth, error) {
	l, r, err := c.alike(n, l, r)
	if err != nil {
		return nil, err
	}
	equality := n.Operator == "==" || n.Operator == "!="
	switch {
	case l.kind == Strings:
		return nil, c.errorf(n, `lists are not compared: write "…" in item.tags`)
	case l.kind == Bool && !equality:
		return nil, c.errorf(n, "a yes or no is neither less nor more: write == or !=")
	case l.kind == Bool:
		return compareTruths(n.Operator == "==", l.truth, r.truth), nil
	case l.kind == String:
		return compareTexts(n.Operator, l.text, r.text), nil
	case r.literal:
		return compareWith(n.Operator, l.number, r.number(nil)), nil
	}
	return compareNumbers(n.Operator, l.number, r.number), nil
}

// alike makes both sides of a comparison of one kind: a text that is written out
// beside a day is one.
func (c *checker) alike(n *ast.BinaryNode, l, r value) (value, value, error) {
	var err error
	switch {
	case l.kind == Date && r.kind == String && r.literal:
		r, err = c.day(n.Right, r)
	case r.kind == Date && l.kind == String && l.literal:
		l, err = c.day(n.Left, l)
	case l.kind != r.kind && (l.kind == Date || r.kind == Date):
		err = c.errorf(n, `%s cannot be compared with %s: a day is written "2026-11-23"`, l.kind.noun(), r.kind.noun())
	case l.kind != r.kind:
		err = c.errorf(n, "%s cannot be compared with %s", l.kind.noun(), r.kind.noun())
	}
	return l, r, err
}

// day reads a day that is written out.
func (c *checker) day(n ast.Node, v value) (value, error) {
	t, err := time.Parse(time.DateOnly, v.text(nil))
	if err != nil {
		return value{}, c.errorf(n, "%q is not a day such as 2026-11-23", v.text(nil))
	}
	out := literalNumber(DayOf(t))
	out.kind = Date
	return out, nil
}

func (c *checker) search(n *ast.BinaryNode, l, r value) (truth, error) {
	if l.kind == Strings && n.Operator == "contains" {
		return nil, c.errorf(n, `contains looks into a text: for a list write "…" in %s`, n.Left)
	}
	for _, v := range []value{l, r} {
		if v.kind != String {
			return nil, c.errorf(n, "%s takes a text on either side, not %s", n.Operator, v.kind.noun())
		}
	}
	find := map[string]func(s, part string) bool{"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix}[n.Operator]
	return searchText(l.text, r.text, find), nil
}

func (c *checker) matches(n *ast.BinaryNode, l, r value) (truth, error) {
	pattern, ok := n.Right.(*ast.StringNode)
	switch {
	case l.kind != String:
		return nil, c.errorf(n, "matches takes a text, not %s", l.kind.noun())
	case !ok:
		return nil, c.errorf(n, "matches takes a pattern that is written out in quotation marks")
	}
	re, size, err := compilePattern(pattern.Value, maxPattern-c.patterns)
	if err != nil {
		return nil, c.errorf(pattern, "%s", err)
	}
	c.patterns += size
	return matchText(l.text, re), nil
}

func (c *checker) arithmetic(n *ast.BinaryNode, l, r value) (number, error) {
	for _, v := range []value{l, r} {
		if v.kind != Number {
			return nil, c.errorf(n, "%s takes numbers, not %s", n.Operator, v.kind.noun())
		}
	}
	return compute(n.Operator, l.number, r.number), nil
}

// in looks a value up in a list that is written out, or in a field that is one.
func (c *checker) in(n *ast.BinaryNode) (value, error) {
	l, err := c.check(n.Left)
	if err != nil {
		return value{}, err
	}
	if l.kind == Bool || l.kind == Strings {
		return value{}, c.errorf(n, "in looks for a text, a day or a number, not for %s", l.kind.noun())
	}
	if list, ok := n.Right.(*ast.ArrayNode); ok {
		t, err := c.inList(list, l)
		return value{kind: Bool, uses: l.uses, truth: t}, err
	}
	r, err := c.check(n.Right)
	if err != nil {
		return value{}, err
	}
	if r.kind != Strings || l.kind != String {
		return value{}, c.errorf(n, `in looks through a list such as ["tea", "coffee"], or for a text through a field that is one, such as item.tags`)
	}
	return value{kind: Bool, uses: l.uses | r.uses, truth: inTexts(l.text, r.texts)}, nil
}

func (c *checker) inList(list *ast.ArrayNode, l value) (truth, error) {
	if len(list.Nodes) == 0 || len(list.Nodes) > maxList {
		return nil, c.errorf(list, "the list has %d values: from 1 to %d are allowed", len(list.Nodes), maxList)
	}
	numbers, words := make(map[float64]bool), make(map[string]bool)
	for _, n := range list.Nodes {
		v, err := c.member(n, l.kind)
		switch {
		case err != nil:
			return nil, err
		case l.kind == String:
			words[v.text(nil)] = true
		default:
			numbers[v.number(nil)] = true
		}
	}
	if l.kind == String {
		return inWords(l.text, words), nil
	}
	return inNumbers(l.number, numbers), nil
}

// member checks a value of a list in which one of the kind is looked up.
func (c *checker) member(n ast.Node, kind Kind) (value, error) {
	v, err := c.check(n)
	switch {
	case err != nil:
		return value{}, err
	case !v.literal:
		return value{}, c.errorf(n, "a list holds texts or numbers that are written out, not fields")
	case kind == Date && v.kind == String:
		return c.day(n, v)
	case kind != v.kind:
		return value{}, c.errorf(n, "%s is never %s", kind.noun(), v.kind.noun())
	}
	return v, nil
}

// call knows known(field) and unknown(field).
func (c *checker) call(n *ast.CallNode) (value, error) {
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || name.Value != "known" && name.Value != "unknown" {
		return value{}, c.errorf(n, "this function is not part of filters: %s", allowed)
	}
	if len(n.Arguments) != 1 {
		return value{}, c.errorf(n, "%s takes one field, as in %s(item.price)", name.Value, name.Value)
	}
	v, err := c.check(n.Arguments[0])
	if err != nil {
		return value{}, err
	}
	if v.known == nil {
		return value{}, c.errorf(n.Arguments[0], "%s takes a field, as in %s(item.price)", name.Value, name.Value)
	}
	out := value{kind: Bool, uses: v.uses, truth: v.known}
	if name.Value == "unknown" {
		out.truth = not(v.known)
	}
	return out, nil
}
