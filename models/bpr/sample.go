package bpr

import (
	"math"
	"math/rand/v2"
	"slices"

	"regulars/features/matrix"
)

// mostBlocks is how many blocks users and items are cut into, and so how many
// workers can be of use; perBlock is how many items a block has at least, so that
// negatives, which come from the block of the positive, are drawn from enough.
const (
	mostBlocks = 8
	perBlock   = 250
)

// positive is a pair of user and item that happened.
type positive struct{ user, item int32 }

// cell holds the positives of one block of users and one block of items.
type cell struct {
	positives []positive
	likely    []float64 // with decay: chance of each, to be made an alias table
	alias     *alias
}

// data is what samples are drawn from.
type data struct {
	seen      *matrix.CSR // users × items; values are how likely each is drawn, in (0, 1]
	blocks    int
	blockOf   []int32   // block of each item, -1 for items that never occur
	members   [][]int32 // items of each block, ascending
	cells     []cell    // user block × item block
	positives int
}

// observe collects the distinct pairs before now. With decay the latest day of
// a pair counts.
func observe(ev *matrix.Events, now int32, halfLife float64) *matrix.CSR {
	m := &matrix.CSR{Rows: ev.Users, Cols: ev.Items, Indptr: make([]int64, ev.Users+1)}
	for u := range ev.Users {
		h := ev.History(u)
		for i, it := range h.Item {
			if h.Day[i] >= now {
				continue
			}
			likely := float32(1)
			if halfLife > 0 {
				likely = float32(math.Max(1e-30, math.Exp2(-float64(int64(now)-1-int64(h.Day[i]))/halfLife)))
			}
			if n := len(m.Indices); int64(n) > m.Indptr[u] && m.Indices[n-1] == it {
				m.Values[n-1] = max(m.Values[n-1], likely)
				continue
			}
			m.Indices, m.Values = append(m.Indices, it), append(m.Values, likely)
		}
		m.Indptr[u+1] = int64(len(m.Indices))
	}
	return m
}

// newData spreads the items that occur over blocks at random, and the positives
// over cells.
func newData(seen *matrix.CSR, o Options) *data {
	d := &data{seen: seen, blockOf: make([]int32, seen.Cols), positives: seen.NNZ()}
	for i := range d.blockOf {
		d.blockOf[i] = -1
	}
	known := occurring(seen)
	d.blocks = max(1, min(mostBlocks, len(known)/perBlock))
	d.members = make([][]int32, d.blocks)
	rng := rand.New(rand.NewPCG(o.Seed, 0x626c6f636b))
	for n, p := range rng.Perm(len(known)) {
		d.blockOf[known[p]] = int32(n % d.blocks)
	}
	for _, it := range known {
		b := d.blockOf[it]
		d.members[b] = append(d.members[b], it)
	}
	d.fill(o.HalfLifeDays > 0)
	return d
}

// occurring returns the items that anybody has, ascending.
func occurring(seen *matrix.CSR) []int32 {
	has := make([]bool, seen.Cols)
	for _, it := range seen.Indices {
		has[it] = true
	}
	var known []int32
	for i, yes := range has {
		if yes {
			known = append(known, int32(i))
		}
	}
	return known
}

// fill puts every positive into its cell.
func (d *data) fill(decayed bool) {
	d.cells = make([]cell, d.blocks*d.blocks)
	for u := range d.seen.Rows {
		cols, vals := d.seen.Row(u)
		for i, it := range cols {
			c := &d.cells[u%d.blocks*d.blocks+int(d.blockOf[it])]
			c.positives = append(c.positives, positive{int32(u), it})
			if decayed {
				c.likely = append(c.likely, float64(vals[i]))
			}
		}
	}
	if !decayed {
		return
	}
	for i := range d.cells {
		if c := &d.cells[i]; len(c.likely) > 0 {
			c.alias, c.likely = newAlias(c.likely), nil
		}
	}
}

// draw returns one positive of the cell.
func (c *cell) draw(rng *rand.Rand) positive {
	i := rng.IntN(len(c.positives))
	if c.alias != nil {
		i = c.alias.at(i, rng)
	}
	return c.positives[i]
}

// negative draws an item of the block that the user does not have. ok is false
// after a few tries, for users who have nearly everything.
func (d *data) negative(rng *rand.Rand, user int32, block int) (item int32, ok bool) {
	has, _ := d.seen.Row(int(user))
	members := d.members[block]
	for range 8 {
		item = members[rng.IntN(len(members))]
		if _, found := slices.BinarySearch(has, item); !found {
			return item, true
		}
	}
	return 0, false
}

// alias draws from given chances in constant time (Walker 1977, Vose 1991).
type alias struct {
	keep  []float64
	other []int32
}

func newAlias(weights []float64) *alias {
	n, sum := len(weights), 0.0
	for _, w := range weights {
		sum += w
	}
	a := &alias{keep: make([]float64, n), other: make([]int32, n)}
	var small, large []int32
	for i, w := range weights {
		a.keep[i], a.other[i] = w*float64(n)/sum, int32(i)
		if a.keep[i] < 1 {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.other[s] = l
		if a.keep[l] -= 1 - a.keep[s]; a.keep[l] < 1 {
			large, small = large[:len(large)-1], append(small, l)
		}
	}
	return a
}

// at turns a uniform draw i into one by the chances.
func (a *alias) at(i int, rng *rand.Rand) int {
	if rng.Float64() < a.keep[i] {
		return i
	}
	return int(a.other[i])
}
