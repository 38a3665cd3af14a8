package churn

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// A Cause is a group of columns that drove customers away, told by the column
// that spoke for it most often.
type Cause struct {
	Column       int
	Customers    int     // lost ones, for whom it was among the three strongest for leaving
	Share        float64 // of the lost
	Contribution float64 // of the group to the log-odds of leaving, mean over the lost
	Others       float64 // the same, mean over those who stayed
	Median       float64 // of the column among the lost who have a value; NaN = none has
	MedianOthers float64 // and among those who stayed
}

// Lost is a segment of customers of whom some were lost in a period.
type Lost struct {
	Segment   string
	Customers int
	Lost      int
	Causes    []Cause // the most frequent first
}

// reasonsEach is how many reasons a customer has.
const reasonsEach = 3

// causesEach is how many causes are named of a segment.
const causesEach = 10

// Causes sums up, segment by segment, what drove away those who left: the
// contributions of a model that had not seen what they would do. ok is false
// where the model cannot say.
func Causes(ctx context.Context, m models.Classifier, x *matrix.Dense, left []bool, segments []Segment, group []int) (out []Lost, ok bool, err error) {
	for _, s := range segments {
		if len(s.Rows) == 0 {
			continue
		}
		l, ok, err := causesOf(ctx, m, x.Take(s.Rows), pick(left, s.Rows), group)
		if err != nil || !ok {
			return nil, ok, err
		}
		l.Segment = s.Name
		out = append(out, l)
	}
	return out, true, nil
}

func causesOf(ctx context.Context, m models.Classifier, x *matrix.Dense, left []bool, group []int) (Lost, bool, error) {
	t := &causeTally{of: map[int]*groupTally{}}
	out := Lost{Customers: x.Rows}
	for _, l := range left {
		if l {
			out.Lost++
		}
	}
	ok, err := Explain(ctx, m, x, func(row int, contributions []float64) error {
		t.add(reasons(contributions, group), left[row])
		return nil
	})
	if err != nil || !ok {
		return out, ok, err
	}
	out.Causes = t.causes(out.Lost, x.Rows-out.Lost)
	for i := range out.Causes {
		c := &out.Causes[i]
		c.Median, c.MedianOthers = medians(x, c.Column, left)
	}
	return out, true, nil
}

// causeTally counts reasons by group.
type causeTally struct{ of map[int]*groupTally }

type groupTally struct {
	customers    int
	speaks       map[int]int // how often a column spoke for the group
	lost, stayed float64     // contributions, added up
}

func (t *causeTally) add(all []Reason, lost bool) {
	for _, r := range all {
		g := t.of[r.Group]
		if g == nil {
			g = &groupTally{speaks: map[int]int{}}
			t.of[r.Group] = g
		}
		if lost {
			g.lost += r.Contribution
		} else {
			g.stayed += r.Contribution
		}
	}
	if !lost {
		return
	}
	all = slices.DeleteFunc(all, func(r Reason) bool { return r.Contribution <= 0 })
	slices.SortStableFunc(all, func(a, b Reason) int { return cmp.Compare(b.Contribution, a.Contribution) })
	for _, r := range all[:min(reasonsEach, len(all))] {
		g := t.of[r.Group]
		g.customers++
		g.speaks[r.Column]++
	}
}

// causes are the most frequent first.
func (t *causeTally) causes(lost, stayed int) []Cause {
	var out []Cause
	for _, group := range slices.Sorted(maps.Keys(t.of)) {
		g := t.of[group]
		if g.customers == 0 {
			continue
		}
		c := Cause{Column: -1, Customers: g.customers, Share: float64(g.customers) / float64(lost),
			Contribution: g.lost / float64(lost), Others: g.stayed / float64(max(stayed, 1))}
		for _, column := range slices.Sorted(maps.Keys(g.speaks)) {
			if c.Column < 0 || g.speaks[column] > g.speaks[c.Column] {
				c.Column = column
			}
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b Cause) int { return cmp.Compare(b.Customers, a.Customers) })
	return out[:min(len(out), causesEach)]
}

// medians returns the median of a column among the lost and among the others.
func medians(x *matrix.Dense, column int, left []bool) (lost, others float64) {
	var of [2][]float64
	for i, l := range left {
		v := x.Row(i)[column]
		if v == v { // not missing
			if l {
				of[0] = append(of[0], v)
			} else {
				of[1] = append(of[1], v)
			}
		}
	}
	return median(of[0]), median(of[1])
}

// median is the lower median; NaN of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
