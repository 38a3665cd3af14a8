package ials

import (
	"fmt"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/kernel"
)

// folder is what one request needs to fold a customer in. All factors are solved
// at once, whatever their number.
type folder struct {
	*solver
	m     *Model
	user  []float32
	items []int32
	roots []float32
}

func (m *Model) newFolder() *folder {
	d := m.Options.Factors
	return &folder{m: m, user: make([]float32, d),
		solver: &solver{o: m.Options, gram: m.gram, src: m.Factors, whole: kernel.NewNormal(d, false)}}
}

// fold writes the solution of the same normal equations as one row of Fit into
// user. items become all distinct items of the history before now that are known.
func (f *folder) fold(h matrix.History, now int32, user []float32) error {
	f.items, f.roots = appendRoots(f.items[:0], f.roots[:0], h, now, f.o)
	n := 0
	for i, item := range f.items {
		if item < 0 || int(item) >= f.m.Items() {
			return fmt.Errorf("ials: history names item %d of %d items", item, f.m.Items())
		}
		if f.m.norms[item] > 0 {
			f.items[n], f.roots[n] = item, f.roots[i]
			n++
		}
	}
	f.items, f.roots = f.items[:n], f.roots[:n]
	if n == 0 {
		return fmt.Errorf("ials: no item of the history occurs in training: %w", models.ErrUnknown)
	}
	ridge := f.o.ridge(n, f.m.known)
	if isNarrow(f.roots) && f.exact(user, f.items, f.roots, ridge) {
		return nil
	}
	if !f.wide.solve(user, f.gram, f.src, f.items, f.roots, ridge) {
		return fmt.Errorf("ials: fold-in: %w", errNotPositive)
	}
	return nil
}
