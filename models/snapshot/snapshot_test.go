package snapshot

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/data/durable"
	"regulars/models"
)

var strategies = []string{"repeat", "ials", "popular", "popular-region"}

// groups that a list is for.
var groups = []string{"north", "south"}

func info() Info {
	return Info{CreatedAt: "2011-12-08T03:00:00Z", AsOf: "2011-12-08T00:00:00Z", Models: map[string]string{"ials": "v1", "churn": "v2"},
		Recommender: "ials", HorizonDays: 90, Currency: "GBP", Strategies: strategies,
		Lists:     []ListKind{{Strategy: "repeat", Also: []string{"again"}}, {Strategy: "popular", Shared: true}, {Strategy: "ials"}, {Strategy: "popular-region", Groups: groups}},
		ItemLists: []ListKind{{Strategy: "ials", Also: []string{"similar"}}, {Strategy: "repeat"}},
		Outlook:   "churn", Horizons: []int{30, 90, 180}, CourseDays: courseDays, ValueDays: 365, ValueDiscount: .1,
		Features: []Feature{{Name: "recency_days", Unit: "days", Doc: "days since the last order", With: []string{"next_order_elapsed_ratio"}}, {Name: "own", With: []string{"a", "b"}}, {Name: "alone"}},
		Methods:  map[string]string{"gbdt": "it was the best"}, MethodsZh: map[string]string{"gbdt": "效果最好"},
		BaseRate:   &Rate{Rate: .5, Low: .4, High: .6, Rule: "last year's window"},
		ItemFields: fields, UserFields: fields}
}

// fields of customers and of items, one of each kind.
var fields = []Field{{Name: "tier", Kind: String, Doc: "of the club"}, {Name: "points", Kind: Number}, {Name: "opt_out", Kind: Bool}, {Name: "signed_up_at", Kind: Time}}

func drawValues(rt *rapid.T, fields []Field) []Value {
	out := make([]Value, len(fields))
	for i, f := range fields {
		if rapid.Bool().Draw(rt, "null") {
			continue
		}
		switch f.Kind {
		case String:
			out[i] = StringValue(rapid.String().Draw(rt, "text"))
		case Number:
			out[i] = NumberValue(rapid.Float64().Draw(rt, "number"))
		case Bool:
			out[i] = BoolValue(rapid.Bool().Draw(rt, "truth"))
		case Time:
			out[i] = TimeValue(float64(rapid.Int64Range(-1<<52, 1<<52).Draw(rt, "micros")))
		}
	}
	return out
}

func drawAliases(rt *rapid.T) []Alias {
	var out []Alias
	for _, id := range rapid.SliceOfNDistinct(rapid.StringN(1, 20, 80), 0, 3, rapid.ID).Draw(rt, "aliases") {
		out = append(out, Alias{Source: rapid.SampledFrom([]string{"", "email", "wecom"}).Draw(rt, "source"), ID: id})
	}
	slices.SortFunc(out, func(a, b Alias) int { return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.ID, b.ID)) })
	return out
}

// drawItems dresses up the items of a catalogue.
func drawItems(rt *rapid.T, list []Item) []Item {
	for i := range list {
		it := &list[i]
		it.Extra, it.From, it.AvailableFrom = drawValues(rt, fields), Undated, rapid.Int64().Draw(rt, "available from")
		it.Tags = rapid.SliceOfN(rapid.String(), 1, 3).Draw(rt, "tags")
		it.Price = rapid.Float64Range(0, 1e9).Draw(rt, "price")
		if rapid.Bool().Draw(rt, "dated") {
			it.From = rapid.Int64().Draw(rt, "from")
		}
	}
	return list
}

var courseDays = []int{7, 14, 21, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 365, 545, 730}

func catalogue(n int) []Item {
	list := make([]Item, n)
	for i := range list { // descending ids, so that order by number and by id differ
		list[i] = Item{ID: fmt.Sprintf("i%05d", n-i), Title: fmt.Sprintf("title %d", i), InStock: i%3 != 0}
	}
	return list
}

func publish(t testing.TB, root string, in Info, fill func(w *Writer) error) string {
	t.Helper()
	v, err := Publish(root, durable.FS{}, in, fill)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func open(t testing.TB, root, version string) *Snapshot {
	t.Helper()
	s, err := Open(filepath.Join(root, version))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func small(w *Writer) error {
	return errors.Join(w.Items(catalogue(5)), w.User("u1", User{Candidates: []Candidate{{Item: 3, Score: .5, Strategy: 1}, {Item: 0, Score: .25}}, Bought: []int32{0, 4}}),
		w.Similar(2, []Candidate{{Item: 1, Score: .9, Strategy: 1}}), w.Popular([]Candidate{{Item: 4, Score: 10, Strategy: 2}}))
}

func drawList(rt *rapid.T, items int, label string) []Candidate {
	var list []Candidate
	for _, i := range rapid.SliceOfNDistinct(rapid.Int32Range(0, int32(items-1)), 0, items, rapid.ID).Draw(rt, label) {
		list = append(list, Candidate{Item: i, Score: rapid.Float32Range(-1e6, 1e6).Draw(rt, "score"), Strategy: rapid.Uint8Range(0, 3).Draw(rt, "strategy"),
			Reason: drawReason(rt, items)})
	}
	slices.SortFunc(list, func(a, b Candidate) int { return cmp.Compare(b.Score, a.Score) })
	return list
}

func drawReason(rt *rapid.T, items int) Reason {
	r := Reason{Kind: rapid.SampledFrom([]models.ReasonKind{models.ReasonPopular, models.ReasonUsual, models.ReasonBought, models.ReasonTogether, models.ReasonSimilar, models.ReasonRegion, models.ReasonSegment}).Draw(rt, "kind")}
	switch r.Kind {
	case models.ReasonUsual:
		r.Of = rapid.Int32Range(1, 1<<30).Draw(rt, "days")
	case models.ReasonBought, models.ReasonTogether:
		r.Of = rapid.Int32Range(0, int32(items-1)).Draw(rt, "of")
	}
	return r
}

// TestRoundTrip writes whatever may be written and reads the same back.
func TestRoundTrip(t *testing.T) {
	root, run := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(rt, "items")
		ids := rapid.SliceOfNDistinct(rapid.StringN(1, 40, 512), 0, 8, rapid.ID).Draw(rt, "users")
		slices.Sort(ids)
		users, similar, lists, groupOf := map[string]User{}, map[int32][2][]Candidate{}, map[string][][]Candidate{}, map[string]int32{}
		for _, id := range ids {
			bought := rapid.SliceOfNDistinct(rapid.Int32Range(0, int32(n-1)), 0, n, rapid.ID).Draw(rt, "bought")
			slices.Sort(bought)
			if len(bought) == 0 {
				bought = nil
			}
			users[id] = User{ID: id, Candidates: drawList(rt, n, "candidates"), Bought: bought, Scores: drawScores(rt), Profile: drawValues(rt, fields), Aliases: drawAliases(rt)}
			lists[id] = [][]Candidate{drawList(rt, n, "list 0"), nil, drawList(rt, n, "list 2")}[:rapid.IntRange(0, 3).Draw(rt, "lists")]
			groupOf[id] = rapid.Int32Range(0, 2).Draw(rt, "group")
		}
		for i := range int32(n) {
			similar[i] = [2][]Candidate{drawList(rt, n, "similar"), drawList(rt, n, "together")}
		}
		popular, shared := drawList(rt, n, "popular"), drawList(rt, n, "shared")
		grouped := [][]Candidate{drawList(rt, n, "north"), drawList(rt, n, "south")}
		written, items := rapid.Bool().Draw(rt, "grouped"), drawItems(rt, catalogue(n))
		run++
		dir := filepath.Join(root, fmt.Sprint(run))
		v, err := Publish(dir, durable.FS{}, info(), func(w *Writer) error {
			errs := []error{w.Items(items)}
			for _, id := range ids {
				u := users[id]
				if u.Lists = lists[id]; groupOf[id] > 0 {
					u.Groups = []int32{0, 0, 0, groupOf[id]}
				}
				errs = append(errs, w.User(id, u))
			}
			for i := range int32(n) {
				errs = append(errs, w.Similar(i, similar[i][0], similar[i][1]))
			}
			if written {
				errs = append(errs, w.Grouped(3, grouped))
			}
			return errors.Join(append(errs, w.Popular(popular), w.Shared(1, shared))...)
		})
		if err != nil {
			rt.Fatal(err)
		}
		s, err := Open(filepath.Join(dir, v))
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		for _, id := range ids {
			if got, ok, err := s.User(id); err != nil || !ok || !same(got, users[id]) {
				rt.Fatalf("user %q: %+v %v %v, want %+v", id, got, ok, err, users[id])
			}
			if got, err := s.Candidates(id); err != nil || !slices.Equal(got, users[id].Candidates) {
				rt.Fatalf("candidates of user %q: %v %v, want %v", id, got, err, users[id].Candidates)
			}
			for l := range info().Lists {
				want := append(slices.Clone(lists[id]), nil, nil, nil, nil)[l]
				switch {
				case l == 1:
					want = shared
				case l == 3 && groupOf[id] > 0 && written:
					want = grouped[groupOf[id]-1]
				}
				if got, err := s.List(id, l); err != nil || !slices.Equal(got, want) {
					rt.Fatalf("list %d of user %q: %v %v, want %v", l, id, got, err, want)
				}
			}
			if _, ok, err := s.User(id + "\x00"); err != nil || ok && users[id+"\x00"].Scores == nil {
				if _, known := users[id+"\x00"]; !known {
					rt.Fatalf("user %q is not there, yet %v %v", id+"\x00", ok, err)
				}
			}
		}
		for i, it := range items {
			for l, want := range similar[int32(i)] {
				if got, err := s.Similar(int32(i), l); err != nil || !slices.Equal(got, want) {
					rt.Fatalf("similar to %d by list %d: %v %v", i, l, got, err)
				}
			}
			if j, ok := s.LookupItem(it.ID); !ok || int(j) != i || !reflect.DeepEqual(s.Item(j), it) {
				rt.Fatalf("item %q is %d %v", it.ID, j, ok)
			}
		}
		if !slices.Equal(s.Popular(), popular) || s.Info().Users != len(ids) || s.Info().Items != n {
			rt.Fatalf("popular %v or counts %+v differ", s.Popular(), s.Info())
		}
		if _, ok := s.LookupItem("zzz"); ok {
			rt.Fatal("an unknown item was found")
		}
	})
}

// large spans several transactions of the writer.
func large(w *Writer) error {
	const items, users, each = 2000, 12000, 100
	errs := []error{w.Items(catalogue(items))}
	for u := range users {
		list := make([]Candidate, each)
		for i := range list {
			list[i] = Candidate{Item: int32((u*7 + i*13) % items), Score: float32(u) / float32(i+1), Strategy: uint8(i % 3)}
		}
		errs = append(errs, w.User(fmt.Sprintf("u%06d", u), User{Candidates: list}))
	}
	for i := range int32(items) {
		errs = append(errs, w.Similar(i, []Candidate{{Item: (i + 1) % items, Score: 1, Strategy: 1}}))
	}
	return errors.Join(errs...)
}

func TestSameInputSameBytes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var versions []string
	var stores [][]byte
	for i, procs := range []int{1, 2, 4} {
		runtime.GOMAXPROCS(procs)
		root, in := t.TempDir(), info()
		in.CreatedAt = fmt.Sprintf("2011-12-08T03:00:0%dZ", i)
		v := publish(t, root, in, large)
		text, err := os.ReadFile(filepath.Join(root, v, storeName))
		if err != nil {
			t.Fatal(err)
		}
		versions, stores = append(versions, v), append(stores, text)
	}
	for i := range stores {
		if versions[i] != versions[0] || !bytes.Equal(stores[i], stores[0]) {
			t.Errorf("publication %d is %s, the first %s; bytes equal: %v", i, versions[i], versions[0], bytes.Equal(stores[i], stores[0]))
		}
	}
	if len(stores[0]) < batchBytes {
		t.Errorf("the store has only %d bytes: it was meant to span several transactions", len(stores[0]))
	}
}

func TestPublishAgainKeepsTheFirst(t *testing.T) {
	root := t.TempDir()
	first := publish(t, root, info(), small)
	in := info()
	in.CreatedAt = "2012-01-01T00:00:00Z"
	if again := publish(t, root, in, small); again != first {
		t.Errorf("the same content is %s, first %s", again, first)
	}
	if got := open(t, root, first).Info().CreatedAt; got != info().CreatedAt {
		t.Errorf("publishing again rewrote the manifest: %s", got)
	}
	in.HorizonDays = 60
	if other := publish(t, root, in, small); other == first {
		t.Error("other content has the same version")
	}
}

func TestWriterRefuses(t *testing.T) {
	nan := float32(math.NaN())
	with := func(more func(w *Writer) error) func(w *Writer) error {
		return func(w *Writer) error {
			if err := w.Items(catalogue(5)); err != nil {
				return err
			}
			return more(w)
		}
	}
	user := func(u User) func(w *Writer) error {
		return with(func(w *Writer) error { return w.User("u", u) })
	}
	churn := func(p float64) func(w *Writer) error {
		return user(User{Scores: &Scores{Churn: &Churn{Probability: p}}})
	}
	cases := map[string]struct {
		fill func(w *Writer) error
		want string
	}{
		"no catalogue":        {func(w *Writer) error { return nil }, "the catalogue was not written"},
		"catalogue late":      {func(w *Writer) error { return w.User("u", User{}) }, "the catalogue must be written first"},
		"catalogue twice":     {with(func(w *Writer) error { return w.Items(nil) }), "the catalogue is written once"},
		"item twice":          {func(w *Writer) error { return w.Items([]Item{{ID: "a"}, {ID: "b"}, {ID: "a"}}) }, `item "a" is in the catalogue twice`},
		"empty item id":       {func(w *Writer) error { return w.Items([]Item{{}}) }, `item 0: id "" is not`},
		"bad title":           {func(w *Writer) error { return w.Items([]Item{{ID: "a", Title: "\xff"}}) }, "its title, brand or category is not UTF-8"},
		"users out of order":  {with(func(w *Writer) error { return errors.Join(w.User("b", User{}), w.User("a", User{})) }), "user number 2: its id does not come after the one before"},
		"user twice":          {with(func(w *Writer) error { return errors.Join(w.User("b", User{}), w.User("b", User{})) }), "user number 2: its id does not come after the one before"},
		"long user id":        {with(func(w *Writer) error { return w.User(strings.Repeat("x", 513), User{}) }), "user number 1: its id of 513 bytes is not 1 to 512 bytes"},
		"NaN score":           {user(User{Candidates: []Candidate{{Item: 1, Score: nan}}}), "user number 1: candidate item 1 has the score NaN"},
		"unknown item":        {user(User{Candidates: []Candidate{{Item: 5, Score: 1}}}), "candidate names item 5 of 5"},
		"unknown strategy":    {user(User{Candidates: []Candidate{{Item: 1, Score: 1, Strategy: 4}}}), "candidate names strategy 4 of 4"},
		"item listed twice":   {user(User{Candidates: []Candidate{{Item: 1, Score: 1}, {Item: 1, Score: .5, Strategy: 1}}}), "item number 1 is listed twice"},
		"rising scores":       {user(User{Candidates: []Candidate{{Item: 1, Score: .5}, {Item: 2, Score: .5, Strategy: 1}, {Item: 3, Score: .6}}}), "item number 3 has the score 0.6, the one before it 0.5"},
		"reason unknown":      {user(User{Candidates: []Candidate{{Item: 1, Reason: Reason{Kind: 99}}}}), "a reason of kind 99 is not known"},
		"reason out of range": {user(User{Candidates: []Candidate{{Item: 1, Reason: Reason{Kind: models.ReasonBought, Of: 5}}}}), "its reason names item 5 of 5"},
		"reason without days": {user(User{Candidates: []Candidate{{Item: 1, Reason: Reason{Kind: models.ReasonUsual}}}}), "usual every 0 days"},
		"reason too full":     {user(User{Candidates: []Candidate{{Item: 1, Reason: Reason{Kind: models.ReasonAgain, Of: 1}}}}), "about nothing, but says 1"},
		"too many lists":      {user(User{Lists: make([][]Candidate, 5)}), "5 lists are more than the 4 announced"},
		"shared list of one":  {user(User{Lists: [][]Candidate{nil, {{Item: 1}}}}), "list popular is the same for everybody"},
		"bad list":            {user(User{Lists: [][]Candidate{{{Item: 7}}}}), "list repeat: candidate names item 7 of 5"},
		"not a shared list":   {with(func(w *Writer) error { return w.Shared(0, nil) }), "list 0 is not one that everybody shares"},
		"not by group":        {with(func(w *Writer) error { return w.Grouped(0, nil) }), "list 0 is not one by group"},
		"no list numbered 4":  {with(func(w *Writer) error { return w.Grouped(4, nil) }), "list 4 is not one by group"},
		"a group too few":     {with(func(w *Writer) error { return w.Grouped(3, make([][]Candidate, 1)) }), "list popular-region: there are 1 lists for 2 groups"},
		"bad list of a group": {with(func(w *Writer) error { return w.Grouped(3, [][]Candidate{nil, {{Item: 7}}}) }), `list popular-region of group "south": candidate names item 7 of 5`},
		"group list of one":   {user(User{Lists: [][]Candidate{nil, nil, nil, {{Item: 1}}}}), "list popular-region is one for a group"},
		"group unknown":       {user(User{Groups: []int32{0, 0, 0, 3}}), "list popular-region: group 3 is not among its 2"},
		"group below":         {user(User{Groups: []int32{0, 0, 0, -1}}), "list popular-region: group -1 is not among its 2"},
		"group of no groups":  {user(User{Groups: []int32{1}}), "list repeat: group 1 is not among its 0"},
		"too many groups":     {user(User{Groups: make([]int32, 5)}), "groups for 5 lists are more than the 4 announced"},
		"bought disorder":     {user(User{Bought: []int32{2, 1}}), "bought item number 1"},
		"bought unknown":      {user(User{Bought: []int32{9}}), "bought item number 9"},
		"probability 1.1":     {churn(1.1), "must lie in [0, 1]"},
		"probability NaN":     {churn(math.NaN()), "must lie in [0, 1]"},
		"infinite spend":      {user(User{Scores: &Scores{RFM: &RFM{Spend: math.Inf(1)}}}), "not a number that counts"},
		"similar unknown":     {with(func(w *Writer) error { return w.Similar(5, nil) }), "similar items of number 5: the catalogue has 5"},
		"popular infinite": {with(func(w *Writer) error {
			return w.Popular([]Candidate{{Item: 0, Score: float32(math.Inf(1))}})
		}), "popular items: candidate item 0"},
		"fill fails": {with(func(w *Writer) error { return io.ErrUnexpectedEOF }), "publishing a snapshot: unexpected EOF"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if _, err := Publish(root, durable.FS{}, info(), c.fill); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if left, _ := os.ReadDir(root); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestPublishChecksInfo(t *testing.T) {
	cases := map[string]func(in *Info){
		`as_of "2011-12-08" is not an RFC 3339 instant`:   func(in *Info) { in.AsOf = "2011-12-08" },
		`created_at "" is not an RFC 3339 instant`:        func(in *Info) { in.CreatedAt = "" },
		`251 strategies are more than the 250 that fit`:   func(in *Info) { in.Strategies = make([]string, 251) },
		`the model "x" is not among those`:                func(in *Info) { in.Propensity = "x" },
		`the model "y" is not among those`:                func(in *Info) { in.Outlook = "y" },
		`horizons are [30 30]: they must ascend`:          func(in *Info) { in.Horizons = []int{30, 30} },
		`course_days are [0 7]: they must ascend`:         func(in *Info) { in.CourseDays = []int{0, 7} },
		`course_days has 65 days: at most 64 fit`:         func(in *Info) { in.CourseDays = make([]int, 65) },
		`over -1 days discounted by 0.1`:                  func(in *Info) { in.ValueDays = -1 },
		`over 365 days discounted by NaN`:                 func(in *Info) { in.ValueDiscount = math.NaN() },
		`the base rate is 0.5, 0.6 to 0.7`:                func(in *Info) { in.BaseRate = &Rate{Rate: .5, Low: .6, High: .7} },
		`the group "north" is named twice`:                func(in *Info) { in.Lists[3].Groups = []string{"north", "north"} },
		`the group "" is named twice, or its name is emp`: func(in *Info) { in.Lists[3].Groups = []string{""} },
		`4097 groups are more than the 4096 that fit`:     func(in *Info) { in.Lists[3].Groups = make([]string, MaxGroups+1) },
		`the same for everybody or by group`:              func(in *Info) { in.Lists[1].Groups = []string{"north"} },
		`a list of an item is not by group`:               func(in *Info) { in.ItemLists[0].Groups = []string{"north"} },
		`the base rate is NaN, 0 to 0`:                    func(in *Info) { in.BaseRate = &Rate{Rate: math.NaN()} },
		`two features go by the name "a"`:                 func(in *Info) { in.Features = []Feature{{Name: "a"}, {Name: "a"}} },
		`the feature a stands with 17 others`:             func(in *Info) { in.Features = []Feature{{Name: "a", With: make([]string, 17)}} },
	}
	for want, change := range cases {
		in := info()
		change(&in)
		if _, err := Publish(t.TempDir(), durable.FS{}, in, small); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestOpenFindsDamage flips one byte at many places of either file, and cuts them.
func TestOpenFindsDamage(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, publish(t, root, info(), small))
	for _, name := range []string{storeName, "manifest.json"} {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		try := func(what string, text []byte) {
			t.Helper()
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			if s, err := Open(dir); err == nil {
				s.Close()
				t.Errorf("%s: %s passed", name, what)
			} else if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrFormat) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		for at := 0; at < len(whole); at += 1 + len(whole)/50 {
			if name == "manifest.json" && bytes.ContainsAny(whole[at:at+1], " \n\t") || bytes.Contains(whole[max(0, at-40):at+1], []byte("created_at")) {
				continue // layout and the time of publication are not content
			}
			text := slices.Clone(whole)
			text[at] ^= 4
			try(fmt.Sprintf("byte %d flipped", at), text)
		}
		try("cut", whole[:len(whole)/2])
		try("emptied", nil)
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	open(t, root, filepath.Base(dir))
	if _, err := Open(filepath.Join(root, "2011-12-08-00000000")); !errors.Is(err, ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
}

func TestCurrentListPrune(t *testing.T) {
	root := t.TempDir()
	if v, ok, err := Current(root); ok || err != nil {
		t.Fatalf("current of an empty folder: %s %v %v", v, ok, err)
	}
	var versions []string
	for i := range 4 {
		in := info()
		in.CreatedAt, in.HorizonDays = fmt.Sprintf("2011-12-0%dT00:00:00Z", 9-i), 30+i // the oldest is published last
		versions = append(versions, publish(t, root, in, small))
	}
	if err := SetCurrent(root, durable.FS{}, "2011-12-08-00000000"); !errors.Is(err, ErrNotFound) {
		t.Errorf("making current what is not there: %v", err)
	}
	if err := SetCurrent(root, durable.FS{}, versions[3]); err != nil {
		t.Fatal(err)
	}
	list, _, err := List(root)
	if err != nil || len(list) != 4 || list[0].Version != versions[3] || list[3].Version != versions[0] {
		t.Fatalf("list %v, %v", list, err)
	}
	held := open(t, root, versions[2])
	removed, err := Prune(root, durable.FS{}, 1)
	if err != nil || !slices.Equal(removed, []string{versions[2], versions[1]}) {
		t.Errorf("removed %v, %v; the current one must stay, oldest or not", removed, err)
	}
	if _, ok, err := held.User("u1"); !ok || err != nil {
		t.Errorf("a snapshot held open was lost with its folder: %v %v", ok, err)
	}
	if v, ok, err := Current(root); v != versions[3] || !ok || err != nil {
		t.Errorf("current is %s %v %v", v, ok, err)
	}
}

// TestDamageHidesNothing: snapshots whose manifest is damaged are named and
// pruned, unless current or somebody else's folder; the rest is listed.
func TestDamageHidesNothing(t *testing.T) {
	root := t.TempDir()
	var versions []string
	for i := range 3 {
		in := info()
		in.HorizonDays = 30 + i
		versions = append(versions, publish(t, root, in, small))
	}
	good, bad, current := versions[0], versions[1], versions[2]
	if err := SetCurrent(root, durable.FS{}, current); err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{bad, current} {
		if err := os.Truncate(filepath.Join(root, v, "manifest.json"), 20); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "zz-backup"), 0o755); err != nil {
		t.Fatal(err)
	}
	want := []string{bad, current}
	slices.Sort(want)
	list, damaged, err := List(root)
	if err != nil || len(list) != 1 || list[0].Version != good || !slices.Equal(damaged, append(want, "zz-backup")) {
		t.Errorf("list %v, damaged %v, %v", list, damaged, err)
	}
	if removed, err := Prune(root, durable.FS{}, 5); err != nil || !slices.Equal(removed, []string{bad}) {
		t.Errorf("removed %v, %v, want %s", removed, err, bad)
	}
	if _, damaged, err := List(root); err != nil || !slices.Equal(damaged, []string{current, "zz-backup"}) {
		t.Errorf("still damaged %v, %v", damaged, err)
	}
}

// TestErrorsNameNoCustomer: an id that is refused, and the one before it, stay
// out of the error.
func TestErrorsNameNoCustomer(t *testing.T) {
	for _, id := range []string{"anna@shop", "anna@shop\xff", strings.Repeat("anna@shop", 60), "zoe@shop"} {
		_, err := Publish(t.TempDir(), durable.FS{}, info(), func(w *Writer) error {
			return errors.Join(w.Items(catalogue(5)), w.User("nora@shop", User{}), w.User(id, User{Bought: []int32{7}}))
		})
		if err == nil || strings.Contains(err.Error(), "@shop") || !strings.Contains(err.Error(), "user number 2") {
			t.Errorf("error %v", err)
		}
	}
}

// TestPublishSurvivesFaults stops a publication at every step it has.
func TestPublishSurvivesFaults(t *testing.T) {
	stop := errors.New("stopped")
	for step := 0; ; step++ {
		root, at, hit := t.TempDir(), 0, false
		_, err := Publish(root, durable.FS{Fault: func(durable.Op, string) error {
			if at++; at == step+1 {
				hit = true
				return stop
			}
			return nil
		}}, info(), small)
		if !hit {
			if step < 5 || err != nil {
				t.Fatalf("%d steps were tried, %v", step, err)
			}
			return
		}
		if !errors.Is(err, stop) {
			t.Fatalf("step %d: %v", step, err)
		}
		list, _, err := List(root)
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		for _, in := range list {
			open(t, root, in.Version)
		}
		if err := CleanUp(root, durable.FS{}); err != nil {
			t.Fatal(err)
		}
		open(t, root, publish(t, root, info(), small))
	}
}

// TestManyProcessesRead opens one snapshot in this process and in three others at once.
func TestManyProcessesRead(t *testing.T) {
	if dir := os.Getenv("SNAPSHOT_TEST_DIR"); dir != "" {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		fmt.Println("open")
		if _, err := io.ReadAll(os.Stdin); err != nil { // until all the others are open too
			t.Fatal(err)
		}
		if _, ok, err := s.User("u1"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		return
	}
	root := t.TempDir()
	v := publish(t, root, info(), small)
	s := open(t, root, v)
	var children []*exec.Cmd
	var hold []io.Closer
	for range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestManyProcessesRead$")
		cmd.Env = append(os.Environ(), "SNAPSHOT_TEST_DIR="+filepath.Join(root, v))
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line := make([]byte, 5)
		if _, err := io.ReadFull(out, line); err != nil || string(line) != "open\n" {
			t.Errorf("a child said %q, %v", line, err)
		}
		go io.Copy(io.Discard, out)
		children, hold = append(children, cmd), append(hold, in)
	}
	for i, cmd := range children {
		hold[i].Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	if _, ok, err := s.User("u1"); !ok || err != nil {
		t.Error(ok, err)
	}
}

func FuzzUserValue(f *testing.F) {
	l, in := newLexicon(), info()
	for _, word := range []string{"growth", "gbdt", "low", NextCategory, NextBrand, NextPriceBand, "tea", "Acme", "email", "sms"} {
		l.number(word)
	}
	within := bounds{items: 10, strategies: 3, info: &in}
	var err error
	if within.words, err = loadWords(l.packed); err != nil {
		f.Fatal(err)
	}
	f.Add(appendUser(nil, User{Candidates: []Candidate{{Item: 3, Score: .5, Strategy: 1}}, Bought: []int32{0, 4},
		Scores:  &Scores{Churn: &Churn{.2, .3, "low"}, ReturnProbability: .8, RFM: &RFM{3, 4, 5}, Note: "n"},
		Profile: []Value{StringValue("gold"), NumberValue(12.5), BoolValue(false), {}}, Aliases: []Alias{{"email", "a@b"}, {"wecom", "w1"}}}, l, fields))
	f.Add(appendUser(nil, User{Scores: whole()}, l, fields))
	f.Add([]byte{0, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, value []byte) {
		d := &decoder{b: value}
		u := d.user(within)
		if d.end() != nil {
			return
		}
		for _, c := range u.Candidates {
			if err := c.check(within); err != nil {
				t.Fatal(err)
			}
		}
		if err := u.Scores.check(&in); err != nil {
			t.Fatal(err)
		}
		again := &decoder{b: appendUser(nil, u, l, fields)}
		if got := again.user(within); again.end() != nil || !same(got, u) {
			t.Errorf("%+v became %+v, %v", u, got, again.err)
		}
	})
}

// FuzzGroups reads the lists of a customer that are by group, and those of the
// groups: whatever is accepted is in range, and written again is read the same.
func FuzzGroups(f *testing.F) {
	within := bounds{items: 10, strategies: 4}
	f.Add(appendUser(nil, User{Lists: [][]Candidate{{{Item: 1}}}, Groups: []int32{0, 0, 2}}, newLexicon(), nil), uint8(2))
	f.Add(appendLists(nil, [][]Candidate{{{Item: 1, Reason: Reason{Kind: models.ReasonChannel}}}, nil}), uint8(0))
	f.Add([]byte{0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}, uint8(0))
	f.Fuzz(func(t *testing.T, value []byte, n uint8) {
		d := &decoder{b: value}
		d.skip(2)
		if g := d.group(int(n), len(groups)); g < 0 || g > len(groups) || d.end() != nil && g != 0 {
			t.Errorf("group %d, %v", g, d.end())
		}
		d = &decoder{b: value}
		lists := d.groupLists(len(groups), within)
		if d.end() != nil {
			return
		}
		for _, list := range lists {
			for _, c := range list {
				if err := c.check(within); err != nil {
					t.Fatal(err)
				}
			}
		}
		again := &decoder{b: appendLists(nil, lists)}
		if got := again.groupLists(len(groups), within); again.end() != nil || !slices.EqualFunc(got, lists, slices.Equal) {
			t.Errorf("%v became %v, %v", lists, got, again.err)
		}
	})
}

// BenchmarkUser reports reading and decoding a customer as a multiple of
// fetching the same bytes.
func BenchmarkUser(b *testing.B) {
	root := b.TempDir()
	s := open(b, root, publish(b, root, info(), large))
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprintf("u%06d", i*11)
	}
	var ours, fetch time.Duration
	for i := 0; b.Loop(); i++ {
		id := ids[i%len(ids)]
		start := time.Now()
		if _, ok, err := s.User(id); !ok || err != nil {
			b.Fatal(ok, err)
		}
		mid := time.Now()
		if err := s.get(bucketUsers, []byte(id), func(d *decoder) { d.b = nil }); err != nil {
			b.Fatal(err)
		}
		ours, fetch = ours+mid.Sub(start), fetch+time.Since(mid)
	}
	b.ReportMetric(float64(ours)/float64(fetch), "x-fetch")
}
