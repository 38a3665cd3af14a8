package events

import (
	"hash/maphash"
	"sync/atomic"
)

// told is a set of ids that may take one for a member that is none, never the
// other way round (Bloom 1970, with one hash). A list asks about every item that
// it might show; of most of them nothing was told, which is found out here
// without a lock. Nothing is ever taken out.
type told struct {
	seed maphash.Seed
	bits [toldBits / 64]atomic.Uint64
}

// toldBits keeps wrong answers below 10% up to 100,000 ids, in 128 KiB.
const toldBits = 1 << 20

func (t *told) at(id string) (word *atomic.Uint64, bit uint64) {
	h := maphash.String(t.seed, id) % toldBits
	return &t.bits[h/64], 1 << (h % 64)
}

func (t *told) add(id string) {
	word, bit := t.at(id)
	word.Or(bit)
}

func (t *told) maybe(id string) bool {
	word, bit := t.at(id)
	return word.Load()&bit != 0
}
