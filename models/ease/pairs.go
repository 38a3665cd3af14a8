package ease

import (
	"math"

	"regulars/features/matrix"
	"regulars/models/internal/pairwise"
)

// interactions is the training matrix over the items that occur.
type interactions struct {
	byUser, byItem *matrix.CSR // normalised; items by their number in known
	known          []int32     // the vocabulary number of each item that occurs, ascending
	scale          []float64   // (distinct users)^ItemNorm of each
	customers      []int32     // distinct users of every item of the vocabulary
}

func newInteractions(ev *matrix.Events, now int32, o Options) *interactions {
	x := &interactions{}
	x.byUser, x.customers = o.counting().Read(ev, now)
	x.known = pairwise.Renumber(x.byUser, x.customers)
	for _, item := range x.known {
		x.scale = append(x.scale, math.Pow(float64(x.customers[item]), o.ItemNorm))
	}
	x.normalise(o)
	x.byItem = x.byUser.Transpose()
	return x
}

func (x *interactions) normalise(o Options) {
	if o.UserNorm == 0 && o.ItemNorm == 0 {
		return
	}
	for u := range x.byUser.Rows {
		items, weights := x.byUser.Row(u)
		user := math.Pow(float64(len(items)), o.UserNorm)
		for i, item := range items {
			weights[i] = float32(float64(weights[i]) / user / x.scale[item])
		}
	}
}
