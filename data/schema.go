package data

import (
	"slices"
	"strings"
)

// Table names one table of the lake, which is also its folder below lake/.
type Table string

// The tables a shop may bring. Only Orders is required.
const (
	Orders     Table = "orders"     // a row an order line
	Events     Table = "events"     // what shoppers saw and did
	Items      Table = "items"      // the catalogue, by validity
	Users      Table = "users"      // registered customers, by validity
	Consents   Table = "consents"   // permission to write, by channel
	Contacts   Table = "contacts"   // messages sent, or withheld from the control arm
	Promotions Table = "promotions" // discounts, bundles, gifts, by period
	Feedback   Table = "feedback"   // scores and complaints
	Identities Table = "identities" // several ids of one person
)

// Kind is the type of a column.
type Kind uint8

// The kinds of values a lake column can hold, with their Parquet form.
const (
	KindNull   Kind = iota // no value; never the kind of a column
	KindString             // UTF-8 string
	KindInt                // int64
	KindFloat              // double; never NaN or infinite
	KindBool               // boolean
	KindTime               // timestamp, UTC, microseconds
	KindMoney              // DECIMAL(18,4), int64
	KindList               // list of strings
)

var kindNames = [...]string{"null", "string", "int64", "double", "bool", "timestamp", "money", "list of strings"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown kind"
}

// Column is one column of a table.
type Column struct {
	Name     string
	Kind     Kind
	Required bool // the column must exist and every row must have a value
	Positive bool // values at or below zero are bad rows (quantity)
	NotBelow bool // values below zero are bad rows (prices)
}

// IsID reports whether the column holds an id: at most MaxIDBytes long, and
// without white space around it when it comes from outside.
func (c *Column) IsID() bool { return c.Name == "alias" || strings.HasSuffix(c.Name, "_id") }

// Schema lists the columns of a table in the order in which a Row holds them,
// and the columns that make two rows the same.
type Schema struct {
	Table   Table
	Columns []Column
	Key     []string // duplicate = same values here; empty means all columns of the contract
	KeyIfBy string   // when set, Key applies only to rows that have this column; others compare in full
	// Across are the columns by which a row without KeyIfBy and one that has it are
	// the same, where the lake has the one and is given the other: an order told as it
	// happens has numbered lines, and the export that follows may have none. Empty:
	// they never are.
	Across []string
	// Supersede says that a row without KeyIfBy takes the place of the earlier
	// such row of the same Key: it is a duplicate only while it equals the newest
	// of them in all columns of the contract.
	Supersede bool
}

// Index returns the position of the named column, or -1.
func (s Schema) Index(name string) int {
	return slices.IndexFunc(s.Columns, func(c Column) bool { return c.Name == name })
}

// WithExtra returns a copy of s with further columns behind its own. Extra
// columns are kept as they come and never required.
func (s Schema) WithExtra(extra ...Column) Schema {
	s.Columns = append(slices.Clone(s.Columns), extra...)
	return s
}

// ColumnNames returns the names of all columns in order.
func (s Schema) ColumnNames() []string {
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = c.Name
	}
	return names
}

// columns reads a compact list such as "order_id! line_number:int ts!:time":
// "!" marks a required column, "+" one that must be above 0, "0" one that must
// not be below; the default kind is string.
func columns(spec string) []Column {
	var out []Column
	for _, word := range strings.Fields(spec) {
		name, kind, _ := strings.Cut(word, ":")
		c := Column{Kind: kindOf(kind)}
		c.Positive = strings.Contains(name, "+")
		c.NotBelow = strings.Contains(name, "0")
		c.Required = strings.Contains(name, "!")
		c.Name = strings.TrimRight(name, "!+0")
		out = append(out, c)
	}
	return out
}

func kindOf(word string) Kind {
	switch word {
	case "":
		return KindString
	case "int":
		return KindInt
	case "float":
		return KindFloat
	case "bool":
		return KindBool
	case "time":
		return KindTime
	case "money":
		return KindMoney
	case "list":
		return KindList
	}
	panic("data: unknown kind in a column list: " + word)
}

var schemas = []Schema{
	{Table: Orders, Key: []string{"order_id", "line_number"}, KeyIfBy: "line_number", Across: []string{"order_id", "item_id", "is_return"},
		Columns: columns("order_id! line_number:int user_id! item_id! ts!:time quantity!+:int unit_price!0:money is_return!:bool " +
			"channel store host_id live_id discount:money currency")},
	{Table: Events, Key: []string{"event_id"}, KeyIfBy: "event_id",
		Columns: columns("event_id user_id session_id item_id ts!:time type! channel value:float recommendation_id placement " +
			"position:int order_id host_id live_id")},
	{Table: Items, Key: []string{"item_id", "valid_from"}, KeyIfBy: "valid_from", Supersede: true,
		Columns: columns("item_id! valid_from:time title category brand price0:money unit_cost0:money in_stock:bool available_from:time tags:list")},
	{Table: Users, Key: []string{"user_id", "valid_from"}, KeyIfBy: "valid_from", Supersede: true,
		Columns: columns("user_id! valid_from:time signed_up_at:time region gender birth_year:int time_zone tier points:int " +
			"referrer_id source acquisition_cost:money personalization_opt_out:bool")},
	{Table: Consents, Columns: columns("user_id! channel! granted!:bool ts!:time")},
	{Table: Contacts, Key: []string{"contact_id"},
		Columns: columns("contact_id! campaign_id! user_id! ts!:time channel! arm! propensity:float offer cost:money " +
			"delivered_at:time bounced_at:time opened_at:time clicked_at:time unsubscribed_at:time")},
	{Table: Promotions, Key: []string{"promotion_id"},
		Columns: columns("promotion_id! starts_at!:time ends_at!:time kind! item_id category value:float")},
	{Table: Feedback, Columns: columns("user_id! ts!:time kind! score:float item_id campaign_id text")},
	{Table: Identities, Key: []string{"source", "alias"},
		Columns: columns("source! alias! user_id! ts:time")},
}

// Schemas returns the contract of every table, Orders first.
func Schemas() []Schema { return slices.Clone(schemas) }

// SchemaOf returns the contract of the named table.
func SchemaOf(t Table) (Schema, bool) {
	i := slices.IndexFunc(schemas, func(s Schema) bool { return s.Table == t })
	if i < 0 {
		return Schema{}, false
	}
	return schemas[i], true
}

// TableNames returns the names of all tables, for messages.
func TableNames() []string {
	names := make([]string, len(schemas))
	for i, s := range schemas {
		names[i] = string(s.Table)
	}
	return names
}
