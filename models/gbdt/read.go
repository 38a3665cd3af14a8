package gbdt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// maxLine bounds the memory that one line of a damaged file can take.
const maxLine = 64 << 20

// ReadText reads a model in LightGBM's text format, of versions v2 to v4. Anything
// that does not fit gives an error that names the line. Trees with linear models in
// their leaves are refused. The parameters behind the trees are not read.
func ReadText(r io.Reader) (*Model, error) {
	p := &parser{in: bufio.NewReaderSize(r, 1<<16)}
	m, err := p.model()
	if err != nil {
		return nil, fmt.Errorf("gbdt: line %d of the model: %w", p.line, err)
	}
	return New(*m)
}

type parser struct {
	in   *bufio.Reader
	line int
}

// next returns a line without its end.
func (p *parser) next() (string, error) {
	p.line++
	var text []byte
	for {
		part, err := p.in.ReadSlice('\n')
		if len(text)+len(part) > maxLine {
			return "", fmt.Errorf("longer than %d bytes", maxLine)
		}
		text = append(text, part...)
		if err == nil {
			return strings.TrimRight(string(text), "\r\n"), nil
		}
		if errors.Is(err, io.EOF) {
			return "", errors.New("the file ends before \"end of trees\": it is cut short")
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
	}
}

func (p *parser) model() (*Model, error) {
	first, err := p.next()
	if err != nil {
		return nil, err
	}
	if first != "tree" {
		return nil, fmt.Errorf("%q is not the beginning of a LightGBM model, which is \"tree\"", clipped(first))
	}
	header, err := p.block()
	if err != nil {
		return nil, err
	}
	m, sizes, err := header.model()
	if err != nil {
		return nil, err
	}
	return m, p.trees(m, sizes)
}

// trees reads the blocks up to "end of trees".
func (p *parser) trees(m *Model, sizes int) error {
	for {
		title, err := p.next()
		switch {
		case err != nil:
			return err
		case title == "":
			continue
		case title == "end of trees":
			if sizes >= 0 && sizes != len(m.Trees) {
				return fmt.Errorf("%d trees, the header names %d", len(m.Trees), sizes)
			}
			return nil
		case title != "Tree="+strconv.Itoa(len(m.Trees)):
			return fmt.Errorf("%q, want Tree=%d or \"end of trees\"", clipped(title), len(m.Trees))
		}
		block, err := p.block()
		if err != nil {
			return err
		}
		t, err := block.tree()
		if err == nil {
			err = t.check(len(m.Names))
		}
		if err != nil {
			return fmt.Errorf("tree %d, which ends here: %w", len(m.Trees), err)
		}
		m.Trees = append(m.Trees, *t)
	}
}

// block is the values of lines "name=value" up to an empty line.
type block map[string]string

func (p *parser) block() (block, error) {
	b := block{}
	for {
		line, err := p.next()
		if err != nil {
			return nil, err
		}
		if line == "" {
			return b, nil
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok && name != "average_output" {
			return nil, fmt.Errorf("%q is not name=value", clipped(line))
		}
		if _, twice := b[name]; twice {
			return nil, fmt.Errorf("%q comes twice", clipped(name))
		}
		b[name] = value
	}
}

// words splits at spaces only: names may hold every other kind.
func words(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool { return r == ' ' })
}

func clipped(s string) string { return s[:min(len(s), 40)] }

// model reads the header; sizes is the number of trees it names, −1 for none.
func (b block) model() (m *Model, sizes int, err error) {
	if v := b["version"]; v != "v2" && v != "v3" && v != "v4" {
		return nil, 0, fmt.Errorf("version %q: v2, v3 and v4 can be read", clipped(v))
	}
	m = &Model{Objective: b["objective"]}
	_, m.Average = b["average_output"]
	names := words(b["feature_names"])
	for i, name := range names {
		names[i] = unescape(name)
	}
	m.Names = names
	last, err := b.number("max_feature_idx")
	if err != nil {
		return nil, 0, err
	}
	if last != len(names)-1 || len(names) == 0 {
		return nil, 0, fmt.Errorf("%d feature_names, max_feature_idx is %d", len(names), last)
	}
	if m.Classes, err = b.number("num_tree_per_iteration"); err != nil {
		return nil, 0, err
	}
	if m.Classes < 1 || m.Classes > 100_000 {
		return nil, 0, fmt.Errorf("num_tree_per_iteration is %d", m.Classes)
	}
	if m.Infos = words(b["feature_infos"]); len(m.Infos) != len(names) {
		return nil, 0, fmt.Errorf("%d feature_infos for %d features", len(m.Infos), len(names))
	}
	if _, err := newLink(m.Objective); err != nil {
		return nil, 0, err
	}
	sizes = -1
	if text, ok := b["tree_sizes"]; ok {
		sizes = len(words(text))
	}
	return m, sizes, nil
}

func (b block) number(name string) (int, error) {
	v, err := strconv.Atoi(b[name])
	if err != nil {
		return 0, fmt.Errorf("%s is %q: it must be a whole number", name, clipped(b[name]))
	}
	return v, nil
}

// tree reads the block of a tree.
func (b block) tree() (*Tree, error) {
	if linear := b["is_linear"]; linear != "" && linear != "0" {
		return nil, errors.New("linear models in the leaves (is_linear) are not supported")
	}
	f := fields{block: b}
	t := &Tree{
		Feature: whole32(&f, "split_feature"), Left: whole32(&f, "left_child"), Right: whole32(&f, "right_child"),
		Threshold: f.floats("threshold"), LeafValue: f.floats("leaf_value"),
		CatBoundaries: whole32(&f, "cat_boundaries"), CatBits: parsed(&f, "cat_threshold", unsigned[uint32](32)),
		Decision: parsed(&f, "decision_type", unsigned[uint8](8)), Gain: f.floats("split_gain"),
		InternalValue: f.floats("internal_value"), InternalWeight: f.floats("internal_weight"), InternalCount: whole32(&f, "internal_count"),
		LeafWeight: f.floats("leaf_weight"), LeafCount: whole32(&f, "leaf_count"), Shrinkage: 1,
	}
	if f.err != nil {
		return nil, f.err
	}
	if text, ok := b["shrinkage"]; ok {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("shrinkage is %q", clipped(text))
		}
		t.Shrinkage = v
	}
	if n, err := b.number("num_leaves"); err != nil || n != len(t.LeafValue) {
		return nil, fmt.Errorf("num_leaves is %q, there are %d leaf values", clipped(b["num_leaves"]), len(t.LeafValue))
	}
	t.fill()
	return t, nil
}

// fill writes zeros for what older versions, and trees of one leaf, leave out.
func (t *Tree) fill() {
	nodes, leaves := len(t.Feature), len(t.LeafValue)
	absent(&t.Gain, nodes)
	absent(&t.Decision, nodes)
	absent(&t.InternalValue, nodes)
	absent(&t.InternalWeight, nodes)
	absent(&t.InternalCount, nodes)
	absent(&t.LeafWeight, leaves)
	absent(&t.LeafCount, leaves)
}

func absent[T any](values *[]T, n int) {
	if len(*values) == 0 {
		*values = make([]T, n)
	}
}

// fields reads lists of numbers and keeps the first error.
type fields struct {
	block block
	err   error
}

func parsed[T any](f *fields, name string, parse func(string) (T, error)) []T {
	list := words(f.block[name])
	if len(list) == 0 {
		return nil
	}
	out := make([]T, 0, len(list))
	for i, word := range list {
		v, err := parse(word)
		if err != nil && f.err == nil {
			f.err = fmt.Errorf("%s: number %d is %q", name, i+1, clipped(word))
		}
		out = append(out, v)
	}
	return out
}

func whole32(f *fields, name string) []int32 {
	return parsed(f, name, func(word string) (int32, error) {
		v, err := strconv.ParseInt(word, 10, 32)
		return int32(v), err
	})
}

func unsigned[T uint8 | uint32](bits int) func(string) (T, error) {
	return func(word string) (T, error) {
		v, err := strconv.ParseUint(word, 10, bits)
		return T(v), err
	}
}

// floats takes an infinity for the largest number, as LightGBM writes it.
func (f *fields) floats(name string) []float64 {
	return parsed(f, name, func(word string) (float64, error) {
		v, err := strconv.ParseFloat(word, 64)
		if math.IsNaN(v) || err != nil && !math.IsInf(v, 0) {
			return 0, errors.New("not a number")
		}
		return max(-math.MaxFloat64, min(v, math.MaxFloat64)), nil
	})
}
