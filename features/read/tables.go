package read

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"regulars/data"
	"regulars/features"
	"regulars/features/matrix"
)

// Table is a dense table of the features of customers or items.
type Table struct {
	IDs     []string      // ascending by byte, one a row of X
	X       *matrix.Dense // NaN = null, or the group has no row for the id
	Skipped []string      // columns that are no numbers, as group.column
}

// Users joins the named feature groups of customers at as_of. A row stands for
// every customer that some group has; columns are by group name, then as
// documented. None named means all that are present, labels left out, and the
// customers who have bought, whom group rfm lists: others, who have only signed up
// or browsed, have nothing to return to. A group without a table at as_of, and a
// column name that two groups share, are errors.
func Users(root string, groups []string, asOf data.Day) (*Table, error) {
	all := len(groups) == 0
	if all {
		var err error
		if groups, err = present(root, "user", asOf); err != nil {
			return nil, err
		}
	}
	groups = slices.Compact(slices.Sorted(slices.Values(groups)))
	parts := make([]*Table, len(groups))
	for i, g := range groups {
		var err error
		if parts[i], err = readTable(root, "user", g, asOf, "user_id"); err != nil {
			return nil, err
		}
	}
	buyers := slices.Index(groups, "rfm")
	if !all || buyers < 0 {
		return join(groups, parts, nil)
	}
	return join(groups, parts, parts[buyers].IDs)
}

// Items reads the sales of every item sold before as_of.
func Items(root string, asOf data.Day) (*Table, error) {
	return readTable(root, "item", "sales", asOf, "item_id")
}

// Texts reads a text column of a group of customers that has no nulls, and the
// ids that its values belong to.
func Texts(root, group, column string, asOf data.Day) (ids, values []string, err error) {
	f, err := openTable(root, "user", group, asOf)
	if err != nil {
		return nil, nil, err
	}
	defer f.close(&err)
	if ids, err = f.readKey("user_id"); err != nil {
		return nil, nil, err
	}
	c, err := f.readIDs(column)
	if err != nil {
		return nil, nil, err
	}
	values = make([]string, len(c.codes))
	for i, code := range c.codes {
		values[i] = c.ids[code]
	}
	return ids, values, nil
}

// LabelTable says what each customer did in the horizon after as_of.
type LabelTable struct {
	IDs     []string  // ascending by byte; all else one value an id
	Ordered []bool    // any order
	Orders  []float64 // distinct orders
	Spend   []float64 // currency units
}

// Labels reads a label table, named as by features.LabelGroup.
func Labels(root, group string, asOf data.Day) (*LabelTable, error) {
	t, err := readTable(root, "user", group, asOf, "user_id")
	if err != nil {
		return nil, err
	}
	column := func(name string) []float64 {
		j := slices.Index(t.X.Names, name)
		if j < 0 {
			err = errors.Join(err, fmt.Errorf("label table %s has no column %s", features.Path(root, "user", group, asOf), name))
			return nil
		}
		values := t.X.Column(j)
		if i := slices.IndexFunc(values, math.IsNaN); i >= 0 {
			err = errors.Join(err, fmt.Errorf("label table %s, column %s: row %d is null", features.Path(root, "user", group, asOf), name, i+1))
		}
		return values
	}
	out := &LabelTable{IDs: t.IDs, Orders: column("orders"), Spend: column("spend")}
	for _, v := range column("ordered") {
		out.Ordered = append(out.Ordered, v == 1)
	}
	return out, err
}

// present lists the feature groups of an entity that have a table at as_of.
func present(root, entity string, asOf data.Day) ([]string, error) {
	dirs, err := os.ReadDir(filepath.Join(root, entity))
	if err != nil {
		return nil, fmt.Errorf("list feature groups: %w", err)
	}
	var groups []string
	for _, d := range dirs {
		if strings.HasPrefix(d.Name(), features.LabelPrefix) {
			continue
		}
		if _, err := os.Stat(features.Path(root, entity, d.Name(), asOf)); err == nil {
			groups = append(groups, d.Name())
		}
	}
	if len(groups) == 0 {
		return nil, fmt.Errorf("no feature group of %s has a table at %s below %s: build features for that date first", entity, asOf, root)
	}
	return groups, nil
}

func openTable(root, entity, group string, asOf data.Day) (*file, error) {
	f, err := open(features.Path(root, entity, group, asOf))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("feature group %s/%s has no table at %s: build features for that date first: %w", entity, group, asOf, err)
	}
	return f, err
}

// readTable reads the numbers of one table whose only key is the named column.
func readTable(root, entity, group string, asOf data.Day, key string) (t *Table, err error) {
	f, err := openTable(root, entity, group, asOf)
	if err != nil {
		return nil, err
	}
	defer f.close(&err)
	t = &Table{}
	if t.IDs, err = f.readKey(key); err != nil {
		return nil, err
	}
	var names []string
	for _, field := range f.Schema().Fields() {
		switch {
		case field.Name() == key:
		case isNumber(field):
			names = append(names, field.Name())
		default:
			t.Skipped = append(t.Skipped, group+"."+field.Name())
		}
	}
	t.X = matrix.NewDense(len(t.IDs), names)
	for j, name := range names {
		values, err := f.readFloats(name)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			t.X.Data[i*len(names)+j] = v
		}
	}
	return t, nil
}

// isNumber reports whether a column is a plain number or boolean, not a date, a
// decimal or anything else that merely is stored as one.
func isNumber(field parquet.Field) bool {
	if !field.Leaf() || field.Repeated() {
		return false
	}
	if !isPlain(field.Type()) {
		return false
	}
	switch field.Type().Kind() {
	case parquet.Boolean, parquet.Int32, parquet.Int64, parquet.Float, parquet.Double:
		return true
	}
	return false
}

// isPlain reports whether a type has no annotation, or only that of an integer.
func isPlain(t parquet.Type) bool {
	if l := t.LogicalType(); l != nil && l.Value != nil {
		_, integer := l.Value.(*format.IntType)
		return integer
	}
	c := t.ConvertedType()
	return c == nil || *c >= deprecated.Uint8 && *c <= deprecated.Int64
}

// readKey reads ids that must be strictly ascending.
func (f *file) readKey(name string) ([]string, error) {
	c, err := f.readIDs(name)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(c.codes))
	for i, code := range c.codes {
		ids[i] = c.ids[code]
		if i > 0 && ids[i] <= ids[i-1] {
			return nil, fmt.Errorf("feature table %s, column %s: row %d (%q) does not come after row %d (%q): build it again", f.path, name, i+1, ids[i], i, ids[i-1])
		}
	}
	return ids, nil
}

// join puts the columns of the parts side by side, for the ids given, which are
// sorted, or else for every id of some part.
func join(groups []string, parts []*Table, rows []string) (*Table, error) {
	out := &Table{}
	var names, ids []string
	for i, p := range parts {
		for _, n := range p.X.Names {
			if slices.Contains(names, n) {
				return nil, fmt.Errorf("feature %s of group %s has the name of a feature of an earlier group: rename one", n, groups[i])
			}
			names = append(names, n)
		}
		ids = append(ids, p.IDs...)
		out.Skipped = append(out.Skipped, p.Skipped...)
	}
	if out.IDs = rows; rows == nil {
		out.IDs = slices.Compact(slices.Sorted(slices.Values(ids)))
	}
	out.X = matrix.NewDense(len(out.IDs), names)
	at := 0
	for _, p := range parts {
		place(out, p, at)
		at += p.X.Cols()
	}
	return out, nil
}

// place copies part into the columns of out from at on. Both are sorted by id.
func place(out, part *Table, at int) {
	r := 0
	for i, id := range out.IDs {
		row := out.X.Row(i)[at : at+part.X.Cols()]
		for r < len(part.IDs) && part.IDs[r] < id {
			r++
		}
		if r < len(part.IDs) && part.IDs[r] == id {
			copy(row, part.X.Row(r))
			r++
			continue
		}
		for j := range row {
			row[j] = math.NaN()
		}
	}
}
