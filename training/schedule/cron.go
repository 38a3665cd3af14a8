package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Entry is one job and when it is due.
type Entry struct {
	Job  string   // name of the job, as in the history
	Cron string   // five fields (minute hour day month weekday), or @daily, @every 6h, …
	Args []string // further arguments of the job's command
}

var fieldNames = []string{"minute", "hour", "day of month", "month", "day of week"}

// parse reads an entry's cron expression; the error names the entry and, where
// one is to blame, the field.
func parse(e Entry, zone *time.Location, now time.Time) (cron.Schedule, error) {
	due, err := parseCron(e.Cron)
	if err == nil && due.Next(now.In(zone)).IsZero() {
		err = errors.New("there is no such date in the next five years")
	}
	if err != nil {
		return nil, fmt.Errorf("schedule of %s: cron %q: %w", e.Job, e.Cron, err)
	}
	return due, nil
}

func parseCron(spec string) (cron.Schedule, error) {
	if strings.HasPrefix(spec, "TZ=") || strings.HasPrefix(spec, "CRON_TZ=") {
		return nil, errors.New("the time zone is set once for all entries, not in the expression")
	}
	if fields := strings.Fields(spec); !strings.HasPrefix(spec, "@") && len(fields) != len(fieldNames) {
		return nil, fmt.Errorf("has %d fields, it must have five (%s) or be a word such as @daily",
			len(fields), strings.Join(fieldNames, ", "))
	}
	due, err := cron.ParseStandard(spec)
	if err != nil {
		return nil, blame(spec, err)
	}
	return due, nil
}

// blame tries each field beside four stars, because the parser does not say
// which one it disliked.
func blame(spec string, whole error) error {
	fields := strings.Fields(spec)
	if len(fields) != len(fieldNames) {
		return whole
	}
	for i, field := range fields {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = field
		if _, err := cron.ParseStandard(strings.Join(alone, " ")); err != nil {
			return fmt.Errorf("field %s is %q: %w", fieldNames[i], field, err)
		}
	}
	return whole
}
