package ranking

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"regulars/data/durable"
	"regulars/models"
	"regulars/training/metrics"
	"regulars/training/options"
)

// Tuning says how options are searched: the defaults first, then the candidates
// that would compete without a search, so that none is passed over for something
// worse, then at random; one trial of every family in turn, until the budget is
// spent.
type Tuning struct {
	Families []Family          // those without a space are passed over
	Fixed    []options.Setting // options that are not searched

	// Candidates are the sets of options of a family to try first; nil = none.
	Candidates func(family string) [][]options.Setting

	Metric  func(family string) string
	Slice   string        // what the slice is, in words
	Budget  time.Duration // of all trials together, those of an interrupted search included
	Trials  int           // of a family, at most, the defaults and candidates beside; 0 = 60
	Seed    uint64
	Workers int

	// File is where the winners go; beside it, as File + ".trials", is kept what
	// was tried, so that a search that was interrupted goes on. Empty: neither.
	File string
	FS   durable.FS

	Progress func(stage string, done, total int) // may be nil
	Tried    func(Trial)                         // told of every trial, also of those of an interrupted search; may be nil
}

const defaultTrials = 60

// A Trial is one set of options and what it reached on the slice.
type Trial struct {
	Model   string         `json:"model"`
	Number  int            `json:"number"` // from 0, which is the defaults
	Options map[string]any `json:"options"`
	Metric  string         `json:"metric"`
	Value   float64        `json:"value"`
	Seconds float64        `json:"seconds"`
	Failed  string         `json:"failed,omitempty"` // why there is no value

	settings []options.Setting
}

// Tune searches on the slice, which must not be the one that is reported, and
// writes the winners. The trials of a family follow from the seed alone; how
// many there is time for depends on the machine. A trial that the end of the
// budget cuts off counts for nothing.
func Tune(ctx context.Context, slice *Split, t Tuning) (*Tuned, error) {
	s := &search{Tuning: t, slice: slice, fingerprint: slice.fingerprint(t)}
	if s.Trials == 0 {
		s.Trials = defaultTrials
	}
	for _, f := range t.Families {
		if f.Tunable() && f.lacks(&slice.Data) == "" {
			first, err := s.first(f)
			if err != nil {
				return nil, err
			}
			s.families, s.firsts = append(s.families, f), append(s.firsts, first)
		}
	}
	if len(s.families) == 0 {
		return nil, fmt.Errorf("%w: those that have are %s (a blend uses what is found for its sources: name them)", errNothingToSearch, strings.Join(tunable(), ", "))
	}
	if err := s.resume(); err != nil {
		return nil, err
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return s.finish()
}

var errNothingToSearch = errors.New("none of the models has options to search")

// tunable are the names of the families that have options to search.
func tunable() (names []string) {
	for _, f := range Families() {
		if f.Tunable() {
			names = append(names, f.Name)
		}
	}
	return names
}

type search struct {
	Tuning
	slice       *Split
	families    []Family
	firsts      [][][]options.Setting // of each family, the trials before the drawn ones
	fingerprint string
	done        []Trial
	spent       time.Duration
}

// run makes the trials round by round. A family whose last trial took longer
// than what is left does not begin another.
func (s *search) run(ctx context.Context) error {
	for n := range s.rounds() {
		for i, f := range s.families {
			if n >= s.trialsOf(i) {
				continue
			}
			last, tried := s.find(f.Name, n)
			if tried {
				s.tell(last)
				continue
			}
			if before, ok := s.find(f.Name, n-1); s.spent >= s.Budget || !ok && n > 0 || seconds(before.Seconds) > s.Budget-s.spent {
				continue
			}
			if err := s.try(ctx, i, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func seconds(x float64) time.Duration { return time.Duration(x * float64(time.Second)) }

func (s *search) find(family string, number int) (Trial, bool) {
	for _, t := range s.done {
		if t.Model == family && t.Number == number {
			return t, true
		}
	}
	return Trial{}, false
}

func (s *search) tell(t Trial) {
	if s.Tried != nil {
		s.Tried(t)
	}
}

// try makes one trial within what is left of the budget and keeps it.
func (s *search) try(ctx context.Context, family, number int) error {
	f := s.families[family]
	limited, cancel := context.WithTimeout(ctx, s.Budget-s.spent)
	defer cancel()
	begun := time.Now()
	t := Trial{Model: f.Name, Number: number, Metric: s.Metric(f.Name)}
	if first := s.firsts[family]; number < len(first) {
		t.settings = first[number]
	} else {
		t.settings = s.searched(f.draw(number-len(first)+1, s.Seed, s.slice.Dated))
	}
	err := s.measure(limited, f, &t)
	took := time.Since(begun)
	s.spent += took
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("tuning %s: %w", f.Name, context.Cause(ctx))
	case err != nil && limited.Err() != nil:
		return nil // cut off by the end of the budget
	case err != nil && !isRefusal(err):
		return fmt.Errorf("tuning %s: %w", f.Name, err)
	case err != nil:
		t.Failed = err.Error()
	}
	t.Seconds = took.Seconds()
	s.done = append(s.done, t)
	s.tell(t)
	return s.keep()
}

// first returns the distinct sets of options that a family's trials begin with.
func (s *search) first(f Family) (out [][]options.Setting, err error) {
	sets := [][]options.Setting{nil}
	if s.Candidates != nil {
		sets = append(sets, s.Candidates(f.Name)...)
	}
	var seen []any
	for _, set := range sets {
		set = s.searched(set)
		o, err := f.With(set)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(seen, func(x any) bool { return reflect.DeepEqual(x, o) }) {
			seen, out = append(seen, o), append(out, set)
		}
	}
	return out, nil
}

// trialsOf is how many trials a family is given at most.
func (s *search) trialsOf(family int) int { return len(s.firsts[family]) + s.Trials - 1 }

func (s *search) rounds() (n int) {
	for i := range s.families {
		n = max(n, s.trialsOf(i))
	}
	return n
}

// searched leaves out what is fixed.
func (s *search) searched(set []options.Setting) []options.Setting {
	return slices.DeleteFunc(slices.Clone(set), s.isFixed)
}

func (s *search) isFixed(o options.Setting) bool {
	return slices.ContainsFunc(s.Fixed, func(f options.Setting) bool { return f.Model == o.Model && f.Option == o.Option })
}

// isRefusal reports whether a family has refused options or data: that is an
// outcome of a trial, other errors end the search.
func isRefusal(err error) bool {
	var o *models.OptionError
	return errors.As(err, &o) || errors.Is(err, models.ErrNoData) || errors.Is(err, metrics.ErrUndefined)
}

func (s *search) measure(ctx context.Context, f Family, t *Trial) error {
	stage := fmt.Sprintf("tuning %s, trial %d", f.Name, t.Number)
	step := func(done, total int) {
		if s.Progress != nil {
			s.Progress(stage, done, total)
		}
	}
	step(0, 0)
	drawn, err := f.With(t.settings)
	if err != nil {
		return err
	}
	t.Options = options.Describe(drawn)
	o, err := f.With(slices.Concat(t.settings, s.Fixed))
	if err != nil {
		return err
	}
	model, err := f.Fit(ctx, &s.slice.Data, s.slice.Now, o, Run{Seed: s.Seed, Workers: s.Workers, Progress: step, Settings: s.Fixed})
	if err != nil {
		return err
	}
	t.Value, err = s.value(ctx, model, t.Metric)
	return err
}

// value is the mean of one metric, without an interval.
func (s *search) value(ctx context.Context, model models.Recommender, metric string) (float64, error) {
	_, text, _ := strings.Cut(metric, "@")
	k, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("metric %q has no length of list", metric)
	}
	r, err := s.slice.measure(ctx, model, []int{k}, s.Workers, nil)
	if err != nil {
		return 0, err
	}
	return r.Mean(metric)
}

// draw returns the options of a trial: none for the first, which is the
// defaults. Each trial has a random source of its own.
func (f Family) draw(number int, seed uint64, days bool) []options.Setting {
	if number == 0 {
		return nil
	}
	rng := rand.New(rand.NewPCG(seed, hash(f.Name)+uint64(number)))
	var out []options.Setting
	for _, d := range f.Space {
		value := d.draw(rng)
		if d.Dated && !days {
			continue
		}
		out = append(out, options.Setting{Model: f.Name, Option: d.Option, Value: value})
	}
	return out
}
