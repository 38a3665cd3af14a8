package served

import (
	"errors"
	"fmt"
	"time"
)

// A report is over reportDays where nobody says, and over mostReportDays at most:
// it reads all that was shown in them.
const (
	reportDays     = 30
	mostReportDays = 366
)

// Period reads from when to when a report is. Each is an instant (RFC 3339) or a
// day, which begins at midnight UTC; nil: now, and 30 days before the end.
func Period(from, to *string, now time.Time) (begin, end time.Time, err error) {
	end = now.UTC()
	if to != nil {
		if end, err = instant("to", *to); err != nil {
			return begin, end, err
		}
	}
	begin = end.AddDate(0, 0, -reportDays)
	if from != nil {
		if begin, err = instant("from", *from); err != nil {
			return begin, end, err
		}
	}
	switch {
	case !begin.Before(end):
		err = errors.New("from is not before to")
	case end.Sub(begin) > mostReportDays*24*time.Hour:
		err = fmt.Errorf("from and to are more than %d days apart", mostReportDays)
	}
	return begin, end, err
}

func instant(name, text string) (time.Time, error) {
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	const most = 40 // of what is quoted
	if len(text) > most {
		text = text[:most] + "…"
	}
	return time.Time{}, fmt.Errorf("%s must be an instant such as 2011-12-08T00:00:00Z or a day such as 2011-12-08, not %q", name, text)
}
