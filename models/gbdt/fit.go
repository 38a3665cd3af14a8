package gbdt

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"regulars/models"
)

// errDiverged says that a score left the range of numbers.
var errDiverged = errors.New("gbdt: the scores grow beyond all bounds: lower LearningRate, raise L2 or MinSumHessian, or scale the labels or weights down")

// Fit learns from the rows of train. With valid (later rows with the same columns),
// it stops once the loss on them has not fallen for EarlyStopping rounds and keeps
// the trees of the lowest; without, it grows Rounds trees a class. Progress (nil for
// none) is told after each round. No rows or columns, or labels of one class only,
// give an error wrapping ErrNoData. The same data, options and seed give the same
// model on any number of workers.
func Fit(ctx context.Context, train Data, valid *Data, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := checkFit(&train, valid, &o); err != nil {
		return nil, err
	}
	b, err := newBooster(ctx, &train, valid, &o)
	if err != nil {
		return nil, err
	}
	for round := range o.Rounds {
		more, err := b.round(ctx, round)
		if err != nil {
			return nil, err
		}
		if progress != nil {
			progress(round+1, o.Rounds)
		}
		if !more {
			break
		}
	}
	return b.model()
}

func checkFit(train, valid *Data, o *Options) error {
	if err := train.check(o); err != nil {
		return err
	}
	if err := train.checkClasses(o); err != nil {
		return err
	}
	if valid == nil {
		return nil
	}
	if err := valid.check(o); err != nil {
		return fmt.Errorf("validation rows: %w", err)
	}
	return models.CheckColumns(train.X.Names, valid.X.Names)
}

// booster is the state between rounds.
type booster struct {
	o            *Options
	train, valid *Data
	objective    objective
	all          []*bins // by column of X
	grower       *grower
	base         []float64 // what the first trees start from, by class
	scores, g, h []float64 // class by class
	later        []float64 // scores of the validation rows
	rows         []int32   // those of the current bag
	trees        []Tree
	best         int // trees at the lowest validation loss
	bestLoss     float64
	bestRound    int
}

func newBooster(ctx context.Context, train, valid *Data, o *Options) (*booster, error) {
	all, err := findBins(ctx, train, o)
	if err != nil {
		return nil, err
	}
	b := &booster{o: o, train: train, valid: valid, objective: newObjective(o), all: all, bestLoss: math.Inf(1)}
	if b.base, err = b.objective.start(train); err != nil {
		return nil, err
	}
	t, err := newTable(ctx, train, all, o)
	if err != nil {
		return nil, err
	}
	b.grower = newGrower(t, o)
	n := train.X.Rows * o.Classes
	b.scores, b.g, b.h = repeated(b.base, train.X.Rows), make([]float64, n), make([]float64, n)
	if valid != nil {
		b.later = repeated(b.base, valid.X.Rows)
	}
	return b, nil
}

// repeated writes each number n times.
func repeated(values []float64, n int) []float64 {
	out := make([]float64, 0, n*len(values))
	for _, v := range values {
		for range n {
			out = append(out, v)
		}
	}
	return out
}

// round grows a tree for each class; more is false when there is no use in another.
func (b *booster) round(ctx context.Context, round int) (more bool, err error) {
	b.bag(round)
	b.chooseColumns(round)
	b.objective.gradients(b.train, b.scores, b.g, b.h, b.o.Workers)
	grew := false
	from := len(b.trees)
	for k := range b.o.Classes {
		t, err := b.tree(ctx, round, k)
		if err != nil {
			return false, err
		}
		grew = grew || len(t.Feature) > 0
		b.trees = append(b.trees, *t)
	}
	if !grew && round > 0 {
		b.trees = b.trees[:from]
		return false, nil
	}
	return b.improves(round) && grew, nil
}

// tree grows the tree of a class and adds it to the scores.
func (b *booster) tree(ctx context.Context, round, class int) (*Tree, error) {
	n := b.train.X.Rows
	at, to := class*n, (class+1)*n
	t, err := b.grower.grow(ctx, b.g[at:to], b.h[at:to], b.rows)
	if err != nil {
		return nil, err
	}
	if len(t.Feature) == 0 { // nothing to split: no step either
		t.LeafValue[0] = 0
	}
	t.scale(b.o.LearningRate)
	b.grower.update(t, b.scores[at:to])
	if b.valid != nil {
		b.addValid(t, class)
	}
	if round == 0 && b.base[class] != 0 {
		t.shift(b.base[class])
	}
	return t, nil
}

func (b *booster) addValid(t *Tree, class int) {
	n := b.valid.X.Rows
	scores := b.later[class*n : (class+1)*n]
	parallelRows(b.o.Workers, n, func(from, to int) {
		for i := from; i < to; i++ {
			scores[i] += t.LeafValue[t.leaf(b.valid.X.Row(i))]
		}
	})
}

// improves keeps track of the lowest validation loss.
func (b *booster) improves(round int) bool {
	if b.valid == nil {
		return true
	}
	if loss := b.objective.loss(b.valid, b.later); loss < b.bestLoss {
		b.bestLoss, b.best, b.bestRound = loss, len(b.trees), round
	}
	return round-b.bestRound < b.o.EarlyStopping
}

// bag draws the rows of the next trees.
func (b *booster) bag(round int) {
	n := b.train.X.Rows
	if b.rows != nil && (b.o.BaggingFraction == 1 || round%b.o.BaggingFreq != 0) {
		return
	}
	share := max(1, int(b.o.BaggingFraction*float64(n)))
	b.rows = sampled(n, share, b.stream(1, round))
}

// chooseColumns draws the columns that the trees of a round may split.
func (b *booster) chooseColumns(round int) {
	columns := len(b.grower.use)
	share := min(columns, max(1, int(math.Round(b.o.FeatureFraction*float64(columns)))))
	clear(b.grower.use)
	for _, c := range sampled(columns, share, b.stream(2, round)) {
		b.grower.use[c] = true
	}
}

// stream is the source of random numbers for one purpose in one round.
func (b *booster) stream(purpose, round int) *rand.Rand {
	return rand.New(rand.NewPCG(b.o.Seed, uint64(round)<<8|uint64(purpose)))
}

func (b *booster) model() (*Model, error) {
	trees := b.trees
	if b.valid != nil && b.best > 0 {
		trees = trees[:b.best]
	}
	infos := make([]string, len(b.all))
	for j, c := range b.all {
		infos[j] = c.info()
	}
	return New(Model{Names: b.train.X.Names, Infos: infos, Objective: describe(b.o), Classes: b.o.Classes, Trees: trees})
}

// describe is how LightGBM writes the objective.
func describe(o *Options) string {
	switch o.Objective {
	case Binary:
		return "binary sigmoid:1"
	case Multiclass:
		return "multiclass num_class:" + strconv.Itoa(o.Classes)
	}
	return o.Objective
}

// info is LightGBM's word for the range of a column, or for its categories.
func (b *bins) info() string {
	if b.count <= 1 {
		return "none"
	}
	if !b.categorical {
		return "[" + decimal(b.lo) + ":" + decimal(b.hi) + "]"
	}
	words := make([]string, len(b.categories))
	for i, c := range b.categories {
		words[i] = strconv.Itoa(int(c))
	}
	return strings.Join(words, ":")
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
