package gbdt

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteText writes the model as LightGBM does, version v4. Column names are
// written with the bytes that LightGBM cannot hold (white space, commas, colons,
// quotes, brackets, control characters) as %XX; ReadText undoes it.
func (m *Model) WriteText(w io.Writer) error {
	trees := make([]string, len(m.Trees))
	sizes := make([]int, len(m.Trees))
	for i := range trees {
		trees[i] = fmt.Sprintf("Tree=%d\n%s\n\n", i, m.Trees[i].text())
		sizes[i] = len(trees[i])
	}
	out := bufio.NewWriter(w)
	out.WriteString(m.header(sizes))
	for _, t := range trees {
		out.WriteString(t)
	}
	out.WriteString("end of trees\n\n")
	out.WriteString(m.footer())
	if err := out.Flush(); err != nil {
		return fmt.Errorf("gbdt: write the model: %w", err)
	}
	return nil
}

func (m *Model) header(sizes []int) string {
	names := make([]string, len(m.Names))
	for j, name := range m.Names {
		names[j] = escape(name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "tree\nversion=v4\nnum_class=%d\nnum_tree_per_iteration=%d\nlabel_index=0\nmax_feature_idx=%d\n", m.Classes, m.Classes, len(names)-1)
	if m.Objective != "" {
		fmt.Fprintf(&b, "objective=%s\n", m.Objective)
	}
	if m.Average {
		b.WriteString("average_output\n")
	}
	fmt.Fprintf(&b, "feature_names=%s\nfeature_infos=%s\n", strings.Join(names, " "), strings.Join(m.Infos, " "))
	fmt.Fprintf(&b, "tree_sizes=%s\n\n", joined(sizes, strconv.Itoa))
	return b.String()
}

// footer names how often each column is split, as LightGBM does.
func (m *Model) footer() string {
	uses := make([]int, len(m.Names))
	for i := range m.Trees {
		for _, f := range m.Trees[i].Feature {
			uses[f]++
		}
	}
	var b strings.Builder
	b.WriteString("feature_importances:\n")
	for j, n := range uses {
		if n > 0 {
			fmt.Fprintf(&b, "%s=%d\n", escape(m.Names[j]), n)
		}
	}
	b.WriteString("\nparameters:\n\nend of parameters\n\npandas_categorical:null\n")
	return b.String()
}

// text is the block of a tree without its number.
func (t *Tree) text() string {
	var b strings.Builder
	line := func(name, value string) { b.WriteString(name + "=" + value + "\n") }
	line("num_leaves", strconv.Itoa(len(t.LeafValue)))
	line("num_cat", strconv.Itoa(max(0, len(t.CatBoundaries)-1)))
	line("split_feature", joined(t.Feature, whole))
	line("split_gain", joined(t.Gain, decimal))
	line("threshold", joined(t.Threshold, decimal))
	line("decision_type", joined(t.Decision, whole))
	line("left_child", joined(t.Left, whole))
	line("right_child", joined(t.Right, whole))
	line("leaf_value", joined(t.LeafValue, decimal))
	line("leaf_weight", joined(t.LeafWeight, decimal))
	line("leaf_count", joined(t.LeafCount, whole))
	line("internal_value", joined(t.InternalValue, decimal))
	line("internal_weight", joined(t.InternalWeight, decimal))
	line("internal_count", joined(t.InternalCount, whole))
	if len(t.CatBoundaries) > 1 {
		line("cat_boundaries", joined(t.CatBoundaries, whole))
		line("cat_threshold", joined(t.CatBits, whole))
	}
	line("is_linear", "0")
	line("shrinkage", decimal(t.Shrinkage))
	return b.String()
}

func whole[T int32 | uint32 | uint8](v T) string { return strconv.FormatInt(int64(v), 10) }

func joined[T any](values []T, text func(T) string) string {
	var b strings.Builder
	for i, v := range values {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(text(v))
	}
	return b.String()
}

// special reports whether a byte of a column name must be written as %XX.
func special(c byte) bool { return c <= ' ' || c == 127 || strings.IndexByte(`%,:"[]{}=`, c) >= 0 }

// escape makes a column name one word; the empty name is a lone %.
func escape(name string) string {
	if name == "" {
		return "%"
	}
	var b strings.Builder
	for i := range len(name) {
		if special(name[i]) {
			fmt.Fprintf(&b, "%%%02X", name[i])
			continue
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// unescape undoes escape and leaves every other % as it is.
func unescape(word string) string {
	if word == "%" {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] == '%' && i+2 < len(word) {
			c, err := strconv.ParseUint(word[i+1:i+3], 16, 8)
			if err == nil && special(byte(c)) && strings.ToUpper(word[i+1:i+3]) == word[i+1:i+3] {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(word[i])
	}
	return b.String()
}
