package serving

import (
	"cmp"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
	"regulars/models/ials"
)

// A session is a basket without one of its items.
type session struct {
	user  string
	items []string
	held  string
}

// BenchmarkRetailSessions tells how often the item held back from a basket is
// among the first ten listed for the rest of it: the first basket of every known
// customer in the 30 days after the snapshot of the workspace in REGULARS_SHOP. It
// is listed by the lists of items alone, by factors alone, and by both; for nobody
// known and for the customer.
func BenchmarkRetailSessions(b *testing.B) {
	shop := os.Getenv("REGULARS_SHOP")
	if shop == "" {
		b.Skip("REGULARS_SHOP names no workspace")
	}
	s := NewStore(filepath.Join(shop, "snapshots"), Options{})
	defer s.Close()
	if err := s.Refresh(); err != nil {
		b.Fatal(err)
	}
	v := s.current.Load()
	published := v.folding
	if published == nil {
		b.Fatal("the snapshot holds no factors")
	}
	for _, c := range []struct {
		name string
		most int
	}{{"all but one", 1000}, {"five", 5}, {"two", 2}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				list := sessionsAfter(b, v, shop, c.most)
				v.folding = nil
				b.ReportMetric(hits(b, s, list, Ask{}, false), "items-hit@10")
				v.folding = published
				b.ReportMetric(hits(b, s, list, Ask{}, false), "both-hit@10")
				b.ReportMetric(hits(b, s, list, Ask{}, true), "both-known-hit@10")
				b.ReportMetric(foldedHits(b, s, v, list), "factors-hit@10")
				b.ReportMetric(float64(len(list)), "sessions")
			}
		})
	}
}

func hits(b *testing.B, s *Store, list []session, a Ask, known bool) float64 {
	n := 0
	for _, x := range list {
		user := ""
		if known {
			user = x.user
		}
		l, _, err := s.Basket(x.items, user, a)
		if err != nil {
			b.Fatal(err)
		}
		if slices.ContainsFunc(l.Items, func(it Item) bool { return it.ID == x.held }) {
			n++
		}
	}
	return float64(n) / float64(len(list))
}

func foldedHits(b *testing.B, s *Store, v *view, list []session) float64 {
	n := 0
	for _, x := range list {
		basket, _ := v.basket(x.items)
		m, err := s.making(v, subject{}, Ask{}, basket...)
		if err != nil {
			b.Fatal(err)
		}
		w := v.folding.wishes.Get().(*wish)
		if err := m.wish(w, basket, subject{}); err != nil {
			b.Fatal(err)
		}
		best, err := m.score(w, DefaultK, m.free)
		if err != nil {
			b.Fatal(err)
		}
		if slices.ContainsFunc(best, func(s ials.Scored) bool { return v.snap.Item(s.Item).ID == x.held }) {
			n++
		}
		m.end()
	}
	return float64(n) / float64(len(list))
}

type line struct {
	Order    string `parquet:"order_id"`
	User     string `parquet:"user_id"`
	Item     string `parquet:"item_id"`
	TS       int64  `parquet:"ts"`
	IsReturn bool   `parquet:"is_return"`
}

// sessionsAfter draws, from the first basket of two or more items of every
// customer of the view, one item to hold back and at most so many to show.
func sessionsAfter(b *testing.B, v *view, shop string, most int) (out []session) {
	r, seen := rand.New(rand.NewPCG(7, 7)), map[string]bool{}
	for _, basket := range basketsAfter(b, v, shop) {
		user := basket[0].User
		if _, known, err := v.snap.User(user); err != nil || !known || seen[user] {
			continue
		}
		seen[user] = true
		r.Shuffle(len(basket), func(i, j int) { basket[i], basket[j] = basket[j], basket[i] })
		s := session{user: user, held: basket[0].Item}
		for _, l := range basket[1:min(len(basket), most+1)] {
			s.items = append(s.items, l.Item)
		}
		out = append(out, s)
	}
	return out
}

// basketsAfter are the orders of 30 days that hold two or more items of the view,
// in the order of time, a line an item.
func basketsAfter(b *testing.B, v *view, shop string) (out [][]line) {
	files, err := filepath.Glob(filepath.Join(shop, "lake/orders/*.parquet"))
	if err != nil || len(files) == 0 {
		b.Fatal("the workspace has no orders", err)
	}
	from := data.DayOf(v.asOf)
	by := map[string][]line{}
	for _, f := range files {
		rows, err := parquet.ReadFile[line](f)
		if err != nil {
			b.Fatal(err)
		}
		for _, l := range rows {
			_, known := v.snap.LookupItem(l.Item)
			had := slices.ContainsFunc(by[l.Order], func(o line) bool { return o.Item == l.Item })
			if known && !had && !l.IsReturn && l.TS >= from.Micros() && l.TS < (from+30).Micros() {
				by[l.Order] = append(by[l.Order], l)
			}
		}
	}
	for _, lines := range by {
		if len(lines) > 1 {
			slices.SortFunc(lines, func(a, b line) int { return cmp.Or(cmp.Compare(a.TS, b.TS), cmp.Compare(a.Item, b.Item)) })
			out = append(out, lines)
		}
	}
	slices.SortFunc(out, func(a, b []line) int {
		return cmp.Or(cmp.Compare(a[0].TS, b[0].TS), cmp.Compare(a[0].Order, b[0].Order))
	})
	return out
}
