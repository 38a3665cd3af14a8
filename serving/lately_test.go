package serving

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/models"
	"regulars/models/snapshot"
)

// told is a Live from tables.
type told struct {
	items  map[string]ItemUpdate
	recent map[string]Recent // by customer, or by session as "#id"
	out    map[string]bool
	erased map[string]bool
}

func (l told) Item(id string) (ItemUpdate, bool) { u, ok := l.items[id]; return u, ok }

func (l told) Told(from int) []string {
	ids := slices.Sorted(maps.Keys(l.items))
	return ids[min(from, len(ids)):]
}

func (l told) Recent(userID, sessionID string) (Recent, bool) {
	r, ok := l.recent["#"+sessionID]
	own, known := l.recent[userID]
	if userID == "" {
		own, known = l.recent[r.UserID]
	}
	if r.UserID == "" {
		r.UserID = own.UserID
	}
	r.Bought, r.Viewed, r.Ignored = slices.Concat(r.Bought, own.Bought), slices.Concat(r.Viewed, own.Viewed), slices.Concat(r.Ignored, own.Ignored)
	return r, ok || known
}

func (l told) OptedOut(id string) (out, known bool) { out, known = l.out[id]; return out, known }

func (l told) Erased(id string) bool { return l.erased[id] }

// noon is twelve hours after the as_of of the shops here.
var noon = time.Date(2011, 12, 8, 12, 0, 0, 0, time.UTC)

// word is what was told at noon.
func word[T any](value T) *Word[T] { return &Word[T]{value, noon} }

func listening(t testing.TB, sh shop, l Live, now time.Time) *Store {
	s := load(t, sh)
	s.opts.Live, s.opts.Now = l, func() time.Time { return now }
	return s
}

func touches(at time.Time, ids ...string) (out []Touch) {
	for _, id := range ids {
		out = append(out, Touch{ItemID: id, At: at, Count: 1})
	}
	return out
}

func TestLately(t *testing.T) {
	no, yes, later, earlier := false, true, noon.Add(time.Hour), noon.Add(-time.Hour)
	usual := snapshot.Reason{Kind: models.ReasonUsual, Of: 7}
	sh := tiny()
	sh.users["cyc"] = snapshot.User{Candidates: []snapshot.Candidate{{Item: 4, Score: .8, Reason: usual}, {Item: 0, Score: .7, Reason: snapshot.Reason{Kind: models.ReasonAgain}}}}
	sh.similar[2] = []snapshot.Candidate{{Item: 5, Score: .9, Strategy: 1}, {Item: 4, Score: .5, Strategy: 1}}
	recent := func(id string, r Recent) told { return told{recent: map[string]Recent{id: r}} }
	for name, c := range map[string]struct {
		live told
		now  time.Time
		user string
		ask  Ask
		want string
	}{
		"nothing told":               {user: "ann", want: "e:repeat a:ials b:popular c:popular f:catalogue"},
		"gone since":                 {live: told{items: map[string]ItemUpdate{"e": {InStock: word(no)}, "b": {InStock: word(no)}}}, user: "ann", want: "a:ials c:popular f:catalogue"},
		"back since":                 {live: told{items: map[string]ItemUpdate{"d": {InStock: word(yes)}}}, user: "ann", want: "d:repeat e:repeat a:ials b:popular c:popular f:catalogue"},
		"not before its day":         {live: told{items: map[string]ItemUpdate{"e": {AvailableFrom: word(later)}, "a": {AvailableFrom: word(earlier)}}}, user: "ann", want: "a:ials b:popular c:popular f:catalogue"},
		"bought since":               {live: recent("ann", Recent{Bought: touches(earlier, "e", "b", "no such item")}), user: "ann", want: "a:ials c:popular f:catalogue"},
		"bought before the as_of":    {live: recent("ann", Recent{Bought: touches(noon.AddDate(0, 0, -1), "e")}), user: "ann", want: "e:repeat a:ials b:popular c:popular f:catalogue"},
		"its cycle is not over":      {live: recent("cyc", Recent{Bought: touches(noon, "e", "a")}), now: noon.AddDate(0, 0, 6), user: "cyc", want: "b:popular c:popular f:catalogue !"},
		"its cycle is over":          {live: recent("cyc", Recent{Bought: touches(noon, "e", "a")}), now: noon.AddDate(0, 0, 7), user: "cyc", want: "e:repeat b:popular c:popular f:catalogue"},
		"looked at":                  {live: recent("ann", Recent{Viewed: touches(noon, "c")}), user: "ann", want: "e:repeat f:ials a:ials b:popular c:popular"},
		"looked at long ago":         {live: recent("ann", Recent{Viewed: touches(noon.AddDate(0, 0, -9), "c")}), user: "ann", want: "e:repeat a:ials f:ials b:popular c:popular"},
		"looked at, by name":         {live: recent("ann", Recent{Viewed: touches(noon, "c")}), user: "ann", ask: Ask{Strategy: "repeat"}, want: "f:ials e:ials b:popular a:popular c:popular"},
		"looked at, nobody known":    {live: recent("#s", Recent{Viewed: touches(noon, "c")}), ask: Ask{Session: "s"}, want: "f:ials e:ials b:popular a:popular c:popular"},
		"shown in vain":              {live: recent("ann", Recent{Ignored: touches(noon, "e", "b")}), user: "ann", want: "a:ials e:repeat c:popular b:popular f:catalogue"},
		"a session joins":            {live: recent("#s", Recent{UserID: "ann"}), ask: Ask{Session: "s"}, want: "e:repeat a:ials b:popular c:popular f:catalogue"},
		"a session of nobody":        {live: recent("#s", Recent{Bought: touches(noon, "b")}), ask: Ask{Session: "s"}, want: "a:popular c:popular e:catalogue f:catalogue !"},
		"refuses":                    {live: told{out: map[string]bool{"ann": true}, recent: map[string]Recent{"ann": {Viewed: touches(noon, "c")}}}, user: "ann", want: "b:popular a:popular c:popular e:catalogue f:catalogue !"},
		"refuses, by name":           {live: told{out: map[string]bool{"ann": true}}, user: "ann", ask: Ask{Strategy: "repeat"}, want: "b:popular a:popular c:popular e:catalogue f:catalogue !"},
		"refuses through a session":  {live: told{out: map[string]bool{"ann": true}, recent: map[string]Recent{"#s": {UserID: "ann", Viewed: touches(noon, "c")}}}, ask: Ask{Session: "s"}, want: "b:popular a:popular c:popular e:catalogue f:catalogue !"},
		"another id of theirs":       {live: recent("app", Recent{UserID: "ann"}), user: "app", want: "e:repeat a:ials b:popular c:popular f:catalogue"},
		"refuses by another id":      {live: told{out: map[string]bool{"ann": true}, recent: map[string]Recent{"app": {UserID: "ann", Viewed: touches(noon, "c")}}}, user: "app", want: "b:popular a:popular c:popular e:catalogue f:catalogue !"},
		"refused by an id of theirs": {live: told{out: map[string]bool{"app": true}, recent: map[string]Recent{"app": {UserID: "ann", Viewed: touches(noon, "c")}}}, user: "app", ask: Ask{K: 2}, want: "b:popular a:popular !"},
		"erased by another id":       {live: told{erased: map[string]bool{"ann": true}, recent: map[string]Recent{"app": {UserID: "ann"}}}, user: "app", ask: Ask{K: 2}, want: "b:popular a:popular !"},
		"allows again":               {live: told{out: map[string]bool{"ann": false}}, user: "ann", ask: Ask{K: 2}, want: "e:repeat a:ials"},
		"erased":                     {live: told{erased: map[string]bool{"ann": true}}, user: "ann", ask: Ask{K: 2}, want: "b:popular a:popular !"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.now.IsZero() {
				c.now = noon
			}
			if c.ask.K == 0 {
				c.ask.K = 9
			}
			s := listening(t, sh, c.live, c.now)
			l, err := s.Recommend(c.user, c.ask)
			if c.ask.Session == "" && c.ask.Strategy == "" {
				// A basket of nothing known is a list for the customer.
				b, _, basketErr := s.Basket([]string{"no such item"}, c.user, c.ask)
				if basketErr != nil || text(b) != text(l) {
					t.Errorf("as a basket %s, %v, else %s", text(b), basketErr, text(l))
				}
			}
			// "looked at" cuts off what stands at the end.
			if got := text(l); err != nil || !strings.HasPrefix(got, c.want) {
				t.Errorf("%s, %v, want %s", got, err, c.want)
			}
		})
	}
}

// A shop's app tells what its customers do by its own ids, and its pages ask by
// the till's: they are the same person.
func TestLatelyByEveryID(t *testing.T) {
	sh := tiny()
	sh.similar[2] = []snapshot.Candidate{{Item: 5, Score: .9, Strategy: 1}}
	sh.aliases = map[string]string{"app-7": "ann", "till-7": "ann"}
	u := sh.users["ann"]
	u.Aliases = []snapshot.Alias{{Source: "app", ID: "app-7"}, {Source: "pos", ID: "7"}, {Source: "pos", ID: "bob"}} // till numbers that are others' as well
	sh.users["ann"] = u
	looked, purchased := Recent{Viewed: touches(noon, "c")}, Recent{Bought: touches(noon, "e")}
	for name, c := range map[string]struct {
		live told
		user string
		ask  Ask
		want string
	}{
		"told by the id asked by":   {told{recent: map[string]Recent{"till-7": purchased}}, "till-7", Ask{K: 2}, "a:ials b:popular"},
		"told by an alias":          {told{recent: map[string]Recent{"app-7": purchased}}, "ann", Ask{K: 2}, "a:ials b:popular"},
		"asked by another":          {told{recent: map[string]Recent{"app-7": purchased}}, "till-7", Ask{K: 2}, "a:ials b:popular"},
		"told by two":               {told{recent: map[string]Recent{"app-7": purchased, "ann": looked}}, "ann", Ask{K: 2}, "f:ials a:ials"},
		"a session of an alias":     {told{recent: map[string]Recent{"#s": {UserID: "app-7"}, "app-7": purchased}}, "", Ask{K: 2, Session: "s"}, "a:ials b:popular"},
		"ignored, but not by all":   {told{recent: map[string]Recent{"app-7": {Ignored: touches(noon, "e")}, "ann": {Viewed: touches(noon, "e")}}}, "ann", Ask{K: 1}, "e:repeat"},
		"an id of two people":       {told{recent: map[string]Recent{"7": purchased}}, "ann", Ask{K: 2}, "e:repeat a:ials"},
		"another customer's id":     {told{recent: map[string]Recent{"bob": purchased}}, "ann", Ask{K: 2}, "e:repeat a:ials"},
		"somebody else told by it":  {told{recent: map[string]Recent{"app-8": purchased}}, "ann", Ask{K: 2}, "e:repeat a:ials"},
		"one told by the main id":   {told{recent: map[string]Recent{"ann": purchased}}, "app-7", Ask{K: 2}, "a:ials b:popular"},
		"refused by the main id":    {told{out: map[string]bool{"ann": true}, recent: map[string]Recent{"app-7": looked}}, "app-7", Ask{K: 2}, "b:popular a:popular !"},
		"nothing told":              {told{}, "app-7", Ask{K: 2}, "e:repeat a:ials"},
		"a view told by both, once": {told{recent: map[string]Recent{"app-7": looked, "ann": looked}}, "ann", Ask{K: 2}, "f:ials e:repeat"},
		"a session by any other id": {told{recent: map[string]Recent{"#s": purchased}}, "app-7", Ask{K: 2, Session: "s"}, "a:ials b:popular"},
	} {
		l, err := listening(t, sh, c.live, noon).Recommend(c.user, c.ask)
		if got := text(l); err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
	}
}

// By default as_of is the day after the last order. Where that is tomorrow, what is
// bought today counts all the same.
func TestBoughtOnTheDayOfTheRun(t *testing.T) {
	for early, want := range map[bool]string{true: "a:ials b:popular", false: "e:repeat a:ials"} {
		sh := tiny()
		sh.early = early
		today := told{recent: map[string]Recent{"ann": {Bought: touches(time.Date(2011, 12, 7, 10, 0, 0, 0, time.UTC), "e")}}}
		if l, err := listening(t, sh, today, noon).Recommend("ann", Ask{K: 2}); err != nil || text(l) != want {
			t.Errorf("made the day before: %v: %s, %v, want %s", early, text(l), err, want)
		}
	}
}

// The snapshot's row of an item stands against what was told before it, whatever
// was told of another field since.
func TestWordsHoldFieldByField(t *testing.T) {
	morning := &Word[bool]{false, noon.Add(-2 * time.Hour)}
	cheap := 2.5
	for name, c := range map[string]struct {
		from time.Time // of the snapshot's row
		want string
	}{
		"told after the row":              {noon.Add(-3 * time.Hour), "a:ials"},
		"stock told before, price after":  {noon.Add(-time.Hour), "e:repeat a:ials"},
		"all told before the row":         {noon.Add(time.Hour), "e:repeat a:ials"},
		"told at the very moment of both": {noon.Add(-2 * time.Hour), "e:repeat a:ials"},
	} {
		sh := priced()
		sh.items[4].From = c.from.UnixMicro()
		s := listening(t, sh, told{items: map[string]ItemUpdate{"e": {InStock: morning, Price: word(cheap)}}}, noon)
		l, err := s.Recommend("ann", Ask{K: 2})
		if got := text(l); err != nil || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
		l, err = s.Recommend("ann", Ask{K: 1, Filter: "item.price == 2.5"})
		if held := c.from.Before(noon) && !strings.HasPrefix(c.want, "a"); err != nil || (len(l.Items) == 1) != held {
			t.Errorf("%s: at the price told there are %s, %v", name, text(l), err)
		}
	}
}

func TestWhatWasLookedAtIsTold(t *testing.T) {
	sh := tiny()
	sh.items[0].Title = "Teapot"
	s := listening(t, sh, told{recent: map[string]Recent{"#s": {Viewed: touches(noon, "a")}}}, noon)
	l, err := s.Recommend("", Ask{K: 1, Session: "s"})
	if err != nil || spoken(l, English) != "b:ials because you looked at Teapot" || spoken(l, Chinese) != "b:ials 因为您看过Teapot" {
		t.Errorf("%s, %s, %v", spoken(l, English), spoken(l, Chinese), err)
	}
	b, _, err := s.Basket([]string{"f"}, "", Ask{K: 1, Session: "s"})
	if err != nil || spoken(b, English) != "b:ials because you looked at Teapot" {
		t.Errorf("of a basket %s, %v", spoken(b, English), err)
	}
}

// Interests never weigh more than 1 together, newer ones never less than older
// ones, and no item counts twice.
func TestInterests(t *testing.T) {
	sh := shop{horizon: 30}
	for i := range 60 {
		sh.items = append(sh.items, snapshot.Item{ID: fmt.Sprint("i", i), InStock: true})
	}
	s := load(t, sh)
	v, err := s.acquire()
	if err != nil {
		t.Fatal(err)
	}
	defer v.release()
	rapid.Check(t, func(rt *rapid.T) {
		var viewed []Touch
		at := noon.Add(time.Minute) // a clock ahead of ours
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 70), 0, 60).Draw(rt, "items") {
			at = at.Add(-time.Duration(rapid.IntRange(0, 500).Draw(rt, "minutes")) * time.Minute)
			viewed = append(viewed, Touch{ItemID: fmt.Sprint("i", n), At: at})
		}
		got, sum := v.interests(viewed, noon), 0.0
		seen := map[int32]bool{}
		for i, in := range got {
			if seen[in.item] || in.weight < 0 || i > 0 && in.weight > got[i-1].weight {
				rt.Fatalf("%v of %v", got, viewed)
			}
			seen[in.item], sum = true, sum+in.weight
		}
		if sum > 1+1e-12 || len(got) > mostViewed {
			rt.Fatalf("%d interests weigh %v", len(got), sum)
		}
	})
}
