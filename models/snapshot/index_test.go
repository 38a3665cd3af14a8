package snapshot

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIndex finds what a map finds, of ids that share beginnings and of none.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ids := rapid.SliceOfDistinct(rapid.OneOf(rapid.StringMatching(`[ab]{0,4}`), rapid.String()), rapid.ID).Draw(rt, "ids")
		x, want := newIndex(len(ids)), map[string]place{}
		for i, id := range ids {
			want[id] = place{int64(i), uint32(i) + 1, uint32(i) + 2}
			x.add([]byte(id), want[id])
		}
		for _, id := range append(ids, "", "a", "ab", "bbbbb", rapid.String().Draw(rt, "other")) {
			p, ok := x.find(id)
			if expected, known := want[id]; p != expected || ok != known {
				rt.Fatalf("%q is found at %v, %v; want %v, %v", id, p, ok, expected, known)
			}
		}
	})
}
