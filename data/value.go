package data

import (
	"math"
	"slices"
	"time"
)

// Value is one cell of a row: a kind and what it holds. The zero Value is null.
type Value struct {
	_    [0]func() // not comparable with ==: see Equal
	kind Kind
	num  int64 // int, bool (0/1), microseconds since 1970, money units, or float bits
	str  string
	list *[]string // behind a pointer because rows are many and lists are rare
}

// Row is one record: a value for every column of a Schema, in its order.
type Row []Value

// Null is the absent value.
var Null = Value{}

// String returns a string value. The empty string is a value, not null.
func String(s string) Value { return Value{kind: KindString, str: s} }

// Int returns an int64 value.
func Int(i int64) Value { return Value{kind: KindInt, num: i} }

// Float returns a double value.
func Float(f float64) Value { return Value{kind: KindFloat, num: int64(math.Float64bits(f))} }

// Bool returns a boolean value.
func Bool(b bool) Value {
	v := Value{kind: KindBool}
	if b {
		v.num = 1
	}
	return v
}

// Time returns a timestamp value, cut to microseconds.
func Time(t time.Time) Value { return Value{kind: KindTime, num: t.UnixMicro()} }

// Micros returns a timestamp value from microseconds since 1970 UTC.
func Micros(us int64) Value { return Value{kind: KindTime, num: us} }

// Amount returns a money value.
func Amount(m Money) Value { return Value{kind: KindMoney, num: int64(m)} }

// List returns a list-of-strings value.
func List(ss []string) Value { return Value{kind: KindList, list: &ss} }

// Kind returns what the value holds; KindNull when absent.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports whether there is no value.
func (v Value) IsNull() bool { return v.kind == KindNull }

// Str returns the string of a KindString value.
func (v Value) Str() string { return v.str }

// Int returns the number of a KindInt value.
func (v Value) Int() int64 { return v.num }

// Float returns the number of a KindFloat value.
func (v Value) Float() float64 { return math.Float64frombits(uint64(v.num)) }

// Bool returns the truth of a KindBool value.
func (v Value) Bool() bool { return v.num != 0 }

// Micros returns a KindTime value as microseconds since 1970 UTC.
func (v Value) Micros() int64 { return v.num }

// Time returns a KindTime value in UTC.
func (v Value) Time() time.Time { return time.UnixMicro(v.num).UTC() }

// Money returns the amount of a KindMoney value.
func (v Value) Money() Money { return Money(v.num) }

// List returns the strings of a KindList value.
func (v Value) List() []string {
	if v.list == nil {
		return nil
	}
	return *v.list
}

// Equal reports whether both values are of one kind and hold the same; NaN
// equals NaN of the same bits, and a nil list an empty one.
func (v Value) Equal(w Value) bool {
	return v.kind == w.kind && v.num == w.num && v.str == w.str && slices.Equal(v.List(), w.List())
}
