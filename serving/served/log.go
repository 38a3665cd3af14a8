package served

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Record is one list that was shown.
type Record struct {
	ID             string // of the recommendation
	At             time.Time
	Placement, Arm string // "" = none
	User, Session  string // "" = not known
	Items          []Shown

	line []byte // what is written of it
}

// Shown is one item of a list, in the order of the list.
type Shown struct {
	ID, Strategy string
	Propensity   float64 // of the item in its slot, given the slots before; 0 = it was certain
}

// Options of a Log; the zero value means the defaults.
type Options struct {
	Queue int              // records that wait to be written. Default 4096
	Bytes int64            // of a file before the next is begun. Default 64 MB
	Keep  time.Duration    // for which files stay. Default 90 days
	Now   func() time.Time // Default time.Now
	// Erased says of a customer or a session that nobody is to be named: the list is
	// written down without them. Default: of nobody.
	Erased func(id string) bool
	// Renew is called when all that is written next must go by the latest word on who
	// was erased: see Forget. Default: nothing is.
	Renew  func() error
	Report func(err error) // told when writing begins to fail, and with nil when it works again. Default: nobody

	create func(path string) (*os.File, error) // for tests of failing disks
}

const (
	keepLists = 90 * 24 * time.Hour
	hourly    = time.Hour             // a file holds no more than this
	takeEvery = 20 * time.Millisecond // how long a record waits at most: waking the writer costs more than writing
	syncEvery = time.Second           // what is written less long ago may be lost if the machine stops
)

// Log appends to files of one folder, a JSON object a line. A request never waits
// for it: what does not fit into its queue is dropped and counted.
type Log struct {
	dir     string
	opts    Options
	queue   chan *Record
	filling chan struct{} // told when the queue is half full
	pool    sync.Pool
	dropped atomic.Int64
	written atomic.Int64
	closing chan struct{}
	done    chan struct{}
	close   sync.Once
	err     error // of Close; read after done
}

// complete fills the defaults in.
func (o Options) complete() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	if o.Erased == nil {
		o.Erased = func(string) bool { return false }
	}
	if o.Renew == nil {
		o.Renew = func() error { return nil }
	}
	if o.create == nil {
		o.create = func(path string) (*os.File, error) {
			return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		}
	}
	o.Queue, o.Bytes, o.Keep = cmp.Or(o.Queue, 4096), cmp.Or(o.Bytes, 64<<20), cmp.Or(o.Keep, keepLists)
	return o
}

// Open begins to write into a folder, which is made if need be.
func Open(dir string, opts Options) (*Log, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of lists shown: %w", err)
	}
	l := newLog(dir, opts)
	go l.run()
	return l, nil
}

// newLog returns a log that nobody writes for yet.
func newLog(dir string, opts Options) *Log {
	opts = opts.complete()
	l := &Log{dir: dir, opts: opts, queue: make(chan *Record, opts.Queue), filling: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	l.pool.New = func() any { return new(Record) }
	return l
}

// New returns an empty record to fill and Add.
func (l *Log) New() *Record { return l.pool.Get().(*Record) }

// Add takes a record of New, which is the log's from then on. It is put into words
// at once, while all that it speaks of is at hand.
func (l *Log) Add(r *Record) {
	r.line = r.appendJSON(r.line[:0])
	select {
	case l.queue <- r:
	default:
		l.dropped.Add(1)
		l.recycle(r)
	}
	if len(l.queue) > cap(l.queue)/2 {
		select {
		case l.filling <- struct{}{}:
		default: // the writer knows
		}
	}
}

func (l *Log) recycle(r *Record) {
	clear(r.Items) // holds on to no text
	*r = Record{Items: r.Items[:0], line: r.line}
	l.pool.Put(r)
}

// Status is what an operator wants to know of a log.
type Status struct {
	Queued  int
	Written int64 // records
	Dropped int64 // for want of room, or because the disk failed
}

// Status returns the state of the log.
func (l *Log) Status() Status {
	return Status{Queued: len(l.queue), Written: l.written.Load(), Dropped: l.dropped.Load()}
}

// Close writes what is queued and ends. Nothing may be added afterwards.
func (l *Log) Close() error {
	l.close.Do(func() { close(l.closing) })
	<-l.done
	return l.err
}

// writer is the one goroutine's file.
type writer struct {
	*Log
	file    *os.File
	buf     *bufio.Writer
	size    int64
	unsaved int64 // records not yet synced
	opened  time.Time
	asked   time.Time // when it was last asked to begin anew
	failing bool
	before  int64 // records written when it was last noted how writing does
	resting bool  // it failed since the last tick: a file for each try would fill the folder
}

func (l *Log) run() {
	defer close(l.done)
	w := &writer{Log: l, buf: bufio.NewWriterSize(nil, 1<<16), asked: asked(l.dir)}
	look, tick := time.NewTicker(takeEvery), time.NewTicker(syncEvery)
	defer look.Stop()
	defer tick.Stop()
	for {
		select {
		case <-look.C:
			w.drain()
		case <-l.filling:
			w.drain()
		case <-tick.C:
			w.resting = false
			w.note(w.tidy())
			w.expire()
		case <-l.closing:
			l.err = w.finish()
			return
		}
	}
}

// tidy makes sure of what is written, and begins anew where that is asked for:
// everybody who was erased before is known from then on.
func (w *writer) tidy() error {
	when := asked(w.dir)
	if when.Equal(w.asked) {
		return w.save()
	}
	if err := w.opts.Renew(); err != nil {
		return errors.Join(err, w.save()) // the next tick tries again
	}
	w.asked = when
	return w.end()
}

func (w *writer) finish() error {
	w.drain()
	return w.end()
}

// drain writes what is queued by now, and keeps none of it to itself: what is
// written outlives a kill of the server.
func (w *writer) drain() {
	for n := len(w.queue); n > 0; n-- {
		w.take(<-w.queue)
	}
	if w.file == nil {
		return
	}
	if err := w.buf.Flush(); err != nil {
		w.abandon()
		w.note(fmt.Errorf("writing down lists shown: %w", err))
	}
}

// take writes a record, or counts it as dropped.
func (w *writer) take(r *Record) {
	var err error
	if !w.resting {
		err = w.write(r)
	}
	w.recycle(r)
	if w.resting || err != nil {
		w.unsaved++ // it goes the way of those before it that were not saved
		w.abandon()
	}
	w.note(err)
}

func (w *writer) write(r *Record) error {
	if err := w.rotate(); err != nil {
		return err
	}
	if w.opts.Erased(r.User) || w.opts.Erased(r.Session) {
		r.User, r.Session = "", ""
		r.line = r.appendJSON(r.line[:0])
	}
	n, err := w.buf.Write(r.line)
	if err != nil {
		return err
	}
	w.size += int64(n)
	w.unsaved++
	return nil
}

// note reports when writing begins to fail, and when it works again: when
// something has reached the disk.
func (w *writer) note(err error) {
	failing := err != nil || w.failing && w.written.Load() == w.before
	w.before = w.written.Load()
	if failing != w.failing {
		w.failing = failing
		w.opts.Report(err)
	}
}

// rotate begins a file where there is none, or the one there is is full or an
// hour old. A file is never opened again: one whose last line is torn stays so.
func (w *writer) rotate() error {
	now := w.opts.Now()
	if w.file != nil && w.size < w.opts.Bytes && now.Sub(w.opened) < hourly && !now.Before(w.opened) {
		return nil
	}
	if err := w.end(); err != nil {
		return err
	}
	file, err := w.opts.create(filepath.Join(w.dir, now.UTC().Format(nameForm)))
	if err != nil {
		return fmt.Errorf("beginning a file of lists shown: %w", err)
	}
	if err := w.ready(file); err != nil {
		_ = os.Remove(file.Name()) // an empty file is no harm, but one for each try is
		return errors.Join(err, file.Close())
	}
	w.file, w.size, w.opened = file, 0, now
	w.buf.Reset(file)
	return nil
}

// ready holds a new file, and makes sure that everybody is known who was erased
// before it was there: who asks does not see files begun later. The next tick ends
// this one too, because it may have been seen.
func (w *writer) ready(file *os.File) error {
	if err := hold(file); err != nil {
		return fmt.Errorf("beginning a file of lists shown: %w", err)
	}
	if asked(w.dir).Equal(w.asked) {
		return nil
	}
	return w.opts.Renew()
}

// nameForm names a file by when it was begun, in UTC.
const nameForm = "20060102T150405.000000000Z" + ending

const ending = ".jsonl"

// save makes what was written survive a stop of the machine.
func (w *writer) save() error {
	if w.file == nil || w.unsaved == 0 {
		return nil
	}
	if err := errors.Join(w.buf.Flush(), w.file.Sync()); err != nil {
		w.abandon()
		return fmt.Errorf("writing down lists shown: %w", err)
	}
	w.written.Add(w.unsaved)
	w.unsaved = 0
	return nil
}

// abandon gives a file up that cannot be written, until the next tick: what may
// not be in it counts as dropped. One that nothing has reached is removed.
func (w *writer) abandon() {
	w.dropped.Add(w.unsaved)
	w.unsaved, w.resting = 0, true
	if w.file == nil {
		return
	}
	if info, err := w.file.Stat(); err == nil && info.Size() == 0 {
		_ = os.Remove(filepath.Join(w.dir, w.opened.UTC().Format(nameForm))) // an empty file is no harm
	}
	_ = w.file.Close() // it has failed already
	w.file = nil
}

func (w *writer) end() error {
	err := w.save()
	if w.file == nil {
		return err
	}
	err = errors.Join(err, w.file.Close())
	w.file = nil
	return err
}

// expire removes files that have been kept long enough.
func (w *writer) expire() {
	names, err := files(w.dir)
	if err != nil {
		return // the next look is a second away
	}
	for _, f := range names {
		if w.opts.Now().Sub(f.begun) > w.opts.Keep+hourly {
			_ = os.Remove(filepath.Join(w.dir, f.name)) // as above
		}
	}
}

// logFile is one of the files of a folder.
type logFile struct {
	name  string
	begun time.Time
}

// files returns the files of a folder, the oldest first.
func files(dir string) (out []logFile, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("looking for lists shown: %w", err)
	}
	for _, e := range entries {
		begun, err := time.Parse(nameForm, e.Name())
		if err == nil && strings.HasSuffix(e.Name(), ending) {
			out = append(out, logFile{e.Name(), begun})
		}
	}
	return out, nil
}
