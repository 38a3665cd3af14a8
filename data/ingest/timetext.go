package ingest

import (
	"strings"
	"time"

	"regulars/data"
)

// timeLayouts are the forms of a timestamp without an offset; Go accepts a
// fraction after the seconds of each.
var timeLayouts = [...]string{
	"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly,
	"2006/01/02 15:04:05", "2006/01/02 15:04", "2006/01/02",
}

// TimeFormats returns every form in which a timestamp is read, as that of
// 15:04:05 on 2 January 2006. A fraction may follow the seconds (.5), and an
// offset or UTC a time of day in any of them; without one the time is UTC.
func TimeFormats() []string {
	out := append([]string{}, timeLayouts[:]...)
	out = append(out, "2006-01-02 15:04:05.999999")
	for _, zone := range []string{"Z", "+01:00", "+0100", "+01", " +01:00", " UTC"} {
		out = append(out, "2006-01-02T15:04:05"+zone)
	}
	return out
}

func parseTime(s string) (data.Value, error) {
	text, offset, ok := cutOffset(s)
	if !ok {
		return data.Null, errNotTime
	}
	for _, layout := range timeLayouts {
		// A cheap look spares most of the failing attempts.
		if len(text) < len(layout) || text[4] != layout[4] || len(layout) > len(time.DateOnly) && text[10] != layout[10] {
			continue
		}
		if t, err := time.Parse(layout, text); err == nil {
			return data.Time(t.Add(-offset)), nil
		}
	}
	return data.Null, errNotTime
}

// cutOffset splits off what stands behind a time of day: Z, UTC, or an offset
// of hours and minutes.
func cutOffset(s string) (text string, offset time.Duration, ok bool) {
	const clock = len("2006-01-02 15:04")
	if len(s) <= clock {
		return s, 0, true
	}
	if text, found := strings.CutSuffix(s, "Z"); found {
		return text, 0, true
	}
	if text, found := strings.CutSuffix(s, " UTC"); found {
		return text, 0, true
	}
	i := strings.LastIndexAny(s[clock:], "+-")
	if i < 0 {
		return s, 0, true
	}
	offset, ok = parseOffset(s[clock+i+1:])
	if s[clock+i] == '-' {
		offset = -offset
	}
	return strings.TrimSuffix(s[:clock+i], " "), offset, ok
}

// parseOffset reads 01:00, 0100 or 01.
func parseOffset(s string) (time.Duration, bool) {
	for _, layout := range [...]string{"15:04", "1504", "15"} {
		if len(s) != len(layout) {
			continue
		}
		t, err := time.Parse(layout, s)
		return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, err == nil
	}
	return 0, false
}
