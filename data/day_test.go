package data_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/data"
)

func TestDay(t *testing.T) {
	d, err := data.ParseDay("2011-12-08")
	if err != nil || d != 15_316 || d.String() != "2011-12-08" { // 15316: date -d 2011-12-08 +%s divided by 86400
		t.Errorf("got %d %s %v", d, d, err)
	}
	for _, bad := range []string{"", "2011-2-29", "2011-02-29", "08.12.2011", "2011-12-08T00:00:00Z"} {
		if _, err := data.ParseDay(bad); err == nil {
			t.Errorf("%q is read as a day", bad)
		}
	}
	if got := data.DayOfMicros(-1); got != -1 {
		t.Errorf("the last microsecond of 1969 is on day %d", got)
	}
}

// A day holds its own instants and no others, also before 1970.
func TestDayHoldsItsInstants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(-4e15, 4e15).Draw(t, "us")
		d := data.DayOfMicros(us)
		if us < d.Micros() || us >= (d+1).Micros() {
			t.Fatalf("%d µs is put on %s", us, d)
		}
		at := time.UnixMicro(us).UTC()
		if data.DayOf(at) != d || at.Format(time.DateOnly) != d.String() {
			t.Fatalf("%s is put on %s", at, d)
		}
		if back, err := data.ParseDay(d.String()); err != nil || back != d {
			t.Fatalf("%s comes back as %s, %v", d, back, err)
		}
	})
}
