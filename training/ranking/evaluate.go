package ranking

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"regulars/data/interactions"
	"regulars/models"
	"regulars/models/blend"
	"regulars/training/metrics"
	"regulars/training/options"
	"regulars/training/usage"
)

// Request says what to compare on a split.
type Request struct {
	Split    *Split
	Families []Family          // the baselines are measured as well, named or not
	Must     bool              // a family that the data cannot support is an error, not a note
	Settings []options.Setting // options of families that differ from their defaults
	Ks       []int
	Seed     uint64
	Workers  int
	Progress func(stage string, done, total int) // may be nil
}

// Report is what a comparison found.
type Report struct {
	Results      []Result                  `json:"results"`       // the families asked for, then the other baselines
	SkippedUsers int                       `json:"skipped_users"` // see Split.Skipped
	Quarantined  []interactions.Quarantine `json:"quarantined,omitempty"`
	Tuned        *Tuned                    `json:"tuned,omitempty"`
	Notes        []string                  `json:"notes,omitempty"`
}

// Result is one family.
type Result struct {
	Model          string                               `json:"model"`
	Baseline       bool                                 `json:"baseline,omitempty"`
	Options        map[string]any                       `json:"options"` // defaults filled in, where the model tells them
	Metrics        map[string]metrics.Metric            `json:"metrics"`
	Differences    map[string]map[string]metrics.Metric `json:"differences,omitempty"` // this minus a baseline, user by user
	Users          int                                  `json:"users"`
	UnknownUsers   int                                  `json:"unknown_users,omitempty"`   // of whom the model knew nothing: an empty list
	DiversityUsers int                                  `json:"diversity_users,omitempty"` // where diversity is measured on fewer users
	FitSeconds     float64                              `json:"fit_seconds"`
	ScoreSeconds   float64                              `json:"score_seconds"`
	PeakRSSBytes   int64                                `json:"peak_rss_bytes,omitempty"` // the data and everything else included

	ranking *metrics.Ranking
	note    string
}

// Evaluate fits and measures the families one after the other, so that the
// memory of one does not add to that of the next. With an error from one of them
// comes the report of those that were measured before it.
func Evaluate(ctx context.Context, r Request) (*Report, error) {
	report := &Report{SkippedUsers: r.Split.Skipped, Notes: slices.Clone(r.Split.notes)}
	measured := map[string]*Result{}
	if err := r.checkData(); err != nil {
		return report, err
	}
	err := r.each(ctx, report, measured)
	report.Results = inOrder(measured, r.Families)
	if !r.Split.Dated {
		report.Notes = append(report.Notes, "train has no column ts: nothing is recent, and popular-recent is popular")
	}
	return report, err
}

// checkData refuses, before anything is fitted, a family asked for that the data
// cannot support.
func (r Request) checkData() error {
	for _, f := range r.Families {
		if lack := f.lacks(&r.Split.Data); lack != "" && r.Must {
			return fmt.Errorf("%s cannot be measured: %s", f.Name, lack)
		}
	}
	return nil
}

func (r Request) each(ctx context.Context, report *Report, measured map[string]*Result) error {
	for _, f := range withBaselines(r.Families) {
		if lack := f.lacks(&r.Split.Data); lack != "" {
			report.Notes = append(report.Notes, f.Name+" is left out: "+lack)
			continue
		}
		result, err := r.measure(ctx, f)
		if errors.Is(err, models.ErrNoData) && !r.Must {
			report.Notes = append(report.Notes, f.Name+" is left out: "+err.Error())
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		if err := result.compare(measured, r.Seed); err != nil {
			return err
		}
		if result.note != "" {
			report.Notes = append(report.Notes, result.note)
		}
		if measured[f.Name] = result; !f.Baseline {
			result.ranking = nil // only baselines are compared with
		}
	}
	return nil
}

// withBaselines returns the baselines and then the families that are none.
func withBaselines(families []Family) []Family {
	out := slices.DeleteFunc(Families(), func(f Family) bool { return !f.Baseline })
	for _, f := range families {
		if !f.Baseline {
			out = append(out, f)
		}
	}
	return out
}

// inOrder returns the families as asked for, then the baselines that were not.
func inOrder(measured map[string]*Result, asked []Family) []Result {
	var out []Result
	for _, f := range append(slices.Clone(asked), withBaselines(nil)...) {
		if r, ok := measured[f.Name]; ok {
			out = append(out, *r)
			delete(measured, f.Name)
		}
	}
	return out
}

func (r Request) step(stage string, done, total int) {
	if r.Progress != nil {
		r.Progress(stage, done, total)
	}
}

func (r Request) measure(ctx context.Context, f Family) (*Result, error) {
	o, err := f.With(r.Settings)
	if err != nil {
		return nil, err
	}
	memory, begun := usage.Begin(), time.Now()
	stage := "fitting " + f.Name
	r.step(stage, 0, 0)
	model, err := f.Fit(ctx, &r.Split.Data, r.Split.Now, o, Run{Seed: r.Seed, Workers: r.Workers, Settings: r.Settings,
		Progress: func(done, total int) { r.step(stage, done, total) }})
	if err != nil {
		return nil, err
	}
	fitted := time.Now()
	stage = "ranking by " + f.Name
	r.step(stage, 0, 0)
	ranking, err := r.Split.measure(ctx, model, r.Ks, r.Workers, func(done, total int) { r.step(stage, done, total) })
	if err != nil {
		return nil, err
	}
	scored, bytes := time.Now(), memory.Bytes()
	values, err := ranking.Metrics(0, r.Seed)
	if err != nil {
		return nil, err
	}
	out := &Result{Model: f.Name, Baseline: f.Baseline, Options: Describe(model, o), Metrics: values, Users: len(ranking.Users),
		UnknownUsers: ranking.Unknown, FitSeconds: fitted.Sub(begun).Seconds(), ScoreSeconds: scored.Sub(fitted).Seconds(),
		PeakRSSBytes: bytes, ranking: ranking, note: noteOf(model, r.Split.Dated)}
	if n := ranking.DiversityUsers; n < len(ranking.Users) {
		out.DiversityUsers = n
	}
	return out, nil
}

// measure ranks for every user with truth. progress may be nil.
func (s *Split) measure(ctx context.Context, model models.Recommender, ks []int, workers int, progress func(done, total int)) (*metrics.Ranking, error) {
	o := metrics.Options{ExcludeTrain: !s.Repeat, Workers: workers, Progress: progress}
	if m, ok := model.(perUser); ok {
		o.For = m.ForUser
	}
	return metrics.Evaluate(ctx, model, s.Events, s.Truth, s.Now, ks, o)
}

// Describe returns the options with their defaults filled in, which a fitted model
// tells in its field Options; those given otherwise. Of a blend it also says whom
// it joins, what ranks, and who makes the list and orders what is new.
func Describe(model models.Recommender, given any) map[string]any {
	v := reflect.Indirect(reflect.ValueOf(model))
	if v.Kind() == reflect.Struct {
		if f := v.FieldByName("Options"); f.IsValid() && f.Type() == reflect.TypeOf(given) {
			given = f.Interface()
		}
	}
	out := options.Describe(given)
	if b, ok := model.(*blend.Model); ok {
		describeBlend(b, out)
	}
	return out
}

// compare adds the differences to the baselines measured before.
func (r *Result) compare(measured map[string]*Result, seed uint64) error {
	for name, b := range measured {
		if !b.Baseline {
			continue
		}
		d, err := metrics.Differences(r.ranking, b.ranking, 0, seed)
		if err != nil {
			return fmt.Errorf("comparing %s with %s: %w", r.Model, name, err)
		}
		if r.Differences == nil {
			r.Differences = map[string]map[string]metrics.Metric{}
		}
		r.Differences[name] = d
	}
	return nil
}
