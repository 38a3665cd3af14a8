package served

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2011, 12, 8, 12, 0, 0, 0, time.UTC)

// clock is set by hand.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time { return time.UnixMicro(c.at.Load()).UTC() }

func (c *clock) set(t time.Time) { c.at.Store(t.UnixMicro()) }

func begin(t testing.TB, dir string, opts Options) (*Log, *clock) {
	c := &clock{}
	c.set(noon)
	opts.Now = c.now
	l, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return l, c
}

func add(l *Log, r Record) {
	into := l.New()
	items, line := append(into.Items, r.Items...), into.line
	*into = r
	into.Items, into.line = items, line
	l.Add(into)
}

func read(t testing.TB, dir string, from, to time.Time) (out []Record, skipped Skipped) {
	skipped, err := Read(dir, from, to, func(r *Record) error {
		out = append(out, *r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, skipped
}

// What is written is what is read, whatever the texts.
func TestRoundTrip(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", `a"b\c`, "line\nline", "茶", "\x7f\x01", "<&>", "\u2028"}))
	rapid.Check(t, func(rt *rapid.T) {
		want := Record{ID: "r" + text.Draw(rt, "id"), At: noon.Add(time.Duration(rapid.Int64Range(0, 1e9).Draw(rt, "ns"))), Placement: text.Draw(rt, "placement"),
			Arm: text.Draw(rt, "arm"), User: text.Draw(rt, "user"), Session: text.Draw(rt, "session")}
		for range rapid.IntRange(0, 3).Draw(rt, "items") {
			want.Items = append(want.Items, Shown{text.Draw(rt, "item"), text.Draw(rt, "strategy"), rapid.SampledFrom([]float64{0, 1, .1, 1e-300, .3333333333333333}).Draw(rt, "propensity")})
		}
		got, ok := parse(want.appendJSON(nil))
		if !ok || !reflect.DeepEqual(*got, want) {
			rt.Fatalf("%+v came back as %+v", want, got)
		}
	})
}

func TestLogAndRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "served")
	if got, _ := read(t, dir, noon, noon.Add(time.Hour)); got != nil {
		t.Errorf("a folder that is not there holds %v", got)
	}
	l, c := begin(t, dir, Options{Bytes: 400})
	for i := range 20 {
		at := noon.Add(time.Duration(i) * 15 * time.Minute)
		c.set(at)
		add(l, Record{ID: string(rune('a' + i)), At: at, User: "u", Items: []Shown{{ID: "i", Strategy: "s", Propensity: .5}}})
		for l.Status().Queued > 0 { // each file begins at the record's time
			time.Sleep(time.Millisecond)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	names, err := files(dir)
	if st := l.Status(); err != nil || len(names) < 5 || st != (Status{Written: 20}) {
		t.Errorf("%d files, %+v, %v", len(names), st, err)
	}
	all, skipped := read(t, dir, noon, noon.AddDate(0, 0, 1))
	if len(all) != 20 || skipped != 0 || all[19].ID != "t" || all[19].User != "u" || all[19].Items[0].Propensity != .5 {
		t.Errorf("%d read, %d skipped", len(all), skipped)
	}
	some, _ := read(t, dir, noon.Add(time.Hour), noon.Add(2*time.Hour))
	if len(some) != 4 || some[0].ID != "e" || some[3].ID != "h" {
		t.Errorf("within an hour %+v", some)
	}
}

// A line that a killed program tore is skipped and counted, the next run begins
// a file of its own, and foreign files are left alone.
func TestTornLine(t *testing.T) {
	dir := t.TempDir()
	l, _ := begin(t, dir, Options{})
	add(l, Record{ID: "a", At: noon})
	add(l, Record{ID: "b", At: noon})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := files(dir)
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	path := filepath.Join(dir, names[0].name)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-5); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.jsonl"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, c := begin(t, dir, Options{})
	c.set(noon.Add(time.Second))
	add(l, Record{ID: "c", At: noon})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got, skipped := read(t, dir, noon, noon.Add(time.Second))
	if len(got) != 2 || got[0].ID != "a" || got[1].ID != "c" || skipped != 1 {
		t.Errorf("%+v, %d skipped", got, skipped)
	}
}

// A disk that fails costs records, which are counted, and never blocks; it is
// told once.
func TestFailingDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "served")
	var told []error
	var mu sync.Mutex
	l, _ := begin(t, dir, Options{Report: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, err)
	}})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		add(l, Record{ID: "a", At: noon})
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if st := l.Status(); st.Dropped != 50 || st.Written != 0 || len(told) != 1 || !errors.Is(told[0], os.ErrNotExist) {
		t.Errorf("%+v, told %v", st, told)
	}
}

// A disk that is full takes files and nothing into them: that is told once, leaves
// no file for each try, and is over when something was written.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	var told []error
	var tries atomic.Int32
	var full atomic.Bool
	full.Store(true)
	l, _ := begin(t, dir, Options{Report: func(err error) { told = append(told, err) }, create: func(path string) (*os.File, error) {
		made, err := os.Create(path)
		if err != nil || !full.Load() {
			return made, err
		}
		tries.Add(1)
		if err := made.Close(); err != nil {
			return nil, err
		}
		return os.Open(path) // which cannot be written
	}})
	big, added := strings.Repeat("x", 1<<17), 0 // more than is gathered before writing
	for ; tries.Load() < 3; time.Sleep(time.Millisecond) {
		add(l, Record{ID: big, At: noon})
		added++
	}
	full.Store(false)
	for l.Status().Written == 0 {
		add(l, Record{ID: "a", At: noon})
		time.Sleep(time.Millisecond)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if names, err := files(dir); err != nil || len(names) != 1 || 10*int(tries.Load()) > added {
		t.Errorf("%d files were begun for %d lists, %v are left, %v", tries.Load(), added, names, err)
	}
	if len(told) != 2 || told[0] == nil || told[1] != nil {
		t.Errorf("told %v", told)
	}
}

// Where it cannot be told who was erased, nothing is written, and no file for each try.
func TestNoFileWhileErasuresAreUnknown(t *testing.T) {
	dir := t.TempDir()
	w := &writer{Log: newLog(dir, Options{Renew: func() error { return errors.New("no state") }}), asked: noon}
	for range 3 {
		if err := w.rotate(); err == nil {
			t.Fatal("a file was begun")
		}
	}
	if names, err := files(dir); err != nil || len(names) != 0 {
		t.Errorf("%v are left, %v", names, err)
	}
}

// Old files go.
func TestExpire(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, noon.AddDate(0, 0, -3).Format(nameForm))
	young := filepath.Join(dir, noon.AddDate(0, 0, -1).Format(nameForm))
	for _, path := range []string{old, young} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := &writer{Log: &Log{dir: dir, opts: Options{Keep: 48 * time.Hour, Now: func() time.Time { return noon }}}}
	w.expire()
	names, err := files(dir)
	if err != nil || len(names) != 1 || !strings.HasSuffix(young, names[0].name) {
		t.Errorf("%v are left, %v", names, err)
	}
}

// A queue that is full drops and counts, and what is taken is all there is.
func TestFullQueue(t *testing.T) {
	dir := t.TempDir()
	l, _ := begin(t, dir, Options{Queue: 1})
	const n = 20000
	var adding sync.WaitGroup
	for range 4 {
		adding.Go(func() {
			for range n / 4 {
				add(l, Record{ID: "a", At: noon, Items: []Shown{{ID: "i"}}})
			}
		})
	}
	adding.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	got, _ := read(t, dir, noon, noon.Add(time.Second))
	if st := l.Status(); st.Written+st.Dropped != n || int64(len(got)) != st.Written || st.Dropped == 0 {
		t.Errorf("%+v, %d read", st, len(got))
	}
}

// BenchmarkAdd is what a request pays for a list of ten items.
func BenchmarkAdd(b *testing.B) {
	l, _ := begin(b, b.TempDir(), Options{Queue: 1 << 16})
	defer l.Close()
	items := make([]Shown, 10)
	for i := range items {
		items[i] = Shown{ID: "85123A", Strategy: "repeat"}
	}
	b.ReportAllocs()
	for b.Loop() {
		add(l, Record{ID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", At: noon, User: "17850", Items: items})
	}
	b.ReportMetric(float64(l.Status().Dropped)/float64(b.N), "dropped/op")
}

// What the writer has taken is in the file, though it is not synced yet.
func TestWhatWasTakenOutlivesAKill(t *testing.T) {
	dir := t.TempDir()
	l := newLog(dir, Options{Now: func() time.Time { return noon }})
	w := &writer{Log: l, buf: bufio.NewWriterSize(nil, 1<<16), asked: asked(dir)}
	add(l, Record{ID: "a", At: noon})
	add(l, Record{ID: "b", At: noon})
	w.drain()
	var ids []string
	if _, err := Read(dir, noon, noon.Add(time.Hour), func(r *Record) error { ids = append(ids, r.ID); return nil }); err != nil || strings.Join(ids, "") != "ab" {
		t.Errorf("%v, %v", ids, err)
	}
	if err := w.end(); err != nil {
		t.Fatal(err)
	}
}
