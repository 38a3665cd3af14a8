package snapshot

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"regulars/data/durable"
)

// millionCustomers is the size of the shop of BenchmarkMillion.
func millionCustomers(b *testing.B) int {
	text := os.Getenv("SNAPSHOT_CUSTOMERS")
	if text == "" {
		return 100_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("SNAPSHOT_CUSTOMERS is %q: it must be a number of customers", text)
	}
	return n
}

func millionID(u int) string { return fmt.Sprintf("c%08d", u) }

// million writes customers with 100 candidates, four lists of 50, scores and a
// profile over a catalogue of 100,000 items.
func million(users int) func(w *Writer) error {
	const items = 100_000
	return func(w *Writer) error {
		if err := w.Items(catalogue(items)); err != nil {
			return err
		}
		random := rand.New(rand.NewPCG(1, 2))
		list := func(n int) []Candidate {
			out, at := make([]Candidate, n), random.Int32N(items)
			for i := range out {
				out[i] = Candidate{Item: (at + int32(i)*37) % items, Score: 1 - float32(i)/1000, Strategy: uint8(i % 3)}
			}
			return out
		}
		for i := range int32(items) {
			if err := w.Similar(i, list(50)); err != nil {
				return err
			}
		}
		for u := range users {
			err := w.User(millionID(u), User{Candidates: list(100), Lists: [][]Candidate{list(50), nil, list(50)}, Bought: []int32{int32(u % items)}, Scores: whole(),
				Profile: []Value{StringValue("gold"), NumberValue(float64(u)), BoolValue(u%2 == 0), TimeValue(1e15)}})
			if err != nil {
				return err
			}
		}
		return w.Popular(list(50))
	}
}

// millionDir returns the snapshot of so many customers and the same records in
// one map, which are made once and kept.
func millionDir(b *testing.B, users int) (dir, mapped string) {
	root := filepath.Join("..", "..", ".bench", fmt.Sprintf("snapshot-%d-%d", FormatVersion, users))
	if version, ok, _ := Current(root); ok {
		return filepath.Join(root, version), filepath.Join(root, "mapped.bolt")
	}
	version, err := Publish(root, durable.FS{}, info(), million(users))
	if err != nil {
		b.Fatal(err)
	}
	dir, mapped = filepath.Join(root, version), filepath.Join(root, "mapped.bolt")
	if err := errors.Join(writeMapped(dir, mapped), SetCurrent(root, durable.FS{}, version)); err != nil {
		b.Fatal(err)
	}
	return dir, mapped
}

// writeMapped puts the records of a snapshot into the pages of one bbolt file.
func writeMapped(dir, path string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	db, err := bbolt.Open(path, 0o644, &bbolt.Options{NoSync: true, NoFreelistSync: true})
	if err != nil {
		return err
	}
	w := &Writer{db: db}
	err = s.Each("", func(c *Customer) error {
		_, p, _, err := s.find(c.ID())
		if err != nil {
			return err
		}
		record, err := p.read(s.bulk, nil)
		return errors.Join(err, w.put(bucketUsers, []byte(c.ID()), record))
	})
	return errors.Join(err, w.commit(), db.Close())
}

// resident is the memory of the process that the system counts, in bytes.
func resident(b *testing.B) float64 {
	debug.FreeOSMemory() // of what was used before
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("the system does not tell what memory is resident")
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kib) * 1024
}

// BenchmarkMillion reads customers drawn uniformly: from a snapshot, whose records
// lie beside the map, and from the same records within one. Reported are the time
// until the first answer, what memory is resident more than before, and customers
// a second. SNAPSHOT_CUSTOMERS says how many there are.
func BenchmarkMillion(b *testing.B) {
	users := millionCustomers(b)
	dir, mapped := millionDir(b, users)
	b.Run("beside", func(b *testing.B) {
		before, start := resident(b), time.Now()
		s, err := Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		lookUp(b, users, before, start, func(id string) error {
			_, ok, err := s.User(id)
			return found(ok, err)
		})
	})
	b.Run("mapped", func(b *testing.B) {
		s, err := Open(dir) // for what records refer to
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		before, start := resident(b), time.Now()
		db, err := bbolt.Open(mapped, 0o444, &bbolt.Options{ReadOnly: true, NoStatistics: true})
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		lookUp(b, users, before, start, func(id string) error {
			return db.View(func(tx *bbolt.Tx) error {
				c, err := s.parse(id, tx.Bucket([]byte(bucketUsers)).Get([]byte(id)))
				if err != nil {
					return err
				}
				_, err = c.User()
				return err
			})
		})
	})
	b.Run("verify", func(b *testing.B) {
		s, err := Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		for b.Loop() {
			if err := s.Verify(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(s.size)/1e9*float64(b.N)/b.Elapsed().Seconds(), "GB/s")
	})
}

func found(ok bool, err error) error {
	if err == nil && !ok {
		return errors.New("a customer is not there")
	}
	return err
}

func lookUp(b *testing.B, users int, before float64, start time.Time, read func(id string) error) {
	if err := read(millionID(users / 2)); err != nil {
		b.Fatal(err)
	}
	ready := time.Since(start)
	random := rand.New(rand.NewPCG(3, 4))
	for range users { // so that what stays resident does
		if err := read(millionID(random.IntN(users))); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := read(millionID(random.IntN(users))); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(ready.Seconds(), "ready-s")
	b.ReportMetric((resident(b)-before)/(1<<20), "MiB")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "customers/s")
}
