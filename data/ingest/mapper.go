package ingest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"regulars/data"
	"regulars/data/lake"
)

// mapper turns the rows of one file into rows of a table.
type mapper struct {
	schema  data.Schema // the contract, then the extra columns of this file
	columns []target    // one a column of schema
	signed  bool        // orders without is_return: a negative quantity is a return
	orders  *orderColumns
	arena   data.Row // the cells of a batch, reused
	rows    []data.Row
	numbers []int64
	origins []int // of each row, its place in the batch
}

// target says where a column of the table comes from.
type target struct {
	from    int // column of the file; -1: absent
	convert converter
}

// orderColumns are the places of what the rule about returns reads.
type orderColumns struct{ quantity, isReturn int }

func newMapper(s data.Schema, mapping map[string]string, f foreign) (*mapper, error) {
	m := &mapper{schema: s, columns: make([]target, len(s.Columns))}
	if s.Table == data.Orders {
		m.orders = &orderColumns{s.Index("quantity"), s.Index("is_return")}
	}
	used := make([]bool, len(f.names()))
	for i, c := range s.Columns {
		from, err := find(c.Name, mapping, f)
		if err != nil {
			return nil, err
		}
		if from >= 0 {
			used[from] = true
		}
		if err := m.set(i, from, f); err != nil {
			return nil, err
		}
	}
	if err := m.checkMissing(f); err != nil {
		return nil, err
	}
	if err := m.addNamed(mapping, f, used); err != nil {
		return nil, err
	}
	return m, m.addRest(f, used)
}

// find returns the file's column for a lake column, or -1.
func find(column string, mapping map[string]string, f foreign) (int, error) {
	if header, ok := mapping[column]; ok {
		i := slices.Index(f.names(), header)
		if i < 0 {
			return 0, fmt.Errorf("%s has no column %q, which was named for %s; its columns are %s", f.path(), header, column, list(f.names()))
		}
		return i, nil
	}
	if i := slices.Index(f.names(), column); i >= 0 {
		return i, nil
	}
	return slices.IndexFunc(f.names(), func(h string) bool { return snake(h) == column }), nil
}

func list(names []string) string { return strings.Join(names, ", ") }

// checkMissing names all required columns that the file lacks. Orders may come
// without is_return: then the sign of the quantity says it.
func (m *mapper) checkMissing(f foreign) error {
	var missing, options []string
	for i, c := range m.schema.Columns {
		switch {
		case !c.Required || m.columns[i].from >= 0:
		case m.orders != nil && i == m.orders.isReturn:
			m.signed = true
		default:
			missing = append(missing, c.Name)
			options = append(options, c.Name+"=Header")
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%s has no column for %s, which table %s needs; its columns are %s: say which to take with --map %s",
		f.path(), list(missing), m.schema.Table, list(f.names()), strings.Join(options, ","))
}

// set fixes where column i comes from.
func (m *mapper) set(i, from int, f foreign) error {
	c := m.schema.Columns[i]
	m.columns[i] = target{from: from}
	if from < 0 {
		return nil
	}
	convert := converterOf(f.kinds()[from], c.Kind)
	if convert == nil {
		return fmt.Errorf("%s: column %q is %s, which cannot become the %s that %s is", f.path(), f.names()[from], f.types()[from], c.Kind, c.Name)
	}
	if m.identifies(i) {
		convert = trimmed(convert)
	}
	m.columns[i].convert = convert
	return nil
}

// identifies reports whether column i of the contract says which thing a row is
// about: an id, or a text of the key, such as the source of an identity.
func (m *mapper) identifies(i int) bool {
	c := m.schema.Columns[i]
	contract, _ := data.SchemaOf(m.schema.Table)
	return i < len(contract.Columns) && c.Kind == data.KindString && (c.IsID() || slices.Contains(contract.Key, c.Name))
}

// addNamed adds the extra columns that the mapping names.
func (m *mapper) addNamed(mapping map[string]string, f foreign, used []bool) error {
	for _, name := range slices.Sorted(maps.Keys(mapping)) {
		if m.schema.Index(name) >= 0 {
			continue
		}
		if name == "" || snake(name) != name {
			return fmt.Errorf("%q cannot be a column name: use lower-case letters, digits and _", name)
		}
		from, err := find(name, mapping, f)
		if err != nil {
			return err
		}
		used[from] = true
		if err := m.addExtra(name, from, f); err != nil {
			return err
		}
	}
	return nil
}

// addRest keeps every column of the file that nothing has used.
func (m *mapper) addRest(f foreign, used []bool) error {
	for i, header := range f.names() {
		if used[i] {
			continue
		}
		if err := m.addExtra(m.freeName(header, i), i, f); err != nil {
			return err
		}
	}
	return nil
}

// freeName is the snake case of a header, numbered when it is taken.
func (m *mapper) freeName(header string, i int) string {
	name := snake(header)
	if name == "" {
		name = "column_" + strconv.Itoa(i+1)
	}
	free := name
	for n := 2; m.schema.Index(free) >= 0; n++ {
		free = name + "_" + strconv.Itoa(n)
	}
	return free
}

func (m *mapper) addExtra(name string, from int, f foreign) error {
	m.schema = m.schema.WithExtra(data.Column{Name: name, Kind: f.kinds()[from]})
	m.columns = append(m.columns, target{})
	return m.set(len(m.columns)-1, from, f)
}

// take brings a batch in.
func (m *mapper) take(im *lake.Import, b *batch) error {
	table := m.schema.Table
	for _, bad := range b.bad {
		if err := im.Reject(table, b.path, bad.number, bad.reason, bad.raw); err != nil {
			return err
		}
	}
	m.begin(len(b.rows))
	for i, row := range b.rows {
		out, reason := m.row(i, row)
		if reason != "" {
			if err := im.Reject(table, b.path, b.numbers[i], reason, b.raw(i)); err != nil {
				return err
			}
			continue
		}
		m.rows = append(m.rows, out)
		m.numbers = append(m.numbers, b.numbers[i])
		m.origins = append(m.origins, i)
	}
	return im.Write(lake.Batch{Schema: m.schema, Source: b.path, Rows: m.rows, Numbers: m.numbers,
		Raw: func(i int) string { return b.raw(m.origins[i]) }})
}

func (m *mapper) begin(rows int) {
	if need := rows * len(m.columns); cap(m.arena) < need {
		m.arena = make(data.Row, need)
	}
	m.rows, m.numbers, m.origins = m.rows[:0], m.numbers[:0], m.origins[:0]
}

// row converts row i of a batch, or says why it cannot.
func (m *mapper) row(i int, in data.Row) (data.Row, string) {
	w := len(m.columns)
	out := m.arena[i*w : (i+1)*w : (i+1)*w]
	for c, t := range m.columns {
		out[c] = data.Null
		if t.from < 0 || in[t.from].IsNull() {
			continue
		}
		v, err := t.convert(in[t.from])
		if err != nil {
			return nil, m.schema.Columns[c].Name + " " + err.Error()
		}
		out[c] = v
	}
	if m.orders != nil {
		m.orders.markReturn(out, m.signed)
	}
	return out, ""
}

// markReturn gives returns a positive quantity. Where the file has no
// is_return, the sign of the quantity says what is one; where it has, a
// negative quantity is only believed of a return.
func (o *orderColumns) markReturn(row data.Row, signed bool) {
	q := row[o.quantity]
	if q.IsNull() {
		return
	}
	if signed {
		row[o.isReturn] = data.Bool(q.Int() < 0)
	}
	if q.Int() < 0 && row[o.isReturn].Bool() {
		row[o.quantity] = data.Int(-q.Int())
	}
}

// snake returns the lower snake case of a header: "Customer ID" and
// "CustomerID" become customer_id.
func snake(header string) string {
	var b strings.Builder
	var last rune
	for _, r := range header {
		switch {
		case unicode.IsUpper(r) && (unicode.IsLower(last) || unicode.IsDigit(last)):
			b.WriteByte('_')
			b.WriteRune(unicode.ToLower(r))
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			b.WriteRune(unicode.ToLower(r))
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
		last = r
	}
	return strings.TrimRight(b.String(), "_")
}
