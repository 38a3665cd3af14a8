package serving

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"regulars/models/snapshot"
)

// However long a list is asked for, and whatever is out of stock, a customer's own
// candidates stand in it in their order and with their scores, before all else.
func TestOwnCandidatesGoOnBehindThoseReadFirst(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sh, n := shop{horizon: 90, users: map[string]snapshot.User{}}, rapid.IntRange(1, 3*leading).Draw(rt, "items")
		stock := rapid.SliceOfN(rapid.Bool(), n, n).Draw(rt, "stock")
		own := make([]snapshot.Candidate, rapid.IntRange(0, n).Draw(rt, "candidates"))
		k := rapid.IntRange(1, n).Draw(rt, "k")
		var want []string
		for i := range n {
			sh.items = append(sh.items, snapshot.Item{ID: fmt.Sprintf("i%03d", i), InStock: stock[i]})
			if i < len(own) {
				own[i] = snapshot.Candidate{Item: int32(i), Score: 1 - float32(i)/1000}
				if stock[i] && len(want) < k {
					want = append(want, fmt.Sprint(sh.items[i].ID, own[i].Score))
				}
			}
		}
		sh.users["ann"] = snapshot.User{Candidates: own}
		l, err := load(t, sh).Recommend("ann", Ask{K: k})
		if err != nil {
			rt.Fatal(err)
		}
		for i, text := range want {
			if got := fmt.Sprint(l.Items[i].ID, l.Items[i].Score); got != text {
				rt.Fatalf("place %d: %s, want %s", i, got, text)
			}
		}
	})
}
