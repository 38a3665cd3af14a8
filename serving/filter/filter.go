package filter

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// Limits of a filter.
const (
	MaxSource  = 4 << 10 // bytes
	maxNodes   = 1000
	maxList    = 500
	maxPattern = 250 // instructions of all patterns together, roughly: they cost more than all else
)

// Filter is a compiled filter. It is safe for concurrent use.
type Filter struct {
	conjuncts []conjunct
	uses      uses
}

// A conjunct is one of the parts that must all be true.
type conjunct struct {
	test truth
	uses uses
}

// Compile reads a filter and checks it against the schema. Errors are *Error,
// for they all have a place.
func Compile(source string, schema *Schema) (*Filter, error) {
	tree, err := parse(source)
	if err != nil {
		return nil, err
	}
	c := &checker{source: source, schema: schema}
	f := &Filter{}
	if err := f.add(c, tree.Node); err != nil {
		return nil, err
	}
	return f, nil
}

// CheckSyntax refuses what is no filter whatever fields there are, for those who
// have no schema yet.
func CheckSyntax(source string) error {
	_, err := parse(source)
	return err
}

func parse(source string) (*parser.Tree, error) {
	if err := checkSource(source); err != nil {
		return nil, err
	}
	tree, err := parser.Parse(source)
	if err != nil {
		return nil, syntaxError(source, err)
	}
	return tree, nil
}

func checkSource(source string) error {
	switch {
	case len(source) > MaxSource:
		return errorAt(source[:MaxSource], MaxSource, "the filter has %d bytes: at most %d are allowed", len(source), MaxSource)
	case !utf8.ValidString(source):
		bad := strings.IndexRune(strings.ToValidUTF8(source, "\x00"), 0)
		return errorAt(source, utf8.RuneCountInString(source[:max(0, bad)]), "the filter is not valid UTF-8")
	case strings.TrimSpace(source) == "":
		return errorAt(source, 0, "the filter is empty: leave it out to let everything pass")
	}
	return nil
}

// syntaxError says in our way what the parser found.
func syntaxError(source string, err error) error {
	var at *file.Error
	if !errors.As(err, &at) {
		return errorAt(source, 0, "the filter cannot be read: %s", err)
	}
	return errorAt(source, at.From, "the filter cannot be read: %s", reworded(at.Message))
}

// add splits at the outermost ands.
func (f *Filter) add(c *checker, n ast.Node) error {
	if b, ok := n.(*ast.BinaryNode); ok && isAnd(b.Operator) {
		if err := f.add(c, b.Left); err != nil {
			return err
		}
		return f.add(c, b.Right)
	}
	v, err := c.check(n)
	if err != nil {
		return err
	}
	if v.kind != Bool {
		return c.errorf(n, "a filter says yes or no, this is %s", v.kind.noun())
	}
	f.conjuncts = append(f.conjuncts, conjunct{v.truth, v.uses})
	f.uses |= v.uses
	return nil
}

func isAnd(operator string) bool { return operator == "and" || operator == "&&" }

// Match reports whether the rows pass. It allocates nothing; r may be used again.
func (f *Filter) Match(r *Rows) bool {
	for i := range f.conjuncts {
		if f.conjuncts[i].test(r) != Yes {
			return false
		}
	}
	return true
}

// Empty reports whether everything passes because nothing is asked.
func (f *Filter) Empty() bool { return len(f.conjuncts) == 0 }

// Uses reports whether the filter asks anything of the set.
func (f *Filter) Uses(set Set) bool { return f.uses.has(set) }

// ItemOnly is the part of the filter that asks of items alone, or of nothing: for
// an item it is the same whoever asks. Rows pass f if they pass ItemOnly,
// UserOnly and Rest.
func (f *Filter) ItemOnly() *Filter {
	return f.part(func(u uses) bool { return u == 0 || u == 1<<Item })
}

// UserOnly is the part that asks of the customer and their scores alone.
func (f *Filter) UserOnly() *Filter {
	return f.part(func(u uses) bool { return u != 0 && !u.has(Item) })
}

// Rest is the part that asks of both.
func (f *Filter) Rest() *Filter {
	return f.part(func(u uses) bool { return u.has(Item) && u != 1<<Item })
}

func (f *Filter) part(of func(uses) bool) *Filter {
	out := &Filter{}
	for _, c := range f.conjuncts {
		if of(c.uses) {
			out.conjuncts = append(out.conjuncts, c)
			out.uses |= c.uses
		}
	}
	return out
}

// uses is which sets are asked of, a bit each.
type uses uint8

func (u uses) has(set Set) bool { return u&(1<<set) != 0 }
