package matrix

import (
	"fmt"
	"slices"
)

// Vocabulary maps ids to the row or column numbers 0…Len()-1, in ascending byte
// order of the ids, so that the same ids give the same numbers however they came.
type Vocabulary struct {
	ids   []string
	index map[string]int32
}

// NewVocabulary returns the vocabulary of the distinct ids given.
func NewVocabulary(ids []string) *Vocabulary {
	sorted := slices.Compact(slices.Sorted(slices.Values(ids)))
	v := &Vocabulary{ids: sorted, index: make(map[string]int32, len(sorted))}
	for i, id := range sorted {
		v.index[id] = int32(i)
	}
	return v
}

// Len returns how many ids there are.
func (v *Vocabulary) Len() int { return len(v.ids) }

// ID returns the id numbered i.
func (v *Vocabulary) ID(i int32) string { return v.ids[i] }

// IDs returns all ids by number. The caller must not change them.
func (v *Vocabulary) IDs() []string { return v.ids }

// Lookup returns the number of id, and false when it is not known.
func (v *Vocabulary) Lookup(id string) (int32, bool) {
	i, ok := v.index[id]
	return i, ok
}

// Require is Lookup for ids that must be known.
func (v *Vocabulary) Require(id string) (int32, error) {
	i, ok := v.index[id]
	if !ok {
		return 0, fmt.Errorf("id %q is not in the vocabulary of %d ids", id, len(v.ids))
	}
	return i, nil
}
