package audience

import (
	"math"
	"slices"
	"strings"
	"time"

	"regulars/serving"
	"regulars/serving/filter"
)

// Column is a column of what is written.
type Column struct {
	Name  string
	Kind  filter.Kind // String, Number, Bool or Date
	Title string      // in Chinese
}

// Cell is a value of a column; which field counts is said by its kind.
type Cell struct {
	Known bool
	Text  string
	Num   float64 // of a Date the days since 1970
	Yes   bool
}

func textCell(s string) Cell { return Cell{Known: s != "", Text: s} }

// Names of the columns that are not fields.
const (
	columnUserID    = "user_id"
	columnCurrency  = "currency"
	columnReasons   = "reasons"
	columnStageText = "stage_text"
	columnAsOf      = "as_of"
	columnChange    = "change"
)

// A source of a column makes its cells.
type source struct {
	Column
	cell func(*customer) Cell
}

// own are the columns that are not fields of filters.
func (p *plan) own(name string) (source, bool) {
	info := p.held.Info()
	switch name {
	case columnUserID:
		return source{Column{name, filter.String, "客户编号"}, func(c *customer) Cell { return textCell(c.user.ID) }}, true
	case columnCurrency:
		return source{Column{name, filter.String, "货币"}, func(*customer) Cell { return textCell(info.Currency) }}, true
	case columnReasons:
		return source{Column{name, filter.String, "原因"}, func(c *customer) Cell { return textCell(p.reasons(c)) }}, true
	case columnStageText:
		return source{Column{name, filter.String, "生命周期阶段名称"}, func(c *customer) Cell {
			if c.user.Scores == nil {
				return Cell{}
			}
			return textCell(p.held.Stage(c.user.Scores, p.spec.Lang))
		}}, true
	case columnAsOf:
		asOf := filter.DayOf(p.held.AsOf)
		return source{Column{name, filter.Date, "数据日期"}, func(*customer) Cell { return Cell{Known: true, Num: asOf} }}, true
	}
	return source{}, false
}

func (p *plan) reasons(c *customer) string {
	if c.user.Scores == nil {
		return ""
	}
	var words []string
	for _, r := range p.held.Reasons(c.user.Scores, p.spec.Lang) {
		words = append(words, r.Text)
	}
	separator := "; "
	if p.spec.Lang == serving.Chinese {
		separator = "；"
	}
	return strings.Join(words, separator)
}

// field is a column that is a field of filters.
func field(set filter.Set, i int, f filter.Field) source {
	row := func(c *customer) filter.Row { return c.rows.User }
	if set == filter.Score {
		row = func(c *customer) filter.Row { return c.rows.Score }
	}
	return source{Column{f.Name, f.Kind, f.DocZh}, func(c *customer) Cell { return cellOf(row(c), i, f.Kind) }}
}

func cellOf(row filter.Row, i int, kind filter.Kind) Cell {
	switch kind {
	case filter.Number, filter.Date:
		if x := row.Number(i); !math.IsNaN(x) {
			return Cell{Known: true, Num: x}
		}
		return Cell{}
	case filter.Bool:
		t := row.Truth(i)
		return Cell{Known: t != filter.Unknown, Yes: t == filter.Yes}
	}
	return textCell(row.Text(i))
}

// alias is the column of the ids that a source knows customers by; several are
// joined by semicolons.
func alias(name string) source {
	return source{Column{name, filter.String, name}, func(c *customer) Cell {
		var ids []string
		for _, a := range c.user.Aliases {
			if a.Source == name {
				ids = append(ids, a.ID)
			}
		}
		return textCell(strings.Join(ids, ";"))
	}}
}

// lookup finds a field by its path, such as score.lapsed, or by its name alone, which
// is first looked for among scores.
func lookup(schema *filter.Schema, name string) (set filter.Set, i int, ok bool) {
	for _, set := range []filter.Set{filter.Score, filter.User} {
		if rest, is := strings.CutPrefix(name, set.String()+"."); is {
			if i, ok := schema.Lookup(set, rest); ok {
				return set, i, true
			}
		}
	}
	for _, set := range []filter.Set{filter.Score, filter.User} {
		if i, ok := schema.Lookup(set, name); ok {
			return set, i, true
		}
	}
	return 0, 0, false
}

// choose makes the columns out: the id first, then the aliases, then the others.
func (p *plan) choose(schema *filter.Schema) error {
	id, _ := p.own(columnUserID)
	chosen := []source{id}
	for _, name := range p.spec.IDs {
		chosen = append(chosen, alias(name))
	}
	names := p.spec.Columns
	if len(names) == 0 {
		names = p.usual(schema)
	}
	for _, name := range names {
		s, ok := p.column(schema, name)
		if !ok {
			return wrong("columns", "there is no column %q: there are %s", name, strings.Join(p.usual(schema), ", "))
		}
		if s.Name != columnUserID {
			chosen = append(chosen, s)
		}
	}
	for _, s := range chosen {
		if slices.ContainsFunc(p.columns, func(c Column) bool { return c.Name == s.Name }) || s.Name == columnChange {
			return wrong("columns", "two columns would be named %q: leave one of them, or of ids, out", s.Name)
		}
		p.columns, p.values = append(p.columns, s.Column), append(p.values, s.cell)
	}
	return nil
}

func (p *plan) column(schema *filter.Schema, name string) (source, bool) {
	if s, ok := p.own(name); ok {
		return s, true
	}
	set, i, ok := lookup(schema, name)
	if !ok {
		return source{}, false
	}
	f := schema.Fields(set)[i]
	if set == filter.User && i == filter.UserID {
		return p.own(columnUserID)
	}
	return field(set, i, f), true
}

// usual are all columns but the id: scores, profile, day. A column of the profile
// that goes by the name of a score, which says the same, is left out.
func (p *plan) usual(schema *filter.Schema) []string {
	var out []string
	add := func(names ...string) {
		for _, n := range names {
			if !slices.Contains(out, n) && !slices.Contains(p.spec.IDs, n) && n != columnChange && n != columnUserID {
				out = append(out, n)
			}
		}
	}
	for i, f := range schema.Fields(filter.Score) {
		if add(f.Name); i == filter.ScoreValueAtRisk {
			add(columnCurrency)
		}
		if i == filter.ScoreStage {
			add(columnStageText)
		}
	}
	add(columnReasons)
	for _, f := range p.held.Info().UserFields {
		if _, told := schema.Lookup(filter.Score, f.Name); !told {
			add(f.Name)
		}
	}
	add(columnAsOf)
	return out
}

// cells fills in what is told of a customer.
func (p *plan) cells(c *customer, into []Cell) []Cell {
	for _, value := range p.values {
		into = append(into, value(c))
	}
	return into
}

// day is a Date's text.
func day(days float64) string {
	return time.Unix(int64(days)*24*60*60, 0).UTC().Format(time.DateOnly)
}
