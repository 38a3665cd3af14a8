package data

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits on what a single row may hold. A row beyond them is quarantined.
const (
	MaxIDBytes     = 512     // ids travel in URLs and keys
	MaxStringBytes = 1 << 20 // any other text
)

// Bounds of a believable timestamp: the year 1971 (an unset clock is 1970) and
// the year 2100. A row outside them is quarantined.
var (
	minMicros = time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxMicros = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
)

// Validate returns why the row breaks the contract of its table, or "" when it
// is good. The reason names the column and the rule, never the value, so that
// reasons can be counted and logged.
func (s Schema) Validate(row Row) string {
	if len(row) != len(s.Columns) {
		return fmt.Sprintf("row has %d values, table %s has %d columns", len(row), s.Table, len(s.Columns))
	}
	for i := range s.Columns {
		if reason := s.Columns[i].check(&row[i]); reason != "" {
			return reason
		}
	}
	if s.Table == Orders {
		return s.checkAmount(row)
	}
	return ""
}

// checkAmount refuses an order line whose value no column of the lake's money
// could hold: it would end every later sum.
func (s Schema) checkAmount(row Row) string {
	quantity, price := s.Index("quantity"), s.Index("unit_price")
	if quantity < 0 || price < 0 {
		return ""
	}
	// Neither is below 0 here: see the two columns' own rules.
	hi, lo := bits.Mul64(uint64(row[quantity].Int()), uint64(row[price].Money()))
	if hi != 0 || lo > maxMoney {
		return "quantity × unit_price is beyond DECIMAL(18,4)"
	}
	return ""
}

func (c *Column) check(v *Value) string {
	if v.IsNull() {
		if c.Required {
			return c.Name + " is missing"
		}
		return ""
	}
	if v.kind != c.Kind {
		return fmt.Sprintf("%s is a %s, not a %s", c.Name, v.kind, c.Kind)
	}
	switch c.Kind {
	case KindString:
		return c.checkString(v.str)
	case KindInt:
		if c.Positive && v.num <= 0 {
			return c.Name + " is not above 0"
		}
	case KindFloat:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return c.Name + " is not a finite number"
		}
	case KindTime:
		if v.num < minMicros || v.num >= maxMicros {
			return c.Name + " is outside 1971 to 2099"
		}
	case KindMoney:
		if c.NotBelow && v.num < 0 {
			return c.Name + " is below 0"
		}
		if v.num < -maxMoney || v.num > maxMoney {
			return c.Name + " is beyond what DECIMAL(18,4) can hold"
		}
	case KindList:
		return c.checkList(v.List())
	}
	return ""
}

func (c *Column) checkString(s string) string {
	switch {
	case c.Required && s == "":
		return c.Name + " is empty"
	case c.IsID() && len(s) > MaxIDBytes:
		return fmt.Sprintf("%s is longer than %d bytes", c.Name, MaxIDBytes)
	case len(s) > MaxStringBytes:
		return fmt.Sprintf("%s is longer than %d bytes", c.Name, MaxStringBytes)
	}
	return c.checkBytes(s)
}

// checkBytes refuses what no text holds. A NUL ends a text for whatever keeps
// it as C does: DuckDB can number the ids of no table that holds one.
func (c *Column) checkBytes(s string) string {
	switch {
	case !utf8.ValidString(s):
		return c.Name + " is not valid UTF-8"
	case strings.IndexByte(s, 0) >= 0:
		return c.Name + " holds a NUL byte"
	}
	return ""
}

func (c *Column) checkList(list []string) string {
	total := 0
	for _, s := range list {
		if reason := c.checkBytes(s); reason != "" {
			return reason
		}
		total += len(s)
	}
	if total > MaxStringBytes {
		return fmt.Sprintf("%s is longer than %d bytes", c.Name, MaxStringBytes)
	}
	return ""
}
