package churn

import (
	"cmp"
	"context"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// A Cause is a column that drove customers away.
type Cause struct {
	Column       int
	Customers    int     // lost ones, for whom it was among the three strongest for leaving
	Share        float64 // of the lost
	Contribution float64 // to the log-odds of leaving, mean over the lost
	Others       float64 // the same, mean over those who stayed
	Median       float64 // its value among the lost who have one; NaN = none has
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
	causes := make([]Cause, len(x.Names))
	out := Lost{Customers: x.Rows}
	for _, l := range left {
		if l {
			out.Lost++
		}
	}
	ok, err := Explain(ctx, m, x, func(row int, contributions []float64) error {
		if !left[row] {
			for c := range causes {
				causes[c].Others += contributions[c] / float64(x.Rows-out.Lost)
			}
			return nil
		}
		for c := range causes {
			causes[c].Contribution += contributions[c] / float64(out.Lost)
		}
		for _, r := range Strongest(towards(contributions), group, reasonsEach) {
			causes[r.Column].Customers++
		}
		return nil
	})
	if err != nil || !ok {
		return out, ok, err
	}
	for c := range causes {
		causes[c].Column, causes[c].Share = c, float64(causes[c].Customers)/float64(max(out.Lost, 1))
	}
	causes = slices.DeleteFunc(causes, func(c Cause) bool { return c.Customers == 0 })
	slices.SortStableFunc(causes, func(a, b Cause) int { return cmp.Compare(b.Customers, a.Customers) })
	out.Causes = causes[:min(len(causes), causesEach)]
	for i := range out.Causes {
		c := &out.Causes[i]
		c.Median, c.MedianOthers = medians(x, c.Column, left)
	}
	return out, true, nil
}

// towards keeps what speaks for leaving.
func towards(contributions []float64) []float64 {
	out := make([]float64, len(contributions))
	for i, c := range contributions {
		out[i] = max(c, 0)
	}
	return out
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
