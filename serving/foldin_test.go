package serving

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/data/durable"
	"regulars/features/matrix"
	"regulars/models/ials"
	"regulars/models/snapshot"
)

func factorKind(t testing.TB, width int) snapshot.FactorKind {
	options, err := json.Marshal(ials.Options{Factors: width})
	if err != nil {
		t.Fatal(err)
	}
	return snapshot.FactorKind{Role: "ials", Width: width, Options: options}
}

// crossed is tiny with factors on three axes: a and b; c and e; f. Nothing is known of d.
func crossed() shop {
	sh := tiny()
	sh.factors = []float32{1, 0, 0, .9, .1, 0, 0, 1, 0, 0, 0, 0, 0, .8, .2, 0, 0, 1}
	return sh
}

func TestBasketFoldsIn(t *testing.T) {
	for name, c := range map[string]struct {
		items []string
		ask   Ask
		want  string
	}{
		"by factors alone":              {items: []string{"c"}, want: "e:ials because of c in your basket; b:ials because of c in your basket; a:popular"},
		"in both lists":                 {items: []string{"a"}, want: "b:ials because of a in your basket; f:ials customers like you buy it; c:popular"},
		"not known to the factors":      {items: []string{"d"}, want: "b:popular"},
		"what may not be listed":        {items: []string{"c"}, ask: Ask{Exclude: []string{"e"}}, want: "b:ials because of c in your basket; a:popular"},
		"what a filter does not let by": {items: []string{"c"}, ask: Ask{Filter: `item.id != "e"`}, want: "b:ials because of c in your basket; a:popular"},
		"by name":                       {items: []string{"c"}, ask: Ask{Strategy: "repeat"}, want: "e:ials because of c in your basket; b:ials because of c in your basket; a:popular"},
	} {
		t.Run(name, func(t *testing.T) {
			c.ask.K = 9
			l, _, err := load(t, crossed()).Basket(c.items, "", c.ask)
			if got := spoken(l, English); err != nil || !strings.HasPrefix(got, c.want) {
				t.Errorf("%s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestListsThatRunOutAreScoredLive(t *testing.T) {
	sh := crossed()
	sh.users["cat"] = snapshot.User{Candidates: []snapshot.Candidate{{Item: 0, Score: .7, Strategy: 1}}, Bought: []int32{2}}
	for name, c := range map[string]struct {
		live   told
		user   string
		ask    Ask
		want   string
		scored int64
	}{
		"behind their own":     {user: "cat", ask: Ask{K: 3}, want: "a:ials popular now; e:ials because you bought c; b:ials because you bought c", scored: 1},
		"not where they do":    {user: "cat", ask: Ask{K: 1}, want: "a:ials popular now"},
		"by another name":      {user: "cat", ask: Ask{K: 1, Strategy: "repeat"}, want: "e:ials because you bought c", scored: 1},
		"what is popular":      {user: "cat", ask: Ask{K: 1, Strategy: Popular}, want: "b:popular popular now"},
		"nothing bought":       {user: "bob", ask: Ask{K: 1}, want: "b:popular popular now; !"},
		"bought since":         {live: told{recent: map[string]Recent{"bob": {Bought: touches(noon, "c")}}}, user: "bob", ask: Ask{K: 1}, want: "e:ials because you bought c", scored: 1},
		"looked at, of nobody": {live: told{recent: map[string]Recent{"#s": {Viewed: touches(noon, "c")}}}, ask: Ask{K: 1, Session: "s"}, want: "e:ials because you looked at c", scored: 1},
		"refuses":              {live: told{out: map[string]bool{"cat": true}}, user: "cat", ask: Ask{K: 1}, want: "b:popular popular now; !"},
		"erased":               {live: told{erased: map[string]bool{"cat": true}}, user: "cat", ask: Ask{K: 1}, want: "b:popular popular now; !"},
	} {
		t.Run(name, func(t *testing.T) {
			s := listening(t, sh, c.live, noon)
			l, err := s.Recommend(c.user, c.ask)
			if got := spoken(l, English); err != nil || got != c.want {
				t.Errorf("%s, %v, want %s", got, err, c.want)
			}
			if got := s.Status(); got.Scored != c.scored || got.Skipped != 0 {
				t.Errorf("scored %d, skipped %d, want %d, 0", got.Scored, got.Skipped, c.scored)
			}
		})
	}
}

// Who finds all turns taken has a list without live scoring, at once.
func TestTurns(t *testing.T) {
	s := load(t, crossed())
	for s.turns.take() {
	}
	before := s.Status()
	l, _, err := s.Basket([]string{"c"}, "", Ask{K: 1})
	if err != nil || text(l) != "b:popular !" || s.Status().Skipped != before.Skipped+2 {
		t.Errorf("%s, %v, %d skipped", text(l), err, s.Status().Skipped-before.Skipped)
	}
	s.turns.giveBack()
	if l, _, err = s.Basket([]string{"c"}, "", Ask{K: 1}); err != nil || text(l) != "e:ials" {
		t.Errorf("with a turn free: %s, %v", text(l), err)
	}
}

// fitted is a shop of a trained model's items in another order, among others that
// it does not know; number tells the place of the model's item.
func fitted(t testing.TB) (m *ials.Model, sh shop, number []int32) {
	r := rand.New(rand.NewPCG(3, 4))
	var list []matrix.Event
	for range 900 {
		user := int32(r.IntN(60))
		list = append(list, matrix.Event{User: user, Item: (user*7 + int32(r.IntN(20))) % 80, Day: int32(r.IntN(30)), Weight: 1})
	}
	ev, err := matrix.NewEvents(60, 80, list)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = ials.Fit(t.Context(), ev, 30, ials.Options{Factors: 12, Iterations: 4}, nil); err != nil {
		t.Fatal(err)
	}
	sh = shop{horizon: 30, factors: make([]float32, 100*12)}
	for i := range 100 {
		sh.items = append(sh.items, snapshot.Item{ID: fmt.Sprint("i", i), InStock: i%9 > 0})
	}
	for i, at := range r.Perm(100)[:80] {
		copy(sh.factors[at*12:], m.Factors[i*12:(i+1)*12])
		number = append(number, int32(at))
	}
	return m, sh, number
}

// A session is scored as the trained model scores a history of the same items, and
// the list is what sorting those scores gives.
func TestFoldInEqualsTheModel(t *testing.T) {
	m, sh, number := fitted(t)
	s := load(t, sh)
	scores := make([]float32, 80)
	for first := int32(0); first < 80; first += 7 {
		h := matrix.History{Item: []int32{first, first + 1, first + 3}, Day: []int32{0, 0, 0}, Weight: []float32{1, 1, 1}}
		h.Item = slices.DeleteFunc(h.Item, func(i int32) bool { return i >= 80 })
		h.Day, h.Weight = h.Day[:len(h.Item)], h.Weight[:len(h.Item)]
		if err := m.Score(h, 1, scores); err != nil {
			t.Fatal(err)
		}
		ids, own := []string{}, map[string]float32{}
		for _, i := range h.Item {
			ids = append(ids, sh.items[number[i]].ID)
		}
		for i, x := range scores {
			if it := sh.items[number[i]]; it.InStock && x > 0 && !slices.Contains(ids, it.ID) {
				own[it.ID] = x
			}
		}
		requireOrder(t, s, ids, own)
	}
}

func requireOrder(t *testing.T, s *Store, basket []string, scores map[string]float32) {
	t.Helper()
	l, _, err := s.Basket(basket, "", Ask{K: 30})
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := s.Basket(basket, "", Ask{K: 30})
	if err != nil || !slices.EqualFunc(l.Items, again.Items, func(a, b Item) bool { return a.ID == b.ID && a.Score == b.Score }) {
		t.Errorf("another answer to the same basket: %s, %s", text(l), text(again))
	}
	best := make([]float32, 0, len(scores))
	for _, x := range scores {
		best = append(best, x)
	}
	slices.SortFunc(best, func(a, b float32) int { return int(math.Copysign(1, float64(b-a))) })
	for i, it := range l.Items {
		x, ok := scores[it.ID]
		if i < len(best) && (!ok || it.Strategy != Folded || math.Abs(float64(x-best[i])) > 1e-5) {
			t.Fatalf("basket %v, place %d: %s by %s, score %v, want one of %v", basket, i, it.ID, it.Strategy, x, best[i])
		}
	}
}

func TestFactorsThatAreNone(t *testing.T) {
	for name, options := range map[string]string{"another width": `{"Factors":3}`, "no options of the model": `[1]`, "senseless": `{"Factors":2,"Unobserved":-1}`} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			v, err := snapshot.Publish(root, durable.FS{}, snapshot.Info{CreatedAt: "2011-12-08T03:00:00Z", AsOf: "2011-12-08T00:00:00Z", Models: map[string]string{"ials": "r1"}}, func(w *snapshot.Writer) error {
				kind := snapshot.FactorKind{Role: "ials", Width: 2, Options: json.RawMessage(options)}
				return errors.Join(w.Items(tiny().items), w.Factors(kind, make([]float32, 12)))
			})
			if err != nil {
				t.Fatal(err)
			}
			makeCurrent(t, root, v)
			s := NewStore(root, Options{})
			defer s.Close()
			if err := s.Refresh(); !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), "ials") {
				t.Errorf("%v", err)
			}
		})
	}
}

// Lists are made while snapshots are swapped, by as many as like.
func TestFoldInWhileSnapshotsSwap(t *testing.T) {
	root, sh := t.TempDir(), crossed()
	sh.users["cat"] = snapshot.User{Bought: []int32{2}}
	other := sh
	other.horizon, other.factors = 30, nil
	versions := []string{publish(t, root, sh), publish(t, root, other)}
	makeCurrent(t, root, versions[0])
	s := NewStore(root, Options{})
	defer s.Close()
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 300 {
				b, _, err := s.Basket([]string{"c"}, "", Ask{K: 2})
				l, err2 := s.Recommend("cat", Ask{K: 2})
				if err := errors.Join(err, err2); err != nil || len(b.Items) != 2 || len(l.Items) != 2 {
					t.Errorf("%s, %s, %v", text(b), text(l), err)
					return
				}
			}
		})
	}
	for i := range 6 {
		makeCurrent(t, root, versions[i%2])
		if err := s.Refresh(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

// BenchmarkSession asks for 10 items for a basket of 5 of 100,000 items of 64
// factors, each with 50 neighbours, 2,000 times. Factors are all of about one
// length, so that no bound rules any out, or of lengths that fall with sales. The
// floor is reading as many bytes as there are factors, in order, past the caches:
// after every fourth request, so that both suffer alike from what else runs.
func BenchmarkSession(b *testing.B) {
	for name, length := range map[string]func(place int) float64{
		"alike":   func(int) float64 { return 1 },
		"falling": func(place int) float64 { return math.Pow(float64(place+1), -.3) },
	} {
		b.Run(name, func(b *testing.B) { benchmarkSession(b, length) })
	}
}

func benchmarkSession(b *testing.B, length func(place int) float64) {
	const items, width, requests = 100_000, 64, 2000
	r := rand.New(rand.NewPCG(1, 2))
	sh, places := shop{horizon: 30, factors: make([]float32, items*width), similar: map[int32][]snapshot.Candidate{}}, r.Perm(items)
	for i := range items {
		sh.items = append(sh.items, snapshot.Item{ID: fmt.Sprint("item-", i), InStock: i%20 > 0})
		for j := range width {
			sh.factors[i*width+j] = float32(r.NormFloat64() * length(places[i]) / 8)
		}
	}
	for i := int32(0); i < items; i += 100 {
		for n := range int32(50) {
			sh.similar[i] = append(sh.similar[i], snapshot.Candidate{Item: (i + 1 + n*17) % items, Score: 1 / float32(n+1), Strategy: 1})
		}
	}
	s := load(b, sh)
	took, floor := make([]time.Duration, 0, requests), newFloor(4*items*width)
	for b.Loop() {
		took, floor.took = took[:0], floor.took[:0]
		for n := range requests {
			basket := make([]string, 5)
			for i := range basket {
				basket[i] = fmt.Sprint("item-", 100*r.IntN(items/100))
			}
			start := time.Now()
			l, _, err := s.Basket(basket, "", Ask{})
			took = append(took, time.Since(start))
			if err != nil || len(l.Items) != DefaultK || l.Fallback {
				b.Fatalf("%s, %v", text(l), err)
			}
			if n%4 == 0 {
				floor.read(b)
			}
		}
	}
	slices.Sort(took)
	slices.Sort(floor.took)
	for name, share := range map[string]int{"p50": 50, "p99": 99} {
		request, read := took[requests*share/100], floor.took[len(floor.took)*share/100]
		b.ReportMetric(float64(request)/1e6, name+"-ms")
		b.ReportMetric(float64(read)/1e6, name+"-floor-ms")
		b.ReportMetric(float64(request)/float64(read), name+"/floor")
	}
}

// floor is how long it takes to read so many bytes in order that are in no cache.
type floor struct {
	size   int
	memory []byte // ten times as many
	next   int
	took   []time.Duration
}

func newFloor(size int) *floor {
	return &floor{size: size, memory: bytes.Repeat([]byte{1}, 10*size)}
}

func (f *floor) read(b *testing.B) {
	part := f.memory[f.next*f.size:][:f.size]
	f.next = (f.next + 1) % 10
	start := time.Now()
	if bytes.IndexByte(part, 0) >= 0 {
		b.Fatal("there is no zero")
	}
	f.took = append(f.took, time.Since(start))
}
