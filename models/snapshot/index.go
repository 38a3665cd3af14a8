package snapshot

import (
	"errors"
	"hash/maphash"
	"math"

	"go.etcd.io/bbolt"
)

// index is where the record of every customer lies, in memory: an id is found with
// a few reads, where the pages of the store take a dozen. It takes some 32 bytes a
// customer, and their ids.
type index struct {
	seed  maphash.Seed
	slots []uint32 // 1 + the number of a customer, in the slot of their id's hash or the next free one; 0 = free
	ids   []byte   // one behind the other
	known []located
}

// located is the record of a customer, and where their id ends among the ids.
type located struct {
	place
	end uint64
}

// newIndex returns an empty index for so many customers.
func newIndex(customers int) *index {
	slots := 1
	for slots < 2*customers {
		slots *= 2
	}
	return &index{seed: maphash.MakeSeed(), slots: make([]uint32, slots), known: make([]located, 0, customers)}
}

// add adds a customer who is not in it yet.
func (x *index) add(id []byte, p place) {
	at := maphash.Bytes(x.seed, id) & uint64(len(x.slots)-1)
	for x.slots[at] != 0 {
		at = (at + 1) & uint64(len(x.slots)-1)
	}
	x.ids = append(x.ids, id...)
	x.known = append(x.known, located{p, uint64(len(x.ids))})
	x.slots[at] = uint32(len(x.known))
}

// find returns where the record of a customer lies; ok is false of an unknown one.
func (x *index) find(id string) (p place, ok bool) {
	at := maphash.String(x.seed, id) & uint64(len(x.slots)-1)
	for x.slots[at] != 0 {
		if n := x.slots[at] - 1; string(x.id(n)) == id {
			return x.known[n].place, true
		}
		at = (at + 1) & uint64(len(x.slots)-1)
	}
	return place{}, false
}

func (x *index) id(n uint32) []byte {
	begin := uint64(0)
	if n > 0 {
		begin = x.known[n-1].end
	}
	return x.ids[begin:x.known[n].end]
}

var errTooMany = errors.New("there are more customers than the manifest says, or than it can say")

// loadIndex reads where the records are.
func (s *Snapshot) loadIndex(tx *bbolt.Tx) error {
	users := tx.Bucket([]byte(bucketUsers))
	if users == nil {
		return s.missing(bucketUsers)
	}
	if n := s.info.Users; n < 0 || n >= math.MaxUint32 || int64(n) > s.size {
		return s.damaged(bucketUsers, errTooMany)
	}
	s.index = newIndex(s.info.Users)
	return users.ForEach(func(id, v []byte) error {
		p, err := placeOf(v, s.size)
		if err == nil && len(s.index.known) == s.info.Users {
			err = errTooMany
		}
		if err == nil {
			s.index.add(id, p)
		}
		return s.damaged(bucketUsers, err)
	})
}
