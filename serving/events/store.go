package events

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"regulars/data"
)

const (
	// mostQueued bounds the rows that wait to be written.
	mostQueued = 20_000
	// mostTogether bounds the rows of one transaction, and so how long those
	// who come next wait.
	mostTogether = 5_000
	// syncEvery is how long after one transaction began the next does at the
	// earliest: what comes in between shares its sync.
	syncEvery = 10 * time.Millisecond
	// lookAgain is how often it is looked whether others have written.
	lookAgain = time.Second
)

// Options of a Store; the zero value means the defaults.
type Options struct {
	Now func() time.Time // the clock; default time.Now
	// Committed is told of every transaction, from the goroutine that writes,
	// before it is acknowledged. Default: nobody.
	Committed func(requests, rows int)
	// Report is told when others' writes cannot be read, and nil when they can
	// be again. Default: nobody.
	Report func(error)
}

// Store takes in what a shop tells and answers from memory what is known of it.
// It is safe for concurrent use.
type Store struct {
	*overlay // what serving asks

	db      *DB
	opts    Options
	queue   chan *job
	most    int64        // rows that may be pending
	pending atomic.Int64 // rows queued or being written
	refused atomic.Int64 // requests refused because the queue was full
	commits atomic.Int64
	written atomic.Int64 // rows

	mu     sync.RWMutex // guards closed, and queue against being closed
	closed bool
	ended  chan error
}

// job is one request, carried out by the writer.
type job struct {
	rows  int
	write func(*batch) error // in the transaction; may be called once
	done  chan error
}

// Open opens the event log at path, reads what serving asks for, and begins to
// take in.
func Open(path string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Committed == nil {
		o.Committed = func(int, int) {}
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	db, err := OpenDB(path)
	if err != nil {
		return nil, err
	}
	known := newOverlay(mostTrails)
	w, err := newWriter(context.Background(), db, known)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	// The queue holds any request that the bound on rows lets in, each having one at least.
	s := &Store{overlay: known, db: db, opts: o, most: mostQueued, queue: make(chan *job, mostQueued), ended: make(chan error, 1)}
	go s.run(w)
	return s, nil
}

// Close writes what has queued up and releases the file. Closing twice is an error.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	s.closed = true
	close(s.queue)
	s.mu.Unlock()
	return errors.Join(<-s.ended, s.db.Close())
}

var errClosed = errors.New("the event log is closed")

// run is the writer's goroutine: it ends when the queue is closed and empty.
func (s *Store) run(w *writer) {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	ctx, told := context.Background(), false
	var last time.Time // when the last transaction began
	for {
		select {
		case first, open := <-s.queue:
			if !open {
				s.ended <- explain(w.close())
				return
			}
			time.Sleep(time.Until(last.Add(syncEvery)))
			last = time.Now()
			s.together(ctx, w, s.gather(first))
		case <-tick.C:
			err := w.catchUp(ctx)
			if failed := err != nil; failed != told {
				s.opts.Report(explain(err))
				told = failed
			}
		}
	}
}

// gather takes what has queued up behind a job, up to what one transaction holds.
func (s *Store) gather(first *job) []*job {
	jobs, rows := []*job{first}, first.rows
	for rows < mostTogether {
		select {
		case j, open := <-s.queue:
			if !open {
				return jobs
			}
			jobs, rows = append(jobs, j), rows+j.rows
		default:
			return jobs
		}
	}
	return jobs
}

func (s *Store) together(ctx context.Context, w *writer, jobs []*job) {
	rows := 0
	for _, j := range jobs {
		rows += j.rows
	}
	err := w.commit(ctx, jobs, s.opts.Now())
	if err == nil {
		s.commits.Add(1)
		s.written.Add(int64(rows))
		s.opts.Committed(len(jobs), rows)
	}
	s.pending.Add(-int64(rows))
	for _, j := range jobs {
		j.done <- explain(err)
	}
}

// do queues a job and waits until it is on disk. Where ctx ends first, it may
// still be done.
func (s *Store) do(ctx context.Context, rows int, write func(*batch) error) error {
	j := &job{rows: rows, write: write, done: make(chan error, 1)}
	if err := s.enqueue(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) enqueue(j *job) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	if s.pending.Add(int64(j.rows)) > s.most {
		s.pending.Add(-int64(j.rows))
		s.refused.Add(1)
		return ErrBusy
	}
	s.queue <- j
	return nil
}

// Stats are counts since the store was opened, and what is held now.
type Stats struct {
	Queued  int64 // rows that wait to be written
	Refused int64 // requests refused because too many did
	Commits int64 // transactions, each one sync
	Written int64 // rows
	Trails  int   // customers and sessions whose latest doings are in memory
	Items   int   // items of which something was told
}

// Stats returns what an operator wants to know.
func (s *Store) Stats() Stats {
	st := Stats{Queued: s.pending.Load(), Refused: s.refused.Load(), Commits: s.commits.Load(), Written: s.written.Load()}
	st.Trails, st.Items = s.overlay.size()
	return st
}

// Rejected is a row that was not taken.
type Rejected struct {
	Index    int    // in the request, from 0
	Detail   string // worded for whoever sent it
	Conflict bool   // with what was told before, not a mistake of form
}

// Result is what became of the rows of a request: Accepted + Duplicate +
// len(Rejected) of them.
type Result struct {
	Accepted  int
	Duplicate int      // known already, or older than what is known
	IDs       []string // of rows by index: of events their event_id, of items their item_id; "" where rejected
	Rejected  []Rejected
}

// intake is how one kind of row is taken in.
type intake struct {
	schema *data.Schema
	id     string // the column that Result.IDs tells
	check  func(record) error
	write  func(*batch, record) (outcome, error)
}

var (
	eventIntake    = intake{&eventSchema, "event_id", checkEvent, (*batch).event}
	contactIntake  = intake{&contactSchema, "contact_id", func(record) error { return nil }, (*batch).contact}
	itemIntake     = intake{&itemSchema, "item_id", checkItem, (*batch).item}
	identityIntake = intake{&linkSchema, "user_id", checkIdentity, (*batch).identity}
)

// Events takes in what shoppers saw and did, each a JSON object with fields of
// the lake's events; a purchase may have those of an order line besides. They
// are on disk when it returns. Rows that are wrong are rejected and do not keep
// the others out; an error (ErrBusy, ErrFull, ErrUnavailable) keeps all out.
func (s *Store) Events(ctx context.Context, rows []json.RawMessage) (Result, error) {
	return s.take(ctx, eventIntake, rows)
}

// Contacts takes in messages sent or withheld, and what became of them, as Events does.
func (s *Store) Contacts(ctx context.Context, rows []json.RawMessage) (Result, error) {
	return s.take(ctx, contactIntake, rows)
}

// Items takes in stock, prices and availability, as Events does.
func (s *Store) Items(ctx context.Context, rows []json.RawMessage) (Result, error) {
	return s.take(ctx, itemIntake, rows)
}

// Identities takes in whose a session or an alias is, as Events does.
func (s *Store) Identities(ctx context.Context, rows []json.RawMessage) (Result, error) {
	return s.take(ctx, identityIntake, rows)
}

func (s *Store) take(ctx context.Context, in intake, texts []json.RawMessage) (Result, error) {
	res := Result{IDs: make([]string, len(texts))}
	now := s.opts.Now()
	records := make([]record, len(texts))
	good := 0
	for i, text := range texts {
		r, err := parse(in.schema, text, now)
		if err == nil {
			err = in.check(r)
		}
		if err != nil {
			res.Rejected = append(res.Rejected, Rejected{Index: i, Detail: err.Error()})
			continue
		}
		records[i] = r
		good++
	}
	if good == 0 {
		return res, nil
	}
	err := s.do(ctx, good, func(b *batch) error { return in.all(b, records, &res) })
	if err != nil {
		return Result{}, err // what the writer may still be filling is left to it
	}
	slices.SortFunc(res.Rejected, func(a, b Rejected) int { return a.Index - b.Index })
	return res, nil
}

// all writes the rows that there are.
func (in intake) all(b *batch, records []record, res *Result) error {
	for i, r := range records {
		if r.schema == nil {
			continue
		}
		what, err := in.write(b, r)
		var refused *refusal
		switch {
		case errors.As(err, &refused):
			res.Rejected = append(res.Rejected, Rejected{i, refused.detail, refused.conflict})
			continue
		case err != nil:
			return err
		case what == duplicate:
			res.Duplicate++
		default:
			res.Accepted++
		}
		res.IDs[i] = r.text(in.id)
	}
	return nil
}

// Sync takes in at once what others have written to the file; by itself it is
// looked for every second.
func (s *Store) Sync(ctx context.Context) error {
	return s.do(ctx, 1, func(*batch) error { return nil })
}
