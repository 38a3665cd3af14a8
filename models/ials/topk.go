package ials

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/kernel"
)

const (
	// batchUsers rows of factors stay in the second-level cache while all items pass
	// by: fewer where their lists would hold more than batchList places.
	batchUsers = 512
	batchList  = 1 << 20
	// batchItems is how many items pass before a cancelled context is noticed.
	batchItems = 3072 // a multiple of kernel.PanelColumns
	// inFlight is how many batches a worker may be ahead of the one being emitted.
	inFlight = 3
)

// TopK is described at models.BatchTopper. Items never seen in training score 0
// here as in Score. It holds a second copy of the factors and, for every worker,
// the lists of a few hundred users.
func (m *Model) TopK(ctx context.Context, ev *matrix.Events, users []int32, now int32, k int, excludeSeen bool, workers int,
	emit func(user int32, items []int32, scores []float32) error) error {
	if ev.Items != m.Items() {
		return fmt.Errorf("ials: interactions with %d items, the model has %d", ev.Items, m.Items())
	}
	for _, u := range users {
		if u < 0 || int(u) >= ev.Users {
			return fmt.Errorf("ials: user %d of %d users", u, ev.Users)
		}
	}
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	d := m.Options.Factors
	t := &topper{m: m, ev: ev, now: now, k: min(max(k, 0), m.Items()), excludeSeen: excludeSeen,
		batch:  min(batchUsers, max(8, batchList/max(k, 1))),
		packed: kernel.Pack(true, d, m.Items(), m.Factors, d, workers)}
	return t.run(ctx, users, workers, emit)
}

// topper is one call of TopK.
type topper struct {
	m           *Model
	ev          *matrix.Events
	now         int32
	k           int
	excludeSeen bool
	batch       int // users
	packed      *kernel.Packed
}

// batch is a few users and, once done, their lists.
type batch struct {
	users  []int32
	ends   []int // list i is items[ends[i-1]:ends[i]]
	items  []int32
	scores []float32
	done   chan error
}

// run deals batches out and emits them in order. The batches in flight are few,
// and used again, so that memory does not grow with the number of users.
func (t *topper) run(ctx context.Context, users []int32, workers int, emit func(int32, []int32, []float32) error) error {
	ctx, cancel := context.WithCancel(ctx)
	todo := make(chan *batch, workers*inFlight)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(todo)
	defer cancel()
	for range workers {
		wg.Go(func() {
			r := t.newRanker()
			for b := range todo {
				b.done <- r.rank(ctx, b)
			}
		})
	}
	var waiting []*batch
	for len(users) > 0 || len(waiting) > 0 {
		if len(users) > 0 && len(waiting) < workers*inFlight {
			n := min(t.batch, len(users))
			b := &batch{users: users[:n], done: make(chan error, 1)}
			users, waiting = users[n:], append(waiting, b)
			todo <- b
			continue
		}
		b := waiting[0]
		waiting = waiting[1:]
		if err := errors.Join(<-b.done, b.emit(emit)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (b *batch) emit(emit func(int32, []int32, []float32) error) error {
	from := 0
	for i, end := range b.ends {
		if err := emit(b.users[i], b.items[from:end:end], b.scores[from:end:end]); err != nil {
			return err
		}
		from = end
	}
	return nil
}

// ranker is the scratch of one worker.
type ranker struct {
	*topper
	folder    *folder
	strip     *kernel.Strip
	factors   []float32 // batchUsers × d
	selectors []kernel.Selector
	seen      [][]int32
}

func (t *topper) newRanker() *ranker {
	return &ranker{topper: t, folder: t.m.newFolder(), strip: t.packed.NewStrip(),
		factors:   make([]float32, t.batch*t.m.Options.Factors),
		selectors: make([]kernel.Selector, t.batch), seen: make([][]int32, t.batch)}
}

// rank fills in the lists of the batch.
func (r *ranker) rank(ctx context.Context, b *batch) error {
	if err := r.foldAll(b.users); err != nil {
		return err
	}
	n, d := len(b.users), r.m.Options.Factors
	r.strip.Load(n, r.factors, d)
	for from := 0; from < r.m.Items(); from += batchItems {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.strip.Offer(from, min(from+batchItems, r.m.Items()), r.selectors[:n])
	}
	b.items, b.scores = make([]int32, 0, n*r.k), make([]float32, 0, n*r.k)
	for i := range n {
		b.items, b.scores = r.selectors[i].Take(b.items, b.scores)
		b.ends = append(b.ends, len(b.items))
	}
	return nil
}

// foldAll folds the users in. One of whom nothing is known gets factors 0, and no list.
func (r *ranker) foldAll(users []int32) error {
	d := r.m.Options.Factors
	for i, u := range users {
		h, own := r.ev.History(int(u)), r.factors[i*d:(i+1)*d]
		k, err := r.k, r.folder.fold(h, r.now, own)
		switch {
		case errors.Is(err, models.ErrUnknown):
			clear(own)
			k = 0
		case err != nil:
			return fmt.Errorf("user %d: %w", u, err)
		}
		r.seen[i] = r.seen[i][:0]
		if r.excludeSeen {
			r.seen[i] = appendSeen(r.seen[i], h, r.now)
		}
		r.selectors[i].Reset(k, r.seen[i])
	}
	return nil
}

// appendSeen appends the distinct items of h before now, ascending.
func appendSeen(items []int32, h matrix.History, now int32) []int32 {
	for i, item := range h.Item {
		if h.Day[i] < now && (len(items) == 0 || items[len(items)-1] != item) {
			items = append(items, item)
		}
	}
	return items
}
