package blend

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"regulars/features/matrix"
	"regulars/models"
)

const minDay = math.MinInt32

// Fit learns from what lies before day now. It goes back Windows+1 windows of
// Days days (as many as there are), fits the sources at the beginning of each, and
// has every customer who bought something in the window make a list for the
// ranker: the candidates by the sources of that day, and which were bought. A
// ranker of each learner learned from the earlier windows competes with the
// sources on the latest; if the best of them wins, a ranker of the same learner
// from the latest Windows windows is published, on sources fitted on everything. With a single window, or without days, where
// items held out of each history stand for it, half of the customers teach the
// rankers that compete for the other half.
//
// Without any interaction, or without any source, the error wraps
// models.ErrNoData. progress may be nil.
func Fit(ctx context.Context, in Input, now int32, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if len(in.Learners) == 0 {
		return nil, errors.New("blend: no learner is given, one at least must make the ranker")
	}
	catalogue, any := newCatalogue(in.Events, now, o.RecentDays)
	if !any {
		return nil, fmt.Errorf("blend: no interaction before day %d: %w", now, models.ErrNoData)
	}
	past := windows(in, now, o)
	f := &fit{Input: in, o: o, progress: progress, steps: stepsAWindow * (len(past) + 1)}
	ranker, outcome, err := f.learn(ctx, past)
	if err != nil {
		return nil, err
	}
	sources, err := f.sources(ctx, in.Events, now)
	if err != nil {
		return nil, err
	}
	if outcome.Lists == 0 || outcome.lost(sources) {
		if err := outcome.takeFirst(sources); err != nil {
			return nil, err
		}
	}
	f.step(f.steps - f.done)
	return New(o, sources, ranker, catalogue, outcome)
}

// takeFirst chooses the first source that has learned anything.
func (o *Outcome) takeFirst(sources []Source) error {
	first := slices.IndexFunc(sources, func(s Source) bool { return s.Model != nil })
	if first < 0 {
		return fmt.Errorf("blend: none of %d sources has learned anything: %w", len(sources), models.ErrNoData)
	}
	o.List, o.New = first, first
	return nil
}

// lost reports whether a source that was chosen has learned nothing after all.
func (o *Outcome) lost(sources []Source) bool {
	return slices.ContainsFunc([]int{o.List, o.New}, func(s int) bool { return s != Blend && sources[s].Model == nil })
}

type fit struct {
	Input
	o           Options
	progress    func(done, total int)
	done, steps int
}

// Progress is told in hundredths of a stage; a window has two: fitting its
// sources, and making its lists.
const (
	stage        = 100
	stepsAWindow = 2 * stage
)

func (f *fit) step(n int) {
	f.done += n
	if f.progress != nil {
		f.progress(f.done, f.steps)
	}
}

// within tells how far a stage has come that is not done yet.
func (f *fit) within(done, total int) {
	if f.progress != nil && total > 0 {
		f.progress(f.done+min(stage*done/total, stage-1), f.steps)
	}
}

func (f *fit) sources(ctx context.Context, ev *matrix.Events, now int32) ([]Source, error) {
	sources, err := f.Sources(ctx, ev, now, f.within)
	if err != nil {
		return nil, fmt.Errorf("blend: sources at day %d: %w", now, err)
	}
	f.step(stage)
	return sources, ctx.Err()
}

// learn goes through the windows, the earliest first, so that one window's
// sources are in memory at a time.
func (f *fit) learn(ctx context.Context, past []window) (Ranker, Outcome, error) {
	var lessons []lesson // of each window, the earliest first
	for i := len(past) - 1; i >= 0; i-- {
		w := past[i]
		m, err := f.at(ctx, w)
		if errors.Is(err, models.ErrNoData) {
			continue // it was too early for every source
		}
		if err != nil {
			return nil, Outcome{}, err
		}
		if i > 0 {
			l, err := f.lists(ctx, m, w)
			if err != nil {
				return nil, Outcome{}, err
			}
			lessons = append(lessons, l)
			f.step(stage)
			continue
		}
		return f.compete(ctx, m, w, lessons)
	}
	return nil, Outcome{}, ctx.Err()
}

// at fits the sources of a window.
func (f *fit) at(ctx context.Context, w window) (*Model, error) {
	sources, err := f.sources(ctx, w.ev, w.now)
	if err != nil {
		return nil, err
	}
	c, _ := newCatalogue(w.ev, w.now, f.o.RecentDays)
	var any Outcome
	if err := any.takeFirst(sources); err != nil {
		return nil, err
	}
	return New(f.o, sources, nil, c, any)
}

// compete holds the rankers against each other and the sources on the latest
// window, and learns the one to publish if it wins.
func (f *fit) compete(ctx context.Context, m *Model, w window, lessons []lesson) (Ranker, Outcome, error) {
	test := w
	earlier := lessons
	if len(earlier) == 0 {
		l, err := f.lists(ctx, m, w.part(0))
		if err != nil {
			return nil, Outcome{}, err
		}
		earlier, test = []lesson{l}, w.part(1)
	}
	rankers, err := f.rankers(ctx, m, earlier)
	if err != nil {
		return nil, Outcome{}, err
	}
	t, err := f.tally(ctx, m, rankers, test)
	if err != nil || t.lists < fewLists {
		return nil, Outcome{}, err
	}
	outcome := t.outcome(len(m.Sources))
	if outcome.List != Blend && outcome.New != Blend {
		f.step(stage)
		return nil, outcome, nil
	}
	ranker, err := f.again(ctx, m, f.Learners[outcome.Learner], w, lessons)
	if ranker == nil {
		ranker = rankers[outcome.Learner]
	}
	return ranker, outcome, err
}

// again learns a ranker from the latest windows, w the last of them; nil where
// there is too little to learn from.
func (f *fit) again(ctx context.Context, m *Model, learner Learner, w window, lessons []lesson) (Ranker, error) {
	l, err := f.lists(ctx, m, w)
	if err != nil {
		return nil, err
	}
	f.step(stage)
	lessons = append(lessons, l)
	return f.rankerOf(ctx, m, learner, lessons[max(0, len(lessons)-f.o.Windows):])
}

// rankers learns one ranker by each learner.
func (f *fit) rankers(ctx context.Context, m *Model, lessons []lesson) ([]Ranker, error) {
	out := make([]Ranker, len(f.Learners))
	for i, learner := range f.Learners {
		var err error
		if out[i], err = f.rankerOf(ctx, m, learner, lessons); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// rankerOf learns a ranker; nil where there is too little to learn from.
func (f *fit) rankerOf(ctx context.Context, m *Model, learner Learner, lessons []lesson) (Ranker, error) {
	all := joined(lessons)
	x := &matrix.Dense{Names: m.columns, Rows: len(all.y), Data: all.x}
	ranker, err := learner(ctx, x, all.y, all.group)
	if errors.Is(err, models.ErrNoData) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("blend: learning the ranker from %d candidates of %d lists: %w", len(all.y), len(all.group)-1, err)
	}
	return ranker, nil
}

// lesson is candidates with their labels, list by list.
type lesson struct {
	x     []float64
	y     []bool
	group []int32
}

// joined appends lessons, empty ones being none.
func joined(lessons []lesson) lesson {
	rows, numbers := 0, 0
	for _, l := range lessons {
		rows, numbers = rows+len(l.y), numbers+len(l.x)
	}
	all := lesson{x: make([]float64, 0, numbers), y: make([]bool, 0, rows), group: []int32{0}}
	for _, l := range lessons {
		if len(l.y) == 0 {
			continue
		}
		end := int32(len(all.y))
		all.x, all.y = append(all.x, l.x...), append(all.y, l.y...)
		for _, g := range l.group[1:] {
			all.group = append(all.group, end+g)
		}
	}
	return all
}

// lists makes a list of every customer of the window. Lists without a candidate
// that was bought teach nothing, and are left out.
func (f *fit) lists(ctx context.Context, m *Model, w window) (lesson, error) {
	each := make([]lesson, len(w.users))
	err := f.parallel(ctx, len(w.users), func(i int) error {
		h := before(w.ev.History(int(w.users[i])), w.now)
		work, err := m.begin(h, w.now)
		if err != nil {
			return err
		}
		defer m.pool.Put(work)
		work.features(&m.Catalogue, h, w.now)
		rng := rand.New(rand.NewPCG(f.o.Seed^uint64(uint32(w.now)), uint64(w.users[i])))
		each[i] = work.lesson(w.truth[i], f.o.Negatives, rng)
		return nil
	})
	return joined(each), err
}

// lesson keeps every candidate that was bought and so many of the others.
func (w *work) lesson(truth []int32, negatives int, rng *rand.Rand) lesson {
	var keep []int
	var others []int
	for i, it := range w.items {
		if _, bought := slices.BinarySearch(truth, it); bought {
			keep = append(keep, i)
		} else {
			others = append(others, i)
		}
	}
	if len(keep) == 0 {
		return lesson{}
	}
	if len(others) > negatives {
		rng.Shuffle(len(others), func(a, b int) { others[a], others[b] = others[b], others[a] })
		others = others[:negatives]
	}
	keep = append(keep, others...)
	slices.Sort(keep)
	l := lesson{group: []int32{0, int32(len(keep))}}
	for _, i := range keep {
		_, bought := slices.BinarySearch(truth, w.items[i])
		l.x, l.y = append(l.x, w.x.Row(i)...), append(l.y, bought)
	}
	return l
}

// tally measures the sources, and the blend by each of the rankers, nil ones as
// reaching nothing.
func (f *fit) tally(ctx context.Context, m *Model, rankers []Ranker, w window) (tally, error) {
	marks := make([]mark, len(w.users))
	err := f.parallel(ctx, len(w.users), func(i int) (err error) {
		marks[i], err = m.mark(rankers, before(w.ev.History(int(w.users[i])), w.now), w.now, w.truth[i])
		return err
	})
	var t tally
	t.add(marks)
	return t, err
}

func (m *Model) mark(rankers []Ranker, h matrix.History, now int32, truth []int32) (mark, error) {
	w, err := m.begin(h, now)
	if err != nil {
		return mark{}, err
	}
	defer m.pool.Put(w)
	scores := make([][]float32, len(m.Sources)+len(rankers))
	for s := range m.Sources {
		if w.speaks[s] {
			scores[s] = w.scores[s]
		}
	}
	for i, r := range rankers {
		if r == nil {
			continue
		}
		blended := make([]float32, m.Items())
		if err := m.blend(r, w, h, now, blended); err != nil {
			return mark{}, err
		}
		scores[len(m.Sources)+i] = blended
	}
	return measure(scores, w.own, truth), nil
}

// parallel calls do for every number below n, until one fails.
func (f *fit) parallel(ctx context.Context, n int, do func(i int) error) error {
	workers := f.o.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	errs := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				if errs[i] = ctx.Err(); errs[i] == nil {
					errs[i] = do(i)
				}
				if errs[i] != nil {
					next.Store(int64(n))
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
