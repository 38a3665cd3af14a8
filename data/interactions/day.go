package interactions

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"regulars/data"
	"regulars/data/ingest"
)

var errDay = errors.New("ts is neither a timestamp such as 2011-12-08 or 2011-12-08T13:45:00Z nor a number of seconds or milliseconds since 1970")

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

// dayOfNumber tells seconds from finer units by their size: 1e11 seconds are the
// year 5138, as many milliseconds are March 1973.
func dayOfNumber(x float64) (int32, error) {
	size := math.Abs(x)
	for _, unit := range []float64{1e17, 1e14, 1e11} {
		if size >= unit {
			x /= unit / 1e8
			break
		}
	}
	return checkedDay(math.Floor(x / (24 * 60 * 60)))
}

// The first and the last day that are taken for a date: of the years 1 and 9999.
const firstDay, lastDay = -719_162, 2_932_896

func checkedDay(day float64) (int32, error) {
	if !(day >= firstDay && day <= lastDay) { // also NaN
		return 0, errDay
	}
	return int32(day), nil
}
