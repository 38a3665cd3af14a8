package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"regulars/features/matrix"
	"regulars/models"
)

// Options of Evaluate. The zero value asks for all slices on all cores.
type Options struct {
	// ExcludeTrain leaves a user's train items out of candidates and truth of
	// the plain metrics, which are then the only ones.
	ExcludeTrain bool
	Workers      int // 0 = GOMAXPROCS
}

// Evaluate asks rec for the scores of every item for every user with truth, and
// measures the first k of each list for each k of ks. The history of a user is
// theirs in train, now is the day of the split; truth holds the items of each
// user of train (ascending, distinct; empty = not evaluated).
// The result has the keys recall@k, ndcg@k, mrr@k, hit@k, map@k and coverage@k,
// each also as new: (candidates without the user's train items, truth never had
// before) and repeat: (candidates and truth among the train items). Memory is one
// score vector a worker plus one row of values a user; a score that is not
// finite is an error.
func Evaluate(ctx context.Context, rec models.Recommender, train *matrix.Events, truth [][]int32, now int32, ks []int, o Options) (*Ranking, error) {
	if err := checkEvaluation(rec, train, truth, ks); err != nil {
		return nil, err
	}
	e := newEvaluation(rec, train, truth, now, ks, o)
	if err := e.run(ctx); err != nil {
		return nil, err
	}
	return e.result(), nil
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
	train    *matrix.Events
	truth    [][]int32
	now      int32
	ks       []int
	slices   []string
	workers  int
	exclude  bool
	out      *Ranking
	unknown  atomic.Int64
	covered  []atomic.Bool // slice × k × item
	nextUser atomic.Int64
}

func newEvaluation(rec models.Recommender, train *matrix.Events, truth [][]int32, now int32, ks []int, o Options) *evaluation {
	ks = slices.Compact(slices.Sorted(slices.Values(ks)))
	e := &evaluation{rec: rec, train: train, truth: truth, now: now, ks: ks, exclude: o.ExcludeTrain,
		slices: []string{sliceAll, sliceNew, sliceRepeat}, workers: o.Workers}
	if o.ExcludeTrain {
		e.slices = []string{sliceAll}
	}
	if e.workers <= 0 {
		e.workers = runtime.GOMAXPROCS(0)
	}
	e.out = &Ranking{Keys: keysOf(e.slices, ks), Coverage: map[string]float64{}}
	for u, items := range truth {
		if len(items) > 0 {
			e.out.Users = append(e.out.Users, int32(u))
		}
	}
	e.out.Values = make([]float64, len(e.out.Users)*len(e.out.Keys))
	e.covered = make([]atomic.Bool, len(e.slices)*len(ks)*train.Items)
	return e
}

func (e *evaluation) run(ctx context.Context) error {
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
	scores := make([]float32, e.train.Items)
	for {
		row := int(e.nextUser.Add(1) - 1)
		if row >= len(e.out.Users) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := e.user(row, scores); err != nil {
			return fmt.Errorf("user %d: %w", e.out.Users[row], err)
		}
	}
}

func (e *evaluation) user(row int, scores []float32) error {
	u := e.out.Users[row]
	h := e.train.History(int(u))
	err := e.rec.Score(h, e.now, scores)
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
	width := len(e.out.Keys)
	values := e.out.Values[row*width : (row+1)*width]
	for s, name := range e.slices {
		list, truth := e.list(name, scores, had, e.truth[u], unknown)
		e.fill(s, values, list, truth)
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

func (e *evaluation) fill(s int, values []float64, list, truth []int32) {
	width := len(perUser)
	for j, k := range e.ks {
		at := s*len(e.ks) + j
		rankingValues(values[at*width:(at+1)*width], list, truth, k)
		if len(truth) == 0 {
			continue
		}
		for _, item := range list[:min(k, len(list))] {
			e.covered[at*e.train.Items+int(item)].Store(true)
		}
	}
}

func (e *evaluation) result() *Ranking {
	known := make([]bool, e.train.Items)
	total := 0
	for _, it := range e.train.Item {
		if !known[it] {
			known[it] = true
			total++
		}
	}
	for s, name := range e.slices {
		for j, k := range e.ks {
			at := (s*len(e.ks) + j) * e.train.Items
			e.out.Coverage[name+"coverage@"+strconv.Itoa(k)] = e.share(known, total, at)
		}
	}
	e.out.Unknown = int(e.unknown.Load())
	return e.out
}

func (e *evaluation) share(known []bool, total, at int) float64 {
	n := 0
	for i := range known {
		if known[i] && e.covered[at+i].Load() {
			n++
		}
	}
	return float64(n) / float64(max(1, total))
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
		if f := float64(s); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("score of item %d is %v: every score must be a finite number", i, s)
		}
	}
	return nil
}
