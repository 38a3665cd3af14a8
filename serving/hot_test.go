package serving

import (
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// growing is a Live that is told of items one after the other.
type growing struct {
	told
	mu    sync.Mutex
	order []string
}

func (g *growing) tell(id string, u ItemUpdate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, had := g.items[id]; !had {
		g.order = append(g.order, id)
	}
	g.items[id] = u
}

func (g *growing) Item(id string) (ItemUpdate, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.told.Item(id)
}

func (g *growing) Told(from int) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.order[min(from, len(g.order)):]
}

// TestTheNextListKnows: whatever is told, and when, the next list holds an item if
// and only if it is in stock by the last word on it, while others are asked for
// at the same time.
func TestTheNextListKnows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		live := &growing{told: told{items: map[string]ItemUpdate{}}}
		sh := tiny()
		s := listening(t, sh, live, noon)
		stock := map[string]bool{}
		for _, it := range sh.items {
			stock[it.ID] = it.InStock
		}
		var others sync.WaitGroup
		defer others.Wait()
		for range rapid.IntRange(1, 6).Draw(rt, "updates") {
			id := rapid.SampledFrom(sh.items).Draw(rt, "item").ID
			in := rapid.Bool().Draw(rt, "in stock")
			live.tell(id, ItemUpdate{InStock: &Word[bool]{in, noon.Add(-time.Minute)}})
			stock[id] = in
			others.Go(func() { _, _ = s.Popular(Ask{K: 3}) })
			l, err := s.Popular(Ask{K: len(sh.items)})
			if err != nil {
				rt.Fatal(err)
			}
			shown := map[string]bool{}
			for _, it := range l.Items {
				shown[it.ID] = true
			}
			for id, in := range stock {
				if shown[id] != in {
					rt.Fatalf("%s is in stock: %v; shown: %v", id, in, shown[id])
				}
			}
		}
	})
}
