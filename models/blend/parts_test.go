package blend

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
)

func drawEvents(t *rapid.T, users, items int) (list []matrix.Event, ev *matrix.Events) {
	list = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) matrix.Event {
		return matrix.Event{User: rapid.Int32Range(0, int32(users-1)).Draw(t, "user"), Item: rapid.Int32Range(0, int32(items-1)).Draw(t, "item"),
			Day: rapid.Int32Range(0, 40).Draw(t, "day"), Weight: 1}
	}), 1, 60).Draw(t, "events")
	ev, err := matrix.NewEvents(users, items, list)
	if err != nil {
		t.Fatal(err)
	}
	return list, ev
}

// TestCatalogue compares every column with loops over the plain list.
func TestCatalogue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, ev := drawEvents(t, 5, 4)
		now := rapid.Int32Range(1, 45).Draw(t, "now")
		c, any := newCatalogue(ev, now, 7)
		latest, found := int32(math.MinInt32), false
		for _, e := range list {
			if e.Day < now {
				latest, found = max(latest, e.Day), true
			}
		}
		if any != found || any && c.Latest != latest || any && c.check() != nil {
			t.Fatalf("latest %d (%v), want %d (%v)", c.Latest, any, latest, found)
		}
		for item := range int32(4) {
			var customers, recent, returning, gaps, days float64
			first := int32(NeverSold)
			for u := range int32(5) {
				on := map[int32]bool{}
				low, high := int32(math.MaxInt32), int32(-1)
				for _, e := range list {
					if e.User == u && e.Item == item && e.Day < now {
						on[e.Day], low, high = true, min(low, e.Day), max(high, e.Day)
					}
				}
				if len(on) == 0 {
					continue
				}
				first = min(first, low)
				customers++
				recent += math.Exp2(-float64(latest-high) / 7)
				if len(on) > 1 {
					returning++
					gaps, days = gaps+float64(len(on)-1), days+float64(high-low)
				}
			}
			want := []float64{customers, recent, returning, days / math.Max(1, gaps)}
			for i, got := range []float32{c.Customers[item], c.Recent[item], c.Returning[item], c.Gap[item]} {
				if math.Abs(float64(got)-want[i]) > 1e-5 {
					t.Fatalf("item %d, column %d is %v, want %v", item, i, got, want[i])
				}
			}
			if c.First[item] != first {
				t.Fatalf("item %d was first sold on day %d, want %d", item, c.First[item], first)
			}
		}
	})
}

// TestReorder: own items keep their scores, the others keep the set of theirs and
// come in the other order.
func TestReorder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "items")
		draw := func(name string) []float32 {
			return rapid.SliceOfN(rapid.Map(rapid.IntRange(-9, 9), func(i int) float32 { return float32(i) }), n, n).Draw(t, name)
		}
		dst, by := draw("scores"), draw("order")
		var own []int32
		for i := range n {
			if rapid.Bool().Draw(t, "own") {
				own = append(own, int32(i))
			}
		}
		was := slices.Clone(dst)
		reorder(dst, by, own)
		for i := range int32(n) {
			_, mine := slices.BinarySearch(own, i)
			if mine && dst[i] != was[i] {
				t.Fatalf("own item %d had %v, has %v", i, was[i], dst[i])
			}
			for j := range int32(n) {
				if _, his := slices.BinarySearch(own, j); !mine && !his && by[i] > by[j] && dst[i] < dst[j] {
					t.Fatalf("item %d goes before %d in the order but has %v and %v", i, j, dst[i], dst[j])
				}
			}
		}
		slices.Sort(dst)
		slices.Sort(was)
		if !slices.Equal(dst, was) {
			t.Fatalf("scores %v became %v", was, dst)
		}
	})
}

// TestMeasure holds the marks against values worked out by hand.
func TestMeasure(t *testing.T) {
	// The list is 0, 1, 2, 3, 4; bought were 1, 3 and 4; 0 and 1 were had before.
	m := measure([][]float32{{5, 4, 3, 2, 1}, nil}, []int32{0, 1}, []int32{1, 3, 4})
	want := (1/math.Log2(3) + 1/math.Log2(5) + 1/math.Log2(6)) / (1 + 1/math.Log2(3) + 1/math.Log2(4))
	if math.Abs(m.ndcg[0]-want) > 1e-12 || m.recall[0] != 1 || m.ndcg[1] != 0 || m.recall[1] != 0 {
		t.Errorf("marks %+v, want ndcg %v", m, want)
	}
	if m := measure([][]float32{{1, 2}}, []int32{0}, []int32{0}); m.recall != nil {
		t.Errorf("nothing new was bought, and yet recall is %v", m.recall)
	}
	for _, c := range []struct {
		means            []float64
		sources, learner int
		want             int
	}{{[]float64{0.2, 0.3, 0.3}, 2, 0, 1}, {[]float64{0.2, 0.3, 0.31}, 2, 0, Blend}, {[]float64{0.3, 0.3, 0}, 2, 0, 0}, {[]float64{0.2, 0.31, 0.3}, 1, 1, Blend}, {[]float64{0.3, 0.31, 0.3}, 1, 1, 0}} {
		if got := choose(c.means, c.sources, c.learner); got != c.want {
			t.Errorf("of %v the choice is %d, want %d", c.means, got, c.want)
		}
	}
}

// TestFeatures follows one customer with one bought and one new candidate.
func TestFeatures(t *testing.T) {
	ev, err := matrix.NewEvents(2, 3, []matrix.Event{
		{User: 0, Item: 1, Day: 10, Weight: 2}, {User: 0, Item: 1, Day: 30, Weight: 1}, {User: 0, Item: 2, Day: 34, Weight: 1},
		{User: 1, Item: 0, Day: 38, Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	c, _ := newCatalogue(ev, 40, 7)
	w := newWork(1, 3, Columns([]Source{{Name: "s"}}))
	h := ev.History(0)
	w.speaks[0], w.scores[0], w.lowest[0], w.own = true, []float32{4, 3, 1}, 0, []int32{1, 2}
	w.collect(5)
	w.place()
	w.features(&c, h, 40)
	column := func(name string, row int) float64 { return w.x.Row(row)[slices.Index(w.x.Names, name)] }
	if !slices.Equal(w.items, []int32{1, 2, 0}) || w.again != 2 {
		t.Fatalf("candidates %v, %d of them had before", w.items, w.again)
	}
	for _, x := range []struct {
		name string
		row  int
		want float64
	}{
		{"s score", 0, 3}, {"s share", 1, 1.0 / 3}, {"s place", 1, math.Log2(3)}, {"s place", 2, 1}, {"s share", 2, 1},
		{ColumnHad, 0, 1}, {ColumnHad, 2, 0}, {"item customers", 0, math.Log(2)}, {"item age", 0, math.Log(31)},
		{"own days", 0, math.Log(2)}, {"own weight", 0, math.Log(3)}, {"own age", 0, math.Log(10)}, {"own cycles", 0, math.Log(0.5)},
		{"own share", 0, 2.0 / 3}, {"own last", 0, 0}, {"own last", 1, 1}, {"own days", 2, math.NaN()}, {"own cycles", 1, math.NaN()},
		{"customer items", 2, 2}, {"customer days", 2, 3}, {"customer again", 0, 0.5}, {"customer age", 0, 6},
	} {
		if got := column(x.name, x.row); math.Abs(got-x.want) > 1e-9 || math.IsNaN(got) != math.IsNaN(x.want) {
			t.Errorf("%s of candidate %d is %v, want %v", x.name, x.row, got, x.want)
		}
	}
}

func TestAscending(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float32().Draw(t, "a"), rapid.Float32().Draw(t, "b")
		if got, want := cmp.Compare(ascending(a), ascending(b)), cmp.Compare(a, b); got != want {
			t.Fatalf("%v and %v compare as %d, want %d", a, b, got, want)
		}
	})
	if ascending(0) != ascending(float32(math.Copysign(0, -1))) {
		t.Error("the two zeros differ")
	}
}
