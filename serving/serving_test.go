package serving

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/data/durable"
	"regulars/models/snapshot"
)

// A shop is the content of a snapshot for tests.
type shop struct {
	items    []snapshot.Item
	users    map[string]snapshot.User
	similar  map[int32][]snapshot.Candidate
	together map[int32][]snapshot.Candidate
	trending []snapshot.Candidate
	regions  [][]snapshot.Candidate // of north and south
	popular  []snapshot.Candidate
	profile  []snapshot.Field
	factors  []float32
	course   []int             // days
	early    bool              // made the day before as_of
	novel    bool              // the last list of a user is that by content
	aliases  map[string]string // other id of a customer → the one that stands for all
	horizon  int               // any number, to make another version; the lower, the newer
}

func publish(t testing.TB, root string, sh shop) string {
	lists := []snapshot.ListKind{{Strategy: "repeat", Also: []string{"again"}}, {Strategy: "trending", Shared: true}, {Strategy: "ials", Also: []string{"discovery"}},
		{Strategy: "popular-region", Groups: []string{"north", "south"}}}
	strategies := []string{"repeat", "ials", "trending", "popular-region"}
	if sh.novel {
		strategies = append(strategies, "content")
		lists = append(lists, snapshot.ListKind{Strategy: "content"})
	}
	made := time.Date(2011, 12, 8, 3, 0, -sh.horizon, 0, time.UTC)
	if sh.early {
		made = made.AddDate(0, 0, -1)
	}
	v, err := snapshot.Publish(root, durable.FS{}, snapshot.Info{CreatedAt: made.Format(time.RFC3339), AsOf: "2011-12-08T00:00:00Z",
		Models: map[string]string{"ials": "r1", "churn": "c1"}, Recommender: "ials", Similar: "ials", Propensity: "churn",
		HorizonDays: sh.horizon, CourseDays: sh.course, UserFields: sh.profile, Strategies: strategies, Main: "blend",
		Lists:     lists,
		ItemLists: []snapshot.ListKind{{Strategy: "ials", Also: []string{"similar"}}, {Strategy: "repeat", Also: []string{"together"}}}}, func(w *snapshot.Writer) error {
		errs := []error{w.Items(sh.items)}
		if sh.factors != nil {
			errs = append(errs, w.Factors(factorKind(t, len(sh.factors)/len(sh.items)), sh.factors))
		}
		var ids []string
		for id := range sh.users {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			errs = append(errs, w.User(id, sh.users[id]))
		}
		for other, id := range sh.aliases {
			errs = append(errs, w.Alias(other, id))
		}
		if sh.regions != nil {
			errs = append(errs, w.Grouped(3, sh.regions))
		}
		for i, list := range sh.similar {
			errs = append(errs, w.Similar(i, list, sh.together[i]))
		}
		return errors.Join(append(errs, w.Popular(sh.popular), w.Shared(1, sh.trending))...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func makeCurrent(t testing.TB, root, version string) {
	if err := snapshot.SetCurrent(root, durable.FS{}, version); err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, sh shop) *Store {
	root := t.TempDir()
	makeCurrent(t, root, publish(t, root, sh))
	s := NewStore(root, Options{})
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// six items a…f, of which d is out of stock.
func tiny() shop {
	sh := shop{horizon: 90, users: map[string]snapshot.User{}, similar: map[int32][]snapshot.Candidate{}}
	for i, id := range []string{"a", "b", "c", "d", "e", "f"} {
		sh.items = append(sh.items, snapshot.Item{ID: id, InStock: i != 3})
	}
	sh.users["ann"] = snapshot.User{Candidates: []snapshot.Candidate{{Item: 3, Score: .9}, {Item: 4, Score: .8}, {Item: 0, Score: .7, Strategy: 1}},
		Scores: &snapshot.Scores{Churn: &snapshot.Churn{Probability: .2, Percentile: .1, Band: "low"}, ReturnProbability: .8}}
	sh.users["new"] = snapshot.User{Scores: &snapshot.Scores{Note: "no orders yet"}}
	sh.users["bob"] = snapshot.User{}
	sh.similar[0] = []snapshot.Candidate{{Item: 1, Score: .5, Strategy: 1}, {Item: 3, Score: .4, Strategy: 1}}
	sh.popular = []snapshot.Candidate{{Item: 3, Score: 9}, {Item: 1, Score: 8}, {Item: 0, Score: 7}, {Item: 2, Score: 6}}
	return sh
}

func unnamed() string { return "" }

// text writes a list as "id:strategy …", "!" for a fallback.
func text(l List) string {
	var words []string
	for _, it := range l.Items {
		words = append(words, it.ID+":"+it.Strategy)
	}
	if l.Fallback {
		words = append(words, "!")
	}
	return strings.Join(words, " ")
}

func TestLists(t *testing.T) {
	s := load(t, tiny())
	recommend := func(id string, k int, exclude ...string) func() (List, error) {
		return func() (List, error) { return s.Recommend(id, Ask{K: k, Exclude: exclude}) }
	}
	similar := func(id string, k int) func() (List, error) {
		return func() (List, error) { l, _, err := s.Similar(id, Ask{K: k}); return l, err }
	}
	cases := map[string]struct {
		ask  func() (List, error)
		want string
	}{
		"own first, out of stock skipped":      {recommend("ann", 2), "e:repeat a:ials"},
		"filled by popularity, then catalogue": {recommend("ann", 5), "e:repeat a:ials b:popular c:popular f:catalogue"},
		"no longer than the catalogue":         {recommend("ann", 99), "e:repeat a:ials b:popular c:popular f:catalogue"},
		"excluded":                             {recommend("ann", 3, "e", "b", "no such item", "e"), "a:ials c:popular f:catalogue"},
		"all own excluded":                     {recommend("ann", 2, "e", "a"), "b:popular c:popular !"},
		"all excluded":                         {recommend("ann", 2, "a", "b", "c", "e", "f"), "!"},
		"unknown customer":                     {recommend("nobody", 2), "b:popular a:popular !"},
		"known, nothing chosen":                {recommend("bob", 1), "b:popular !"},
		"similar, never itself":                {similar("a", 3), "b:ials c:popular e:catalogue"},
		"similar to one without a list":        {similar("f", 1), "b:popular !"},
		"similar to one out of stock":          {similar("d", 1), "b:popular !"},
		"popular":                              {func() (List, error) { return s.Popular(Ask{K: 9}) }, "b:popular a:popular c:popular e:catalogue f:catalogue"},
		"of a batch": {func() (List, error) {
			var second List
			err := s.RecommendAll(t.Context(), []string{"nobody", "ann", "bob"}, Ask{K: 2, Exclude: []string{"b"}}, unnamed, func(i int, l List) error {
				if i == 1 {
					second = l
				}
				return nil
			})
			return second, err
		}, "e:repeat a:ials"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l, err := c.ask()
			if err != nil || text(l) != c.want {
				t.Errorf("%s, %v, want %s", text(l), err, c.want)
			}
			if l.AsOf != "2011-12-08T00:00:00Z" || l.ModelVersion != "r1" {
				t.Errorf("made from %+v", l.Meta)
			}
		})
	}
	if _, ok, err := s.Similar("zzz", Ask{K: 1}); ok || err != nil {
		t.Errorf("similar to an unknown item: %v %v", ok, err)
	}
}

// TestBasket works the sums out by hand: of a (b .5, d .4) and f (b .25 by
// repeat, c .625, e .5 by repeat).
func TestBasket(t *testing.T) {
	sh := tiny()
	sh.similar[5] = []snapshot.Candidate{{Item: 2, Score: .625, Strategy: 1}, {Item: 4, Score: .5}, {Item: 1, Score: .25}}
	s := load(t, sh)
	cases := map[string]struct {
		items   []string
		user    string
		exclude []string
		want    string
		unknown []string
	}{
		"one item":                    {items: []string{"a"}, want: "b:ials 0.5,c:popular 0.375,e:catalogue 0,f:catalogue 0"},
		"sums, strategy of the best":  {items: []string{"a", "f"}, want: "b:ials 0.75,c:ials 0.625,e:repeat 0.5"},
		"a set":                       {items: []string{"f", "a", "f"}, want: "b:ials 0.75,c:ials 0.625,e:repeat 0.5"},
		"own candidates behind":       {items: []string{"a"}, user: "ann", want: "b:ials 0.5,e:repeat 0.5,c:popular 0.375,f:catalogue 0"},
		"own item of the basket":      {items: []string{"e"}, user: "ann", want: "a:ials 0.7,b:popular 0.7,c:popular 0.525,f:catalogue 0"},
		"unknown user":                {items: []string{"a"}, user: "nobody", want: "b:ials 0.5,c:popular 0.375,e:catalogue 0,f:catalogue 0"},
		"excluded":                    {items: []string{"a", "f"}, exclude: []string{"b", "zzz"}, want: "c:ials 0.625,e:repeat 0.5"},
		"unknown items are told once": {items: []string{"y", "a", "x", "y"}, exclude: []string{"c", "e", "f"}, want: "b:ials 0.5", unknown: []string{"y", "x"}},
		"nothing but unknown items":   {items: []string{"x"}, exclude: []string{"c", "e", "f"}, want: "b:popular 8,a:popular 7,!", unknown: []string{"x"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l, unknown, err := s.Basket(c.items, c.user, Ask{K: 9, Exclude: c.exclude})
			var words []string
			for _, it := range l.Items {
				words = append(words, fmt.Sprintf("%s:%s %.4g", it.ID, it.Strategy, it.Score))
			}
			if l.Fallback {
				words = append(words, "!")
			}
			if got := strings.Join(words, ","); err != nil || got != c.want || !slices.Equal(unknown, c.unknown) {
				t.Errorf("%s, unknown %v, %v, want %s, unknown %v", got, unknown, err, c.want, c.unknown)
			}
		})
	}
}

func TestScoresBehind(t *testing.T) {
	cases := map[string]struct{ last, top, score, want float32 }{
		"share of the last":       {.5, 8, 6, .375},
		"no share":                {.5, 8, 0, 0},
		"below zero has no share": {.5, 8, -1, 0},
		"no top":                  {.5, 0, 0, 0},
		"last is 0":               {0, 8, 6, -.25},
		"last is negative":        {-2, 8, 6, -2.25},
		"negative, no share":      {-2, -1, -1, -3},
		"lowest there is":         {-math.MaxFloat32, 1, 0, -math.MaxFloat32},
	}
	for name, c := range cases {
		if got := scoresBehind([]pick{{score: 9}, {score: c.last}}, c.top).score(c.score); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := scoresBehind(nil, 8).score(6); got != 6 {
		t.Errorf("a list of one block has the score %v, want 6", got)
	}
	if got := finite(2 * math.MaxFloat32); got != math.MaxFloat32 {
		t.Errorf("a sum beyond float32 is %v", got)
	}
}

// TestListsAreWholeAndHonest: whatever the shop, a list is as long as it can be,
// holds no item twice, none out of stock, none excluded, own items first, and
// its scores never rise.
func TestListsAreWholeAndHonest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 90).Draw(rt, "items")
		bounds := rapid.SampledFrom([][2]float32{{0, 1}, {-2, 2}, {-5, 0}, {-math.MaxFloat32, math.MaxFloat32}}).Draw(rt, "bounds")
		low, high := bounds[0], bounds[1]
		numbers := rapid.SliceOfNDistinct(rapid.Int32Range(0, int32(n-1)), 0, n, rapid.ID)
		draw := func(label string) (list []snapshot.Candidate) {
			for _, i := range numbers.Draw(rt, label) {
				list = append(list, snapshot.Candidate{Item: i, Score: rapid.Float32Range(low, high).Draw(rt, "score")})
			}
			slices.SortFunc(list, func(a, b snapshot.Candidate) int { return cmp.Compare(b.Score, a.Score) })
			return list
		}
		sh := shop{popular: draw("popular"), users: map[string]snapshot.User{"u": {Candidates: draw("own")}},
			similar: map[int32][]snapshot.Candidate{0: draw("similar"), int32(n - 1): draw("similar")}}
		able := map[string]bool{}
		for i := range n {
			it := snapshot.Item{ID: fmt.Sprint("i", i), InStock: rapid.Bool().Draw(rt, "stock")}
			sh.items = append(sh.items, it)
			able[it.ID] = it.InStock
		}
		var exclude []string
		for _, i := range numbers.Draw(rt, "exclude") {
			exclude = append(exclude, sh.items[i].ID)
			delete(able, sh.items[i].ID)
		}
		dir, err := os.MkdirTemp("", "")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		makeCurrent(t, dir, publish(t, dir, sh))
		s := NewStore(dir, Options{})
		if err := s.Refresh(); err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		possible := 0
		for _, in := range able {
			if in {
				possible++
			}
		}
		k := rapid.IntRange(1, 100).Draw(rt, "k")
		for range 2 { // the second time with used scratch
			l, err := s.Recommend("u", Ask{K: k, Exclude: exclude})
			if err != nil || len(l.Items) != min(k, possible) {
				rt.Fatalf("%d items of %d, %d possible, %v", len(l.Items), k, possible, err)
			}
			seen, filling := map[string]bool{}, false
			for _, it := range l.Items {
				if !able[it.ID] || seen[it.ID] || filling && it.chosen() {
					rt.Fatalf("item %s must not be where it is in %s", it.ID, text(l))
				}
				seen[it.ID], filling = true, filling || !it.chosen()
			}
			falling(rt, l)
			popular, err1 := s.Popular(Ask{K: k})
			similar, _, err2 := s.Similar("i0", Ask{K: k})
			basket, _, err3 := s.Basket([]string{"i0", fmt.Sprint("i", n-1)}, "u", Ask{K: k, Exclude: exclude})
			if err := errors.Join(err1, err2, err3); err != nil {
				rt.Fatal(err)
			}
			falling(rt, popular)
			falling(rt, similar)
			falling(rt, basket)
			for _, it := range basket.Items {
				if !able[it.ID] || it.ID == "i0" || it.ID == fmt.Sprint("i", n-1) {
					rt.Fatalf("item %s must not be in %s", it.ID, text(basket))
				}
			}
		}
	})
}

// falling fails when a score is above the one before it or not a number.
func falling(rt *rapid.T, l List) {
	for i, it := range l.Items {
		if s := float64(it.Score); math.IsNaN(s) || math.IsInf(s, 0) || i > 0 && it.Score > l.Items[i-1].Score {
			rt.Fatalf("score %v of item %d in %+v", s, i, l.Items)
		}
	}
}

// TestBatchThatNobodyWaitsFor: work for a client that is gone ends.
func TestBatchThatNobodyWaitsFor(t *testing.T) {
	s := load(t, tiny())
	ctx, cancel := context.WithCancel(t.Context())
	named := 0
	err := s.RecommendAll(ctx, make([]string, 1000), Ask{K: 2}, func() string {
		if named++; named == 3 {
			cancel()
		}
		return ""
	}, func(int, List) error { return nil })
	if !errors.Is(err, context.Canceled) || named != 3 {
		t.Errorf("%v after %d customers", err, named)
	}
}

func TestNotReady(t *testing.T) {
	s := NewStore(t.TempDir(), Options{})
	if err := s.Refresh(); err != nil {
		t.Errorf("nothing to load is no error: %v", err)
	}
	_, err1 := s.Recommend("u", Ask{K: 1})
	_, _, err2 := s.Similar("u", Ask{K: 1})
	_, err3 := s.Popular(Ask{K: 1})
	_, _, err4 := s.Scores("u")
	err5 := s.RecommendAll(t.Context(), []string{"u"}, Ask{K: 1}, unnamed, nil)
	_, _, err6 := s.Basket([]string{"a"}, "", Ask{K: 1})
	_, _, _, err7 := s.ScoresAll([]string{"u"})
	for _, err := range []error{err1, err2, err3, err4, err5, err6, err7} {
		if !errors.Is(err, ErrNotReady) {
			t.Error(err)
		}
	}
	if st := s.Status(); st.Ready || st.Reason() != "" {
		t.Errorf("%+v", st)
	}
	if err := s.Watch(context.Background(), 0); err == nil {
		t.Error("watching at no interval is an endless loop")
	}
}

// TestBadSnapshotIsRefused: the old one stays, the refusal shows and is not
// repeated at every look, and the next good one is taken.
func TestBadSnapshotIsRefused(t *testing.T) {
	damage := map[string]struct {
		do   func(dir string) error
		want string
	}{
		"flipped byte": {func(dir string) error { return flip(filepath.Join(dir, "store.bolt")) }, "damaged: "},
		"cut":          {func(dir string) error { return os.Truncate(filepath.Join(dir, "store.bolt"), 5000) }, "damaged: "},
		"later format": {func(dir string) error {
			path := filepath.Join(dir, "manifest.json")
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, []byte(strings.Replace(string(b), `"format_version": 4`, `"format_version": 7`, 1)), 0o644)
		}, "written in a format that this program does not know"},
		"flipped byte of a customer": {func(dir string) error { return flip(filepath.Join(dir, "customers.bin")) }, "damaged: "},
		"gone":                       {os.RemoveAll, "its files are missing"},
	}
	for name, c := range damage {
		t.Run(name, func(t *testing.T) {
			root, sh := t.TempDir(), tiny()
			good := publish(t, root, sh)
			makeCurrent(t, root, good)
			reports := 0
			s := NewStore(root, Options{Report: func(_ string, err error) {
				if reports++; errors.Is(err, ErrNotReady) {
					t.Errorf("reported as if nothing were in use: %v", err)
				}
			}})
			defer s.Close()
			if err := s.Refresh(); err != nil {
				t.Fatal(err)
			}
			sh.horizon = 60
			bad := publish(t, root, sh)
			makeCurrent(t, root, bad)
			if err := c.do(filepath.Join(root, bad)); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := s.Refresh(); err == nil {
					t.Fatal("a bad snapshot was taken")
				}
			}
			st := s.Status()
			if st.Version != good || st.Rejected != bad || st.Refusals != 1 || reports != 2 || !strings.HasPrefix(st.Reason(), c.want) {
				t.Errorf("status %+v (%s), %d reports", st, st.Reason(), reports)
			}
			if strings.Contains(st.Reason(), root) {
				t.Errorf("the reason reveals a path: %s", st.Reason())
			}
			fresh := NewStore(root, Options{})
			defer fresh.Close()
			st = refused(t, fresh)
			if errors.Is(st.Err, ErrNotReady) || st.Version != good || st.Rejected != bad || !strings.HasPrefix(st.Reason(), c.want) {
				t.Errorf("a store with nothing loaded takes the one before: %+v", st)
			}
			alone := NewStore(root, Options{})
			defer alone.Close()
			if err := os.Rename(filepath.Join(root, good), filepath.Join(root, ".elsewhere")); err != nil {
				t.Fatal(err)
			}
			if st := refused(t, alone); errors.Is(st.Err, ErrNotReady) != (st.Version == "") || st.Ready || !strings.HasPrefix(st.Reason(), c.want) {
				t.Errorf("a store with nothing loaded and nothing to load: %+v", st)
			}
			if l, err := s.Popular(Ask{K: 1}); err != nil || l.Snapshot != good {
				t.Errorf("served from %s, %v", l.Snapshot, err)
			}
			sh.horizon = 30
			makeCurrent(t, root, publish(t, root, sh))
			if err := s.Refresh(); err != nil || s.Status().Err != nil || s.Status().Swaps != 2 {
				t.Errorf("the next good one: %v, %+v", err, s.Status())
			}
		})
	}
}

// refused looks for a snapshot and waits until it is refused, which may be after
// it was put into use.
func refused(t *testing.T, s *Store) Status {
	t.Helper()
	_ = s.Refresh() // as the status says
	for deadline := time.Now().Add(10 * time.Second); s.Status().Err == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is not refused")
		}
	}
	return s.Status()
}

// TestUnreadableCurrentIsToldOnce: what is wrong with the file that names the
// current snapshot is told once while it lasts, another error at once, and the
// snapshot in use stays.
func TestUnreadableCurrentIsToldOnce(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "current")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var told []error
	s := NewStore(root, Options{Report: func(_ string, err error) { told = append(told, err) }, RetryAfter: time.Hour})
	defer s.Close()
	look := func(step string, reports int, refused, ready bool) {
		t.Helper()
		for range 3 {
			if err := s.Refresh(); (err != nil) != refused {
				t.Fatalf("%s: %v", step, err)
			}
		}
		if st := s.Status(); len(told) != reports || st.Ready != ready || (st.Err != nil) != refused || strings.Contains(st.Reason(), root) {
			t.Errorf("%s: told %d times, status %+v", step, len(told), st)
		}
	}
	write("../../etc\n")
	look("no name", 1, true, false)
	write("not a name\n")
	look("no name either", 2, true, false)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	look("nothing current", 2, false, false)
	good := publish(t, root, tiny())
	makeCurrent(t, root, good)
	look("good", 3, false, true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	look("a folder", 4, true, true)
	s.retryAt = time.Now() // an hour later
	look("still a folder", 5, true, true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	makeCurrent(t, root, good)
	look("mended", 5, false, true)
	if told[2] != nil {
		t.Errorf("the good one was reported with %v", told[2])
	}
	for i, err := range told {
		if err != nil && errors.Is(err, ErrNotReady) != (i < 2) {
			t.Errorf("report %d does not tell whether anything is in use: %v", i, err)
		}
	}
}

func flip(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	b[len(b)/2] ^= 1
	return os.WriteFile(path, b, 0o644)
}

// TestSwapsLoseNoRequest asks without pause while snapshots are swapped, and
// then finds all but the last one closed.
func TestSwapsLoseNoRequest(t *testing.T) {
	root, sh := t.TempDir(), tiny()
	var versions []string
	for h := range 3 {
		sh.horizon = 30 + h
		versions = append(versions, publish(t, root, sh))
	}
	makeCurrent(t, root, versions[0])
	s := NewStore(root, Options{})
	defer s.Close()
	if err := s.Refresh(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	watched := make(chan error, 1)
	go func() { watched <- s.Watch(ctx, time.Millisecond) }()
	var asked atomic.Int64
	var askers sync.WaitGroup
	for range 4 {
		askers.Go(func() {
			for ctx.Err() == nil {
				l, err := s.Recommend("ann", Ask{K: 5})
				if err != nil || len(l.Items) != 5 {
					t.Errorf("%s, %v", text(l), err)
					return
				}
				asked.Add(1)
			}
		})
	}
	var views []*view
	for i := range 30 {
		v := versions[(i+1)%len(versions)]
		views = append(views, s.current.Load())
		makeCurrent(t, root, v)
		for deadline := time.Now().Add(5 * time.Second); s.Status().Version != v; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("swap %d did not happen: %+v", i, s.Status())
			}
		}
	}
	stop()
	askers.Wait()
	if err := <-watched; err != nil {
		t.Error(err)
	}
	for i, v := range views {
		if n := v.refs.Load(); n != 0 {
			t.Errorf("view %d still has %d references", i, n)
		}
	}
	if s.Status().Swaps != 31 || asked.Load() < 30 {
		t.Errorf("%d swaps, %d requests", s.Status().Swaps, asked.Load())
	}
}
