package serving

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"regulars/models/snapshot"
)

// TestDamageInUse: a record that is damaged while it is served gives what is
// popular and no scores, never wrong ones; the snapshot is withdrawn for the one
// before, and is not taken again while it is damaged. Where there is none before,
// what is whole of it goes on being served, though the store is not ready.
func TestDamageInUse(t *testing.T) {
	for name, older := range map[string]bool{"an older one stands in": true, "there is no other": false} {
		t.Run(name, func(t *testing.T) {
			root, sh, good := t.TempDir(), tiny(), ""
			if older {
				good = publish(t, root, sh)
			}
			sh.horizon = 60
			bad := publish(t, root, sh)
			makeCurrent(t, root, bad)
			s := NewStore(root, Options{})
			defer s.Close()
			if err := s.Refresh(); err != nil {
				t.Fatal(err)
			}
			s.background.Wait() // verified
			path := filepath.Join(root, bad, "customers.bin")
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			damaged := append([]byte(nil), whole...)
			for i := range damaged {
				damaged[i] ^= 1
			}
			v := s.current.Load()
			s.loading.Lock() // nothing is withdrawn yet
			if err := os.WriteFile(path, damaged, 0o644); err != nil {
				t.Fatal(err)
			}
			if l, err := s.Recommend("ann", Ask{K: 2}); err != nil || text(l) != "b:popular a:popular !" || l.Snapshot != bad {
				t.Errorf("%s, %v", text(l), err)
			}
			if l, err := s.Recommend("ann", Ask{K: 2, Strategy: "again"}); err != nil || text(l) != "b:popular a:popular !" {
				t.Errorf("%s, %v", text(l), err)
			}
			if _, ok, err := s.Scores("ann"); ok || !errors.Is(err, snapshot.ErrDamaged) {
				t.Errorf("scores were told: %v", err)
			}
			if n := s.Status().Damaged; n < 3 { // a list looks more than once
				t.Errorf("a damaged record was met %d times, in three answers", n)
			}
			s.loading.Unlock()
			s.background.Wait()
			served, references := bad, int64(1)
			if older {
				served, references = good, 0
			}
			look := func(step string) {
				t.Helper()
				if st := s.Status(); st.Version != served || st.Ready != older || st.Rejected != bad || !errors.Is(st.Err, snapshot.ErrDamaged) || errors.Is(st.Err, ErrNotReady) {
					t.Errorf("%s: status %+v", step, st)
				}
				if n := v.refs.Load(); n != references {
					t.Errorf("%s: the damaged view has %d references", step, n)
				}
				if l, err := s.Popular(Ask{K: 2}); err != nil || text(l) != "b:popular a:popular" || l.Snapshot != served {
					t.Errorf("%s: %s, %v", step, text(l), err)
				}
			}
			look("withdrawn")
			if err := s.Refresh(); !errors.Is(err, snapshot.ErrDamaged) {
				t.Errorf("forgotten: %v", err)
			}
			s.retryAt = time.Now() // half a minute later
			if err := s.Refresh(); !errors.Is(err, snapshot.ErrDamaged) {
				t.Errorf("taken again: %v", err)
			}
			look("tried again")
			if err := os.WriteFile(path, whole, 0o644); err != nil {
				t.Fatal(err)
			}
			s.retryAt = time.Now()
			if err := s.Refresh(); err != nil || s.Status().Version != bad || !s.Status().Ready || s.Status().Err != nil {
				t.Errorf("mended, it is not taken: %v", err)
			}
		})
	}
}

// TestHundredSwaps: swapping leaves neither files open nor memory behind.
func TestHundredSwaps(t *testing.T) {
	root, sh := t.TempDir(), tiny()
	for i := range 2000 {
		sh.items = append(sh.items, snapshot.Item{ID: "more " + time.Unix(int64(i), 0).String(), InStock: true})
	}
	var versions []string
	for h := range 2 {
		sh.horizon = 30 + h
		versions = append(versions, publish(t, root, sh))
	}
	s := NewStore(root, Options{})
	defer s.Close()
	swap := func(times int) {
		for i := range times {
			makeCurrent(t, root, versions[i%2])
			if err := s.Refresh(); err != nil {
				t.Fatal(err)
			}
			if l, err := s.Recommend("ann", Ask{K: 5}); err != nil || len(l.Items) != 5 || l.Snapshot != versions[i%2] {
				t.Fatalf("%s from %s, %v", text(l), l.Snapshot, err)
			}
		}
		s.background.Wait()
	}
	swap(4)
	files, heap := openFiles(t), heapInUse()
	swap(100)
	if now := openFiles(t); now > files {
		t.Errorf("%d files are open after a hundred swaps, %d before", now, files)
	}
	// A view of this shop takes some 400 kB: a hundred would take forty times what is allowed.
	if now := heapInUse(); now > heap+1<<20 {
		t.Errorf("%d bytes are in use after a hundred swaps, %d before", now, heap)
	}
	if n := s.Status().Swaps; n != 104 {
		t.Errorf("%d swaps", n)
	}
}

func openFiles(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("the system does not tell which files are open")
	}
	return len(list)
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // of what the first one only put up for disposal
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
