package events

import (
	"fmt"
	"hash/maphash"
	"testing"

	"pgregory.net/rapid"
)

// Whatever was added is found, and of what was not, little.
func TestToldMissesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		set := &told{seed: maphash.MakeSeed()}
		ids := rapid.SliceOf(rapid.String()).Draw(rt, "ids")
		for _, id := range ids {
			set.add(id)
		}
		for _, id := range ids {
			if !set.maybe(id) {
				rt.Fatalf("%q was added", id)
			}
		}
	})
	set := &told{seed: maphash.MakeSeed()}
	wrong := 0
	for i := range 100_000 {
		set.add(fmt.Sprint("in", i))
	}
	for i := range 10_000 {
		if set.maybe(fmt.Sprint("out", i)) {
			wrong++
		}
	}
	if wrong > 1200 {
		t.Errorf("%d of 10,000 were taken for members", wrong)
	}
}
