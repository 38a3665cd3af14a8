package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"regulars/features/matrix"
	"regulars/models"
)

// Options of Evaluate. The zero value asks for all slices on all cores.
type Options struct {
	// ExcludeTrain leaves a user's train items out of candidates and truth of
	// the plain metrics, which are then the only slice.
	ExcludeTrain bool
	Workers      int // 0 = GOMAXPROCS; the result does not depend on it

	// For, when set, gives the recommender that is asked for a user of train in
	// place of rec: for lists that follow from more than a history.
	For func(user int32) models.Recommender

	// Progress, when set, is told now and then how many users are done.
	// Calls never overlap.
	Progress func(done, total int)
}

// Evaluate asks rec for the scores of every item for every user with truth, and
// measures the first k of each list for each k of ks. The history of a user is
// theirs in train, now is the day of the split; truth holds the items of each
// user of train (ascending, distinct; empty = not evaluated).
//
// The result has the metrics of Ranking for three slices: plain, new:
// (candidates without the user's train items, truth never had before) and
// repeat: (candidates and truth among the train items); and for the plain slice
// of light and of heavy users. With ExcludeTrain a models.BatchTopper is asked
// for many users at once; the other slices need every score.
//
// Memory is a score vector and a crowd of train users a worker, a row of values
// a user, and a count an item; a score that is not finite is an error.
func Evaluate(ctx context.Context, rec models.Recommender, train *matrix.Events, truth [][]int32, now int32, ks []int, o Options) (*Ranking, error) {
	if err := checkEvaluation(rec, train, truth, ks); err != nil {
		return nil, err
	}
	e := newEvaluation(rec, train, truth, now, ks, o)
	if err := e.run(ctx); err != nil {
		return nil, err
	}
	e.finish()
	return e.out, nil
}

func checkEvaluation(rec models.Recommender, train *matrix.Events, truth [][]int32, ks []int) error {
	if rec.Items() != train.Items {
		return fmt.Errorf("model knows %d items, train has %d: they must share a vocabulary", rec.Items(), train.Items)
	}
	if len(truth) != train.Users {
		return fmt.Errorf("truth of %d users, train has %d", len(truth), train.Users)
	}
	if len(ks) == 0 || slices.Min(ks) < 1 {
		return fmt.Errorf("k is %v: list lengths must be given and at least 1", ks)
	}
	for u, items := range truth {
		for i, it := range items {
			if it < 0 || int(it) >= train.Items || i > 0 && items[i-1] >= it {
				return fmt.Errorf("truth of user %d: items must be ascending, distinct and below %d", u, train.Items)
			}
		}
	}
	return nil
}

type evaluation struct {
	rec      models.Recommender
	of       func(user int32) models.Recommender // nil = rec for everybody
	train    *matrix.Events
	truth    [][]int32
	now      int32
	ks       []int
	slices   []string
	workers  int
	exclude  bool
	progress func(done, total int)
	ground   *ground
	out      *Ranking
	unknown  atomic.Int64
	shelves  *shelves
	nextUser atomic.Int64

	told sync.Mutex
	done int
}

func newEvaluation(rec models.Recommender, train *matrix.Events, truth [][]int32, now int32, ks []int, o Options) *evaluation {
	ks = slices.Compact(slices.Sorted(slices.Values(ks)))
	e := &evaluation{rec: rec, of: o.For, train: train, truth: truth, now: now, ks: ks, exclude: o.ExcludeTrain, progress: o.Progress,
		slices: []string{sliceAll, sliceNew, sliceRepeat}, workers: o.Workers, ground: newGround(train)}
	if o.ExcludeTrain {
		e.slices = []string{sliceAll}
	}
	if e.workers <= 0 {
		e.workers = runtime.GOMAXPROCS(0)
	}
	e.out = &Ranking{Keys: keysOf(e.slices, ks)}
	for u, items := range truth {
		if len(items) > 0 {
			e.out.Users = append(e.out.Users, int32(u))
		}
	}
	e.out.Heavy = heavy(train, e.out.Users)
	e.out.Values = make([]float32, len(e.out.Users)*len(e.out.Keys))
	e.out.DiversityUsers = min(len(e.out.Users), e.ground.affordable(ks[len(ks)-1]))
	e.shelves = newShelves(append(slices.Clone(e.slices), prefixLight, prefixHeavy), ks, train.Items)
	return e
}

// heavy says of each user whether they have more interactions in train than the
// median of these users; the others are light.
func heavy(train *matrix.Events, users []int32) []bool {
	counts := make([]int, len(users))
	for i, u := range users {
		counts[i] = len(train.History(int(u)).Item)
	}
	out := make([]bool, len(users))
	if len(users) == 0 {
		return out
	}
	sorted := slices.Sorted(slices.Values(counts))
	median := float64(sorted[(len(sorted)-1)/2]+sorted[len(sorted)/2]) / 2
	for i, n := range counts {
		out[i] = float64(n) > median
	}
	return out
}

func (e *evaluation) run(ctx context.Context) error {
	if b, ok := e.rec.(models.BatchTopper); ok && e.exclude && e.of == nil {
		return e.batch(ctx, b)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for range min(e.workers, max(1, len(e.out.Users))) {
		wg.Go(func() {
			if err := e.work(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (e *evaluation) work(ctx context.Context) error {
	scores, c := make([]float32, e.train.Items), e.ground.crowd()
	for {
		row := int(e.nextUser.Add(1) - 1)
		if row >= len(e.out.Users) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.user(row, scores, c); err != nil {
			return fmt.Errorf("user %d: %w", e.out.Users[row], err)
		}
		e.tick()
	}
}

// tick tells the progress once in a while.
func (e *evaluation) tick() {
	if e.progress == nil {
		return
	}
	e.told.Lock()
	defer e.told.Unlock()
	if e.done++; e.done%256 == 0 || e.done == len(e.out.Users) {
		e.progress(e.done, len(e.out.Users))
	}
}

func (e *evaluation) user(row int, scores []float32, c *crowd) error {
	u := e.out.Users[row]
	h, rec := e.train.History(int(u)), e.rec
	if e.of != nil {
		rec = e.of(u)
	}
	err := rec.Score(h, e.now, scores)
	unknown := errors.Is(err, models.ErrUnknown)
	switch {
	case unknown:
		e.unknown.Add(1)
	case err != nil:
		return err
	default:
		if err := checkScores(scores); err != nil {
			return err
		}
	}
	had := slices.Compact(slices.Clone(h.Item))
	for s, name := range e.slices {
		list, truth := e.list(name, scores, had, e.truth[u], unknown)
		e.fill(row, s, list, truth, c)
	}
	return nil
}

// list returns the ranking and the truth of one slice for one user.
func (e *evaluation) list(slice string, scores []float32, had, truth []int32, unknown bool) (list, cut []int32) {
	k := e.ks[len(e.ks)-1]
	switch {
	case slice == sliceRepeat:
		cut = split(truth, had, true)
		list = TopKOf(scores, k, had)
	case slice == sliceNew || e.exclude:
		cut = split(truth, had, false)
		list = TopK(scores, k, had)
	default:
		cut = truth
		list = TopK(scores, k, nil)
	}
	if unknown {
		list = nil
	}
	return list, cut
}

// fill writes the values of one slice of one user; without truth there they are
// undefined and the list counts for nothing.
func (e *evaluation) fill(row, s int, list, truth []int32, c *crowd) {
	width := len(e.ks) * len(perUser)
	values := e.out.Values[row*len(e.out.Keys)+s*width:][:width]
	if len(truth) == 0 {
		for i := range values {
			values[i] = float32(math.NaN())
		}
		return
	}
	var diversity []float64
	if sampled(row, len(e.out.Users), e.out.DiversityUsers) {
		diversity = c.diversity(list, e.ks)
	}
	for j, k := range e.ks {
		first := list[:min(k, len(list))]
		v := hits(first, truth, k)
		v.novelty, v.diversity = e.ground.novelty(first), math.NaN()
		if diversity != nil {
			v.diversity = diversity[j]
		}
		v.put(values[j*len(perUser):])
		e.shelves.add(s, j, first)
		if s == 0 {
			e.shelves.add(len(e.slices)+bit(e.out.Heavy[row]), j, first)
		}
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (e *evaluation) finish() {
	e.out.Unknown = int(e.unknown.Load())
	e.out.Whole = e.shelves.shares(e.ground.holders)
}

// split returns the members of a that are (in) or are not in b; both ascending.
func split(a, b []int32, in bool) []int32 {
	var out []int32
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); ok == in {
			out = append(out, x)
		}
	}
	return out
}

func checkScores(scores []float32) error {
	for i, s := range scores {
		if s-s != 0 { // NaN or infinite
			return fmt.Errorf("score of item %d is %v: every score must be a finite number", i, s)
		}
	}
	return nil
}
