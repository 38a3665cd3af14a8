package interactions

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"regulars/data"
	"regulars/data/ingest"
)

// dayForms says what is taken for a day.
const dayForms = "a timestamp such as 2011-12-08 or 2011-12-08T13:45:00Z, a number such as 20111208, a count of days below 2932897, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970 that is not before 1990"

var errDay = errors.New("ts is not " + dayForms)

// dayReader returns how the day of a row is read from column i.
func dayReader(file *ingest.Table, i int) (func(data.Value) (int32, error), error) {
	switch kind := file.Kind(i); kind {
	case data.KindTime:
		return func(v data.Value) (int32, error) {
			if v.Kind() != data.KindTime {
				return 0, errDay
			}
			return checkedDay(float64(data.DayOfMicros(v.Micros())))
		}, nil
	case data.KindInt, data.KindFloat, data.KindMoney:
		toFloat, err := file.Converter(i, data.KindFloat)
		if err != nil {
			return nil, err
		}
		return func(v data.Value) (int32, error) {
			if v, err := toFloat(v); err == nil && !v.IsNull() {
				return dayOfNumber(v.Float())
			}
			return 0, errDay
		}, nil
	case data.KindString:
		toTime, err := file.Converter(i, data.KindTime)
		if err != nil {
			return nil, err
		}
		return func(v data.Value) (int32, error) { return dayOfText(v, toTime) }, nil
	}
	return nil, fmt.Errorf("%s: column %q is a %s, which cannot be read as a time", file.Path(), file.Columns()[i], file.Kind(i))
}

func dayOfText(v data.Value, toTime convert) (int32, error) {
	if t, err := toTime(v); err == nil && !t.IsNull() {
		return checkedDay(float64(data.DayOfMicros(t.Micros())))
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(v.Str()), 64)
	if err != nil {
		return 0, errDay
	}
	return dayOfNumber(f)
}

// dayOfNumber reads a number of eight digits that is a day of the calendar as
// that, a small one as a count of days from whenever, such as a spreadsheet's,
// since only differences matter, and tells seconds from finer units by their size:
// 1e11 seconds are the year 5138, as many milliseconds are March 1973. Seconds
// before 1990 are refused: they are a row number or a date that there is not.
func dayOfNumber(x float64) (int32, error) {
	if day, ok := dayOfDigits(x); ok {
		return day, nil
	}
	if x >= 0 && x <= lastDay {
		return checkedDay(math.Floor(x))
	}
	size := math.Abs(x)
	for _, unit := range []float64{1e17, 1e14, 1e11} {
		if size >= unit {
			x /= unit / 1e8
			break
		}
	}
	day := math.Floor(x / (24 * 60 * 60))
	if !(day >= firstNumberedDay) {
		return 0, errDay
	}
	return checkedDay(day)
}

// firstNumberedDay is 1990-01-01.
const firstNumberedDay = 7305

// dayOfDigits reads the number 20111208 as that day. As seconds, such numbers
// would all lie in 1970.
func dayOfDigits(x float64) (int32, bool) {
	if x != math.Trunc(x) || x < 1900_01_01 || x > 2999_12_31 {
		return 0, false
	}
	n := int(x)
	year, month, day := n/10_000, time.Month(n/100%100), n%100
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if t.Year() != year || t.Month() != month || t.Day() != day {
		return 0, false // such as 20111332, which time.Date would carry over
	}
	return int32(data.DayOf(t)), true
}

// The first and the last day that are taken for a date: of the years 1 and 9999.
const firstDay, lastDay = -719_162, 2_932_896

func checkedDay(day float64) (int32, error) {
	if !(day >= firstDay && day <= lastDay) { // also NaN
		return 0, errDay
	}
	return int32(day), nil
}
