package data

import (
	"fmt"
	"time"
)

// Day is a calendar day in UTC, counted from 1970-01-01: the unit in which
// as_of dates, horizons and interaction ages are reckoned.
type Day int32

const microsPerDay = 24 * 60 * 60 * 1_000_000

// DayOf returns the UTC day that t falls on.
func DayOf(t time.Time) Day { return DayOfMicros(t.UnixMicro()) }

// DayOfMicros returns the UTC day of microseconds since 1970.
func DayOfMicros(us int64) Day {
	d := us / microsPerDay
	if us%microsPerDay < 0 {
		d--
	}
	return Day(d)
}

// ParseDay reads YYYY-MM-DD.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a date such as 2011-12-08", s)
	}
	return DayOf(t), nil
}

// Time returns the instant at which the day begins, UTC.
func (d Day) Time() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// Micros returns the instant at which the day begins, in microseconds since 1970.
func (d Day) Micros() int64 { return int64(d) * microsPerDay }

func (d Day) String() string { return d.Time().Format(time.DateOnly) }
