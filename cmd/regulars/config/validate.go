package config

import (
	"cmp"
	"fmt"
	"net"
	"regexp"
	"time"

	"github.com/robfig/cron/v3"
)

// JobNames are the jobs that can be run and scheduled.
var JobNames = []string{"pipeline", "features", "train", "evaluate", "score"}

var (
	memoryForm   = regexp.MustCompile(`^[1-9][0-9]*(\.[0-9]+)?(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$`)
	currencyForm = regexp.MustCompile(`^([A-Z]{3})?$`)
)

// Validate returns the first field that is out of range, and what it must be.
func (c Config) Validate() error {
	if _, err := c.Location(); err != nil {
		return err
	}
	if !currencyForm.MatchString(c.Currency) {
		return fmt.Errorf("currency %q must be empty or three capitals such as GBP", c.Currency)
	}
	if !memoryForm.MatchString(c.Machine.Memory) {
		return fmt.Errorf("machine.memory %q must be a size such as 1GB", c.Machine.Memory)
	}
	if err := c.checkNumbers(); err != nil {
		return err
	}
	if err := c.Serve.validate(); err != nil {
		return err
	}
	if err := cmp.Or(checkAudiences(c.Audiences), c.checkPlacements()); err != nil {
		return err
	}
	return c.Schedule.validate()
}

// mostRate bounds serve.rate: beyond it, the bound is a mistake or none.
const mostRate = 1_000_000

func (s Serve) validate() error {
	if _, _, err := net.SplitHostPort(s.Addr); err != nil {
		return fmt.Errorf("serve.addr %q must be host:port: %w", s.Addr, err)
	}
	if s.Lang != "en" && s.Lang != "zh" {
		return fmt.Errorf("serve.lang %q must be en or zh", s.Lang)
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		return fmt.Errorf("serve.tls_cert is %q and serve.tls_key is %q: name both files, or neither", s.TLSCert, s.TLSKey)
	}
	if !(s.Rate.PerSecond >= 0 && s.Rate.PerSecond <= mostRate) {
		return fmt.Errorf("serve.rate.per_second is %v: it must be from 0 to %d", s.Rate.PerSecond, mostRate)
	}
	if s.Rate.Burst < 0 || s.Rate.Burst > mostRate {
		return fmt.Errorf("serve.rate.burst is %d: it must be from 0 to %d", s.Rate.Burst, mostRate)
	}
	if s.Rate.Burst > 0 && s.Rate.PerSecond == 0 {
		return fmt.Errorf("serve.rate.burst is %d and serve.rate.per_second is 0, which bounds nothing: set both, or only per_second", s.Rate.Burst)
	}
	if err := s.checkEvents(); err != nil {
		return err
	}
	return s.validateOperations()
}

func (c Config) checkNumbers() error {
	t := c.Training
	for _, f := range []struct {
		name       string
		value      int
		least, top int
	}{
		{"machine.threads", c.Machine.Threads, 0, 1024},
		{"training.horizon_days", t.HorizonDays, 1, 730},
		{"training.active_days", t.ActiveDays, 1, 3650},
		{"training.value_days", t.ValueDays, 1, 3650},
		{"training.ranking_days", t.RankingDays, 1, 365},
		{"training.train_dates", t.TrainDates, 1, 60},
		{"training.candidates", t.Candidates, 1, 1000},
		{"training.similar_items", t.SimilarItems, 1, 1000},
		{"training.keep_snapshots", t.KeepSnapshots, 1, 1000},
		{"training.keep_models", t.KeepModels, 1, 1000},
	} {
		if f.value < f.least || f.value > f.top {
			return fmt.Errorf("%s is %d: it must be from %d to %d", f.name, f.value, f.least, f.top)
		}
	}
	for name, d := range map[string]Duration{"serve.refresh": c.Serve.Refresh, "schedule.grace": c.Schedule.Grace} {
		if d < Duration(10*time.Millisecond) || d > Duration(time.Hour) {
			return fmt.Errorf("%s is %s: it must be from 10ms to 1h", name, d)
		}
	}
	if err := checkHorizons(t.Horizons); err != nil {
		return err
	}
	if !(t.ValueDiscount >= 0 && t.ValueDiscount <= 1) {
		return fmt.Errorf("training.value_discount is %v: it must be from 0 to 1, such as 0.1 for 10%% a year", t.ValueDiscount)
	}
	if t.RankingDays > t.HorizonDays {
		return fmt.Errorf("training.ranking_days is %d: it must not be above training.horizon_days, %d", t.RankingDays, t.HorizonDays)
	}
	return nil
}

// mostHorizons bounds what is stored of each customer.
const mostHorizons = 8

func checkHorizons(days []int) error {
	if len(days) > mostHorizons {
		return fmt.Errorf("training.horizons names %d horizons: at most %d are allowed", len(days), mostHorizons)
	}
	for i, d := range days {
		if d < 1 || d > 730 || i > 0 && d <= days[i-1] {
			return fmt.Errorf("training.horizons is %v: days from 1 to 730, ascending, each once", days)
		}
	}
	return nil
}

func (s Schedule) validate() error {
	seen := map[string]bool{}
	for i, j := range s.Jobs {
		if !IsJob(j.Job) {
			return fmt.Errorf("schedule.jobs[%d].job %q is not one of %v", i, j.Job, JobNames)
		}
		if seen[j.Job] {
			return fmt.Errorf("schedule.jobs[%d].job %q stands there twice", i, j.Job)
		}
		seen[j.Job] = true
		if _, err := cron.ParseStandard(j.Cron); err != nil {
			return fmt.Errorf("schedule.jobs[%d].cron %q (%s): %w", i, j.Cron, j.Job, err)
		}
	}
	return nil
}

// IsJob reports whether a job of that name can be run.
func IsJob(name string) bool {
	for _, n := range JobNames {
		if n == name {
			return true
		}
	}
	return false
}
