package audience

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// sorting is the room that sorting has.
type sorting struct {
	dir   string // of runs that do not fit into memory
	rows  int    // that are sorted in memory
	bytes int    // that they may take
}

// errEnough ends a walk that has seen all it needs.
var errEnough = errors.New("enough")

func notEnough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// A sorter puts entries in order; what does not fit into memory goes to sorted
// runs on disk. Entries are distinct, as ids are.
type sorter struct {
	room sorting
	rows []entry
	size int // bytes of rows
	runs []*os.File
}

func newSorter(room sorting) *sorter { return &sorter{room: room} }

func (s *sorter) add(e entry) error {
	if len(s.rows) >= s.room.rows || s.size+len(e.key) > s.room.bytes && len(s.rows) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.rows, s.size = append(s.rows, e), s.size+len(e.key)
	return nil
}

// spill writes what is in memory to a run of its own.
func (s *sorter) spill() (err error) {
	f, err := s.create()
	if err != nil {
		return fmt.Errorf("sorting an audience: %w", err)
	}
	s.runs = append(s.runs, f)
	slices.SortFunc(s.rows, compare)
	w := bufio.NewWriterSize(f, 1<<16)
	var head [2 * binary.MaxVarintLen64]byte
	for _, e := range s.rows {
		n := binary.PutUvarint(head[:], uint64(len(e.key)))
		n += binary.PutUvarint(head[n:], uint64(e.id))
		// A bufio.Writer keeps its first error for Flush.
		_, _ = w.Write(head[:n])
		_, _ = w.Write(e.key)
	}
	s.rows, s.size = s.rows[:0], 0
	if err := w.Flush(); err != nil {
		return fmt.Errorf("sorting an audience: %w", err)
	}
	return nil
}

// create makes a file that has no name any more, so that it is gone with the
// process, however that ends.
func (s *sorter) create() (*os.File, error) {
	if err := os.MkdirAll(s.room.dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(s.room.dir, ".audience-*.tmp")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// close frees the runs. There is nothing to lose in them.
func (s *sorter) close() {
	for _, f := range s.runs {
		_ = f.Close()
	}
}

// each visits all entries in their order.
func (s *sorter) each(visit func(entry) error) error {
	slices.SortFunc(s.rows, compare)
	m := merge{&run{rest: s.rows}}
	for _, f := range s.runs {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("sorting an audience: %w", err)
		}
		m = append(m, &run{file: bufio.NewReaderSize(f, 1<<15)})
	}
	for i := len(m) - 1; i >= 0; i-- {
		if err := m[i].next(); errors.Is(err, io.EOF) {
			m = slices.Delete(m, i, i+1)
		} else if err != nil {
			return err
		}
	}
	heap.Init(&m)
	for len(m) > 0 {
		if err := visit(m[0].first); err != nil {
			return err
		}
		switch err := m[0].next(); {
		case errors.Is(err, io.EOF):
			heap.Pop(&m)
		case err != nil:
			return err
		default:
			heap.Fix(&m, 0)
		}
	}
	return nil
}

// A run is sorted entries, on disk or in memory.
type run struct {
	first entry
	file  *bufio.Reader // nil: rest
	rest  []entry
}

// next goes on to the next entry; io.EOF after the last.
func (r *run) next() error {
	if r.file == nil {
		if len(r.rest) == 0 {
			return io.EOF
		}
		r.first, r.rest = r.rest[0], r.rest[1:]
		return nil
	}
	size, err := binary.ReadUvarint(r.file)
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	id, err2 := binary.ReadUvarint(r.file)
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("sorting an audience: reading a run: %w", err)
	}
	key := make([]byte, size)
	if _, err := io.ReadFull(r.file, key); err != nil {
		return fmt.Errorf("sorting an audience: reading a run: %v", err)
	}
	r.first = entry{key, int(id)}
	return nil
}

// merge is a heap of runs by their first entries.
type merge []*run

func (m merge) Len() int           { return len(m) }
func (m merge) Less(i, j int) bool { return compare(m[i].first, m[j].first) < 0 }
func (m merge) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(r any)        { *m = append(*m, r.(*run)) }
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
