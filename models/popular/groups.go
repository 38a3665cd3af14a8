package popular

import (
	"context"
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// GroupOptions of FitGroups. The zero value counts all time and learns from the
// data how much groups differ.
type GroupOptions struct {
	WindowDays int     // only the days [now−WindowDays, now) count; 0 = all time
	Shrink     float64 // customers of all groups that count beside those of a group; 0 = learned
}

// Groups knows what is popular among the customers of one region, channel or
// segment. The score of an item in a group is the mean of a beta–binomial model,
//
//	(customers of the item in the group + Shrink·Global) / (customers of the group + Shrink)
//
// a share of customers between 0 and 1: a small group follows the whole shop, a
// large one itself.
type Groups struct {
	Shrink float64     // customers; at most MaxShrink
	Global []float32   // share of all customers who have the item, in [0, 1]
	Sizes  []int32     // customers with any purchase, one a group
	Counts *matrix.CSR // groups × items: customers who have the item
}

// MaxShrink is the learned Shrink where groups differ by no more than chance.
const MaxShrink = 1e6

// FitGroups counts customers by group: group[u] is that of user u, from 0 to
// groups−1, or −1 where it is not known (such users count for Global alone).
// No interaction before day now gives ErrNoData; an empty window or group does
// not. Memory: one entry for each item a group has bought.
func FitGroups(ctx context.Context, ev *matrix.Events, now int32, group []int32, groups int, o GroupOptions) (*Groups, error) {
	if !(o.Shrink >= 0) || o.Shrink > MaxShrink {
		return nil, &models.OptionError{Model: "popular", Option: "Shrink", Value: o.Shrink, Want: "0 (learned) or up to 1e6"}
	}
	if err := checkGroups(ev, group, groups); err != nil {
		return nil, err
	}
	global, err := Fit(ctx, ev, now, Options{WindowDays: o.WindowDays})
	if err != nil {
		return nil, err
	}
	from := int32(math.MinInt32)
	if o.WindowDays > 0 {
		from = day(int64(now) - int64(o.WindowDays))
	}
	m := &Groups{Shrink: o.Shrink, Sizes: make([]int32, groups), Counts: &matrix.CSR{Rows: groups, Cols: ev.Items, Indptr: make([]int64, 1, groups+1)}}
	members := membersOf(group, groups)
	counts := make([]int32, ev.Items)
	for g, users := range members {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.Sizes[g] = m.appendGroup(ev, users, from, now, counts)
	}
	m.Global = shares(global.Scores, active(ev, from, now))
	if m.Shrink == 0 {
		m.Shrink = m.learnShrink()
	}
	return m, ctx.Err()
}

func checkGroups(ev *matrix.Events, group []int32, groups int) error {
	if groups < 1 || len(group) != ev.Users {
		return fmt.Errorf("popular: %d groups given for %d of %d users: there must be at least one group, and one entry a user", groups, len(group), ev.Users)
	}
	for u, g := range group {
		if g < -1 || int(g) >= groups {
			return fmt.Errorf("popular: user %d is in group %d: it must be below %d, or -1 where it is not known", u, g, groups)
		}
	}
	return nil
}

func membersOf(group []int32, groups int) [][]int32 {
	members := make([][]int32, groups)
	for u, g := range group {
		if g >= 0 {
			members[g] = append(members[g], int32(u))
		}
	}
	return members
}

// appendGroup appends a row of Counts and returns the customers with any
// purchase. counts holds a zero for every item and is left so.
func (m *Groups) appendGroup(ev *matrix.Events, users []int32, from, to int32, counts []int32) (size int32) {
	begin := len(m.Counts.Indices)
	for _, u := range users {
		if m.countUser(ev.History(int(u)), from, to, counts) {
			size++
		}
	}
	row := m.Counts.Indices[begin:]
	slices.Sort(row)
	for _, it := range row {
		m.Counts.Values = append(m.Counts.Values, float32(counts[it]))
		counts[it] = 0
	}
	m.Counts.Indptr = append(m.Counts.Indptr, int64(len(m.Counts.Indices)))
	return size
}

// countUser counts the items of one user and appends those that are new to the
// row being made. It reports whether there was any.
func (m *Groups) countUser(h matrix.History, from, to int32, counts []int32) bool {
	last := int32(-1)
	for i, it := range h.Item {
		if it == last || h.Day[i] < from || h.Day[i] >= to {
			continue
		}
		if counts[it] == 0 {
			m.Counts.Indices = append(m.Counts.Indices, it)
		}
		counts[it]++
		last = it
	}
	return last >= 0
}

// active counts the users with any purchase in [from, to).
func active(ev *matrix.Events, from, to int32) int {
	n := 0
	for u := range ev.Users {
		if slices.ContainsFunc(ev.History(u).Day, func(d int32) bool { return from <= d && d < to }) {
			n++
		}
	}
	return n
}

// shares turns customers, with their fraction that breaks ties, into shares.
func shares(scores []float32, customers int) []float32 {
	out := make([]float32, len(scores))
	for i, s := range scores {
		out[i] = float32(float64(s) / float64(customers+1))
	}
	return out
}

// learnShrink is the moment estimate of the beta–binomial model: with ρ =
// 1/(Shrink+1) the correlation within a group, the squared distance of a group's
// share from the global one is p(1−p)·(1/n + (1−1/n)·ρ) in expectation, less
// what the group itself adds to the global share (after Kleinman 1973).
func (m *Groups) learnShrink() float64 {
	all := 0.0
	for _, n := range m.Sizes {
		all += float64(n)
	}
	if all == 0 {
		return MaxShrink
	}
	pooled := m.pooled(all)
	squares, variance := 0.0, 0.0
	for _, p := range pooled {
		squares += p * p
		variance += p * (1 - p)
	}
	spread, chance, within := 0.0, 0.0, 0.0
	for g := range m.Sizes {
		if n := float64(m.Sizes[g]); n > 0 {
			spread += n * (squares + m.excess(g, n, pooled))
			chance += 1 - n/all
			within += (n - 1) * (1 - n/all)
		}
	}
	if within == 0 || variance == 0 {
		return MaxShrink // one group, or one customer in each: nothing to learn from
	}
	rho := (spread/variance - chance) / within
	if !(rho > 1/(MaxShrink+1)) {
		return MaxShrink
	}
	return math.Max(1/rho-1, 1)
}

// pooled is the share of each item over the customers of all groups.
func (m *Groups) pooled(all float64) []float64 {
	p := make([]float64, m.Counts.Cols)
	for i, it := range m.Counts.Indices {
		p[it] += float64(m.Counts.Values[i]) / all
	}
	return p
}

// excess is Σ (share in the group − pooled)² − Σ pooled², which only the items
// that the group has contribute to.
func (m *Groups) excess(g int, n float64, pooled []float64) float64 {
	items, counts := m.Counts.Row(g)
	sum := 0.0
	for i, it := range items {
		share := float64(counts[i]) / n
		sum += share * (share - 2*pooled[it])
	}
	return sum
}

// NewGroups returns the model of stored numbers.
func NewGroups(shrink float64, global []float32, sizes []int32, counts *matrix.CSR) (*Groups, error) {
	if !(shrink > 0) || shrink > MaxShrink {
		return nil, fmt.Errorf("popular: groups shrink by %v customers: it must be above 0 and at most 1e6", shrink)
	}
	if len(global) == 0 || counts == nil || counts.Cols != len(global) || counts.Rows != len(sizes) || len(counts.Indptr) != len(sizes)+1 ||
		len(counts.Values) != len(counts.Indices) || counts.Indptr[0] != 0 || counts.Indptr[len(sizes)] != int64(len(counts.Indices)) || !slices.IsSorted(counts.Indptr) {
		return nil, fmt.Errorf("popular: the counts of %d groups over %d items do not fit together", len(sizes), len(global))
	}
	for i, s := range global {
		if !(s >= 0 && s <= 1) {
			return nil, fmt.Errorf("popular: share of item %d is %v: it must lie in [0, 1]", i, s)
		}
	}
	for g, n := range sizes {
		items, values := counts.Row(g)
		for i, it := range items {
			if i > 0 && it <= items[i-1] {
				return nil, fmt.Errorf("popular: group %d counts item %d behind item %d: items must ascend", g, it, items[i-1])
			}
			if it < 0 || int(it) >= len(global) || !(values[i] > 0 && values[i] <= float32(n)) {
				return nil, fmt.Errorf("popular: group %d has %v customers of item %d: it must be above 0 and at most its %d customers, of %d items", g, values[i], it, n, len(global))
			}
		}
	}
	return &Groups{Shrink: shrink, Global: global, Sizes: sizes, Counts: counts}, nil
}

// Items returns the size of the item vocabulary.
func (m *Groups) Items() int { return len(m.Global) }

// ScoreGroup writes the score of every item among the customers of a group; a
// group that is not known, such as −1, gets Global.
func (m *Groups) ScoreGroup(group int32, dst []float32) error {
	if err := write(dst, m.Global); err != nil {
		return err
	}
	if group < 0 || int(group) >= len(m.Sizes) {
		return nil
	}
	all := float64(m.Sizes[group]) + m.Shrink
	for i, p := range m.Global {
		dst[i] = float32(float64(p) * m.Shrink / all)
	}
	items, counts := m.Counts.Row(int(group))
	for i, it := range items {
		dst[it] += float32(float64(counts[i]) / all)
	}
	return nil
}

// For returns the recommender of one group.
func (m *Groups) For(group int32) GroupModel { return GroupModel{m, group} }

// GroupModel is what is popular in one group.
type GroupModel struct {
	Groups *Groups
	Group  int32
}

var (
	_ models.Recommender = GroupModel{}
	_ models.Explainer   = GroupModel{}
)

// Items returns the size of the item vocabulary.
func (m GroupModel) Items() int { return m.Groups.Items() }

// Score gives every user of the group the same scores.
func (m GroupModel) Score(_ matrix.History, _ int32, dst []float32) error {
	return m.Groups.ScoreGroup(m.Group, dst)
}

// Explain says of any item that somebody has bought that it is popular.
func (m GroupModel) Explain(_ matrix.History, _ int32, item int32) (models.Reason, bool) {
	return reason(m.Groups.Global, item)
}
