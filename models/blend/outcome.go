package blend

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"regulars/models/internal/kernel"
)

// Blend stands for the blend where a source's number is expected.
const Blend = -1

// fewLists is below how many customers a comparison proves nothing: the first
// source is taken then, and below as many with new items, whoever makes the list
// orders those too.
const fewLists = 20

// listLength is that of the lists that are compared.
const listLength = 10

// Outcome is how the blend and its sources ranked for the customers of the
// latest window, on which none of them had learned, and who was chosen.
type Outcome struct {
	Lists    int // customers measured; 0 = there were too few to compare on, the first source was taken
	NewLists int // those of them who had something they never had before
	List     int // who makes the list: Blend, or the number of a source
	New      int // who orders the items that a customer never had
	Learner  int // number of the learner whose ranker had the highest ndcg@10; the blend is by that ranker

	// The means that the choices were made by, a source each and then a learner's
	// ranker each, 0 where there was too little to learn from.
	NDCG      []float64 // ndcg@10 of the list
	NewRecall []float64 // recall@10 of the list without items had before
}

func (o *Outcome) check(sources []Source, ranker Ranker) error {
	for _, choice := range []int{o.List, o.New} {
		switch {
		case choice == Blend && ranker == nil:
			return errors.New("blend: the blend was chosen but has no ranker")
		case choice < Blend || choice >= len(sources):
			return fmt.Errorf("blend: source %d of %d was chosen", choice, len(sources))
		case choice != Blend && sources[choice].Model == nil:
			return fmt.Errorf("blend: source %s was chosen but had too little data", sources[choice].Name)
		}
	}
	if o.Learner < 0 {
		return fmt.Errorf("blend: learner %d was chosen", o.Learner)
	}
	for _, means := range [][]float64{o.NDCG, o.NewRecall} {
		if n := len(means); n != 0 && n != len(sources) && n <= len(sources)+o.Learner {
			return fmt.Errorf("blend: %d means of %d sources and learners up to number %d", n, len(sources), o.Learner)
		}
		for _, x := range means {
			if !(x >= 0 && x <= 1) {
				return fmt.Errorf("blend: a mean is %v: it must lie in [0, 1]", x)
			}
		}
	}
	return nil
}

// Name returns the name of a choice, "blend" or that of the source.
func (m *Model) Name(choice int) string {
	if choice == Blend {
		return "blend"
	}
	return m.Sources[choice].Name
}

// tally sums what each competitor, the sources and then the rankers, reached.
type tally struct {
	lists, fresh int
	ndcg, recall []float64
}

// mark is what the competitors reached for one customer.
type mark struct {
	ndcg, recall []float64 // recall nil: the customer had nothing new
}

// measure compares the lists by each competitor's scores with the truth.
func measure(scores [][]float32, own, truth []int32) mark {
	fresh := slices.DeleteFunc(slices.Clone(truth), func(it int32) bool {
		_, had := slices.BinarySearch(own, it)
		return had
	})
	m := mark{ndcg: make([]float64, len(scores))}
	if len(fresh) > 0 {
		m.recall = make([]float64, len(scores))
	}
	var top []int32
	for s, by := range scores {
		if by == nil {
			continue // says nothing, and reaches nothing
		}
		top = kernel.TopK(by, listLength, nil, top)
		m.ndcg[s] = ndcg(top, truth)
		if m.recall != nil {
			top = kernel.TopK(by, listLength, own, top)
			m.recall[s] = float64(hits(top, fresh)) / float64(len(fresh))
		}
	}
	return m
}

func ndcg(list, truth []int32) float64 {
	gain, ideal := 0.0, 0.0
	for i := range listLength {
		discount := 1 / math.Log2(float64(i+2))
		if i < len(truth) {
			ideal += discount
		}
		if i < len(list) {
			if _, hit := slices.BinarySearch(truth, list[i]); hit {
				gain += discount
			}
		}
	}
	return gain / ideal
}

func hits(list, truth []int32) (n int) {
	for _, it := range list {
		if _, hit := slices.BinarySearch(truth, it); hit {
			n++
		}
	}
	return n
}

// add sums the marks in their order, so that the sum does not depend on who
// finished first.
func (t *tally) add(marks []mark) {
	for _, m := range marks {
		if m.ndcg == nil {
			continue
		}
		t.lists++
		t.ndcg = plus(t.ndcg, m.ndcg)
		if m.recall != nil {
			t.fresh++
			t.recall = plus(t.recall, m.recall)
		}
	}
}

func plus(sum, x []float64) []float64 {
	if sum == nil {
		sum = make([]float64, len(x))
	}
	for i := range x {
		sum[i] += x[i]
	}
	return sum
}

// outcome chooses: the best ranker, and the blend by it where it is above every
// source, else the best source; of equals the first. Of too few
// new items the list's choice orders them.
func (t *tally) outcome(sources int) Outcome {
	o := Outcome{Lists: t.lists, NewLists: t.fresh, NDCG: over(t.ndcg, t.lists), NewRecall: over(t.recall, t.fresh)}
	o.Learner = best(o.NDCG[sources:])
	o.List = choose(o.NDCG, sources, o.Learner)
	o.New = o.List
	if t.fresh >= fewLists {
		o.New = choose(o.NewRecall, sources, o.Learner)
	}
	return o
}

func over(sum []float64, n int) []float64 {
	for i := range sum {
		sum[i] /= float64(n)
	}
	return sum
}

func choose(means []float64, sources, learner int) int {
	source := best(means[:sources])
	if means[sources+learner] > means[source] {
		return Blend
	}
	return source
}

// best returns the place of the largest number, of equals the first.
func best(means []float64) int {
	return slices.Index(means, slices.Max(means))
}
