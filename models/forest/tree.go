package forest

import (
	"context"
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
)

// TreeOptions of FitTree. The zero value is the default written at each field.
type TreeOptions struct {
	SampleRows int    // rows drawn without replacement where there are more; 0 = 16000
	MinLeaf    int    // smallest number of rows in a leaf; 0 = 50
	MaxDepth   int    // splits on the longest path; 0 = 6, at most 30
	Seed       uint64 // of the sample
}

// FitTree grows a single decision tree that may split every column at every
// node: a model that can be read. The probability of a leaf with n rows, p of
// them true, is (p+1)/(n+2). What is needed and given otherwise is as in Fit.
func FitTree(ctx context.Context, x *matrix.Dense, y []bool, o TreeOptions) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := check(x, y); err != nil {
		return nil, err
	}
	m := newModel(x, 1)
	filled, err := m.fill(x)
	if err != nil {
		return nil, err
	}
	return m, m.grow(ctx, filled, y, Options{Trees: 1, Workers: 1, SampleRows: o.SampleRows, FeaturesPerSplit: x.Cols(),
		MinLeaf: o.MinLeaf, MaxDepth: o.MaxDepth, Seed: o.Seed, alone: true})
}

func (o TreeOptions) resolved() (TreeOptions, error) {
	for _, f := range []struct {
		name             string
		value            *int
		fallback, lo, hi int
	}{
		{"SampleRows", &o.SampleRows, 16_000, 2, math.MaxInt32}, {"MinLeaf", &o.MinLeaf, 50, 1, math.MaxInt32}, {"MaxDepth", &o.MaxDepth, 6, 1, 30},
	} {
		if *f.value == 0 {
			*f.value = f.fallback
		}
		if *f.value < f.lo || *f.value > f.hi {
			return o, &models.OptionError{Model: "tree", Option: f.name, Value: *f.value, Want: fmt.Sprintf("between %d and %d", f.lo, f.hi)}
		}
	}
	return o, nil
}
