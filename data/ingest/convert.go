package ingest

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"regulars/data"
)

// converter turns a value of a file into one of the kind that the table wants.
// It is never given null.
type converter func(v data.Value) (data.Value, error)

var (
	errNotInt   = errors.New("is not a whole number")
	errNotFloat = errors.New("is not a finite number")
	errNotBool  = errors.New("is not a truth value (true, false, 1, 0, yes, no)")
	errNotTime  = errors.New("is not a timestamp such as 2011-12-08 or 2011-12-08T13:45:00Z")
	errNotMoney = errors.New("is not an amount of at most four decimals")
	errNotList  = errors.New("is not a list of strings")
)

// converterOf returns how a column of one kind becomes another, or nil when no
// value of it ever could.
func converterOf(from, to data.Kind) converter {
	if from == data.KindString {
		return fromString(to)
	}
	var c converter
	switch from {
	case data.KindInt:
		c = fromInt(to)
	case data.KindFloat:
		c = fromFloat(to)
	case data.KindBool:
		c = fromBool(to)
	case data.KindTime:
		c = fromTime(to)
	case data.KindMoney:
		c = fromMoney(to)
	case data.KindList:
		if to == data.KindList {
			c = same
		}
	}
	if c == nil {
		return nil
	}
	// A value that its own column could not hold has been read as a string.
	asText := fromString(to)
	return func(v data.Value) (data.Value, error) {
		if v.Kind() == data.KindString {
			return asText(v)
		}
		return c(v)
	}
}

func same(v data.Value) (data.Value, error) { return v, nil }

// trimmed makes a converter to string leave out the white space around, and
// null of a text that is nothing else.
func trimmed(convert converter) converter {
	return func(v data.Value) (data.Value, error) {
		v, err := convert(v)
		if err != nil || v.IsNull() {
			return v, err
		}
		s := strings.TrimSpace(v.Str())
		if s == "" {
			return data.Null, nil
		}
		return data.String(s), nil
	}
}

func fromString(to data.Kind) converter {
	if to == data.KindString {
		return same
	}
	parse := parserOf(to)
	return func(v data.Value) (data.Value, error) {
		s := strings.TrimSpace(v.Str())
		if s == "" {
			return data.Null, nil
		}
		return parse(s)
	}
}

func parserOf(to data.Kind) func(string) (data.Value, error) {
	switch to {
	case data.KindInt:
		return parseInt
	case data.KindFloat:
		return parseFloat
	case data.KindBool:
		return parseBool
	case data.KindTime:
		return parseTime
	case data.KindMoney:
		return parseMoney
	}
	return parseList
}

// parseInt accepts "5.0", as tools write that turn whole columns into floats.
func parseInt(s string) (data.Value, error) {
	whole, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(frac, "0") != "" {
		return data.Null, errNotInt
	}
	return data.Int(n), nil
}

func parseFloat(s string) (data.Value, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return data.Null, errNotFloat
	}
	return data.Float(f), nil
}

func parseBool(s string) (data.Value, error) {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "1":
		return data.Bool(true), nil
	case "false", "f", "no", "n", "0":
		return data.Bool(false), nil
	}
	return data.Null, errNotBool
}

func parseMoney(s string) (data.Value, error) {
	m, err := data.ParseMoney(s)
	if err != nil {
		return data.Null, errNotMoney
	}
	return data.Amount(m), nil
}

func parseList(s string) (data.Value, error) {
	if strings.HasPrefix(s, "[") {
		var list []string
		if err := json.Unmarshal([]byte(s), &list); err != nil {
			return data.Null, errNotList
		}
		return data.List(list), nil
	}
	list := strings.Split(s, ";")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return data.List(list), nil
}

func fromInt(to data.Kind) converter {
	switch to {
	case data.KindInt:
		return same
	case data.KindString:
		return func(v data.Value) (data.Value, error) { return data.String(strconv.FormatInt(v.Int(), 10)), nil }
	case data.KindFloat:
		return func(v data.Value) (data.Value, error) { return data.Float(float64(v.Int())), nil }
	case data.KindMoney:
		return func(v data.Value) (data.Value, error) { return parseMoney(strconv.FormatInt(v.Int(), 10)) }
	case data.KindBool:
		return func(v data.Value) (data.Value, error) { return boolOf(v.Int() == 0, v.Int() == 1) }
	}
	return nil
}

func boolOf(no, yes bool) (data.Value, error) {
	if no == yes {
		return data.Null, errNotBool
	}
	return data.Bool(yes), nil
}

func fromFloat(to data.Kind) converter {
	switch to {
	case data.KindFloat:
		return finiteFloat
	case data.KindInt:
		return wholeFloat
	case data.KindString:
		return floatText
	case data.KindMoney:
		return floatMoney
	case data.KindBool:
		return func(v data.Value) (data.Value, error) { return boolOf(v.Float() == 0, v.Float() == 1) }
	}
	return nil
}

func finiteFloat(v data.Value) (data.Value, error) {
	if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
		return data.Null, errNotFloat
	}
	return v, nil
}

// exactFloat bounds the whole numbers that a double holds exactly.
const exactFloat = 1 << 53

func wholeFloat(v data.Value) (data.Value, error) {
	f := v.Float()
	if f != math.Trunc(f) || math.Abs(f) > exactFloat { // also NaN
		return data.Null, errNotInt
	}
	return data.Int(int64(f)), nil
}

// floatText writes 17850.0 as "17850": ids that passed through a tool which
// turns whole columns into floats.
func floatText(v data.Value) (data.Value, error) {
	if n, err := wholeFloat(v); err == nil {
		return data.String(strconv.FormatInt(n.Int(), 10)), nil
	}
	if _, err := finiteFloat(v); err != nil {
		return data.Null, err
	}
	return data.String(strconv.FormatFloat(v.Float(), 'g', -1, 64)), nil
}

func floatMoney(v data.Value) (data.Value, error) {
	m, err := data.MoneyFromFloat(v.Float())
	if err != nil {
		return data.Null, errNotMoney
	}
	return data.Amount(m), nil
}

func fromBool(to data.Kind) converter {
	switch to {
	case data.KindBool:
		return same
	case data.KindString:
		return func(v data.Value) (data.Value, error) { return data.String(strconv.FormatBool(v.Bool())), nil }
	}
	return nil
}

func fromTime(to data.Kind) converter {
	switch to {
	case data.KindTime:
		return same
	case data.KindString:
		return func(v data.Value) (data.Value, error) { return data.String(v.Time().Format(time.RFC3339Nano)), nil }
	}
	return nil
}

func fromMoney(to data.Kind) converter {
	switch to {
	case data.KindMoney:
		return same
	case data.KindFloat:
		return func(v data.Value) (data.Value, error) { return data.Float(v.Money().Float()), nil }
	case data.KindInt:
		return func(v data.Value) (data.Value, error) { return parseInt(v.Money().String()) }
	case data.KindString:
		return func(v data.Value) (data.Value, error) { return data.String(trimDecimals(v.Money().String())), nil }
	}
	return nil
}

// trimDecimals writes 17850.0000 as "17850": an id stored as a decimal.
func trimDecimals(s string) string {
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
