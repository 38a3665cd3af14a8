package metrics

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// The slices of a ranking: over every item, over items the user never had in
// train, over items the user had.
const (
	sliceAll    = ""
	sliceNew    = "new:"
	sliceRepeat = "repeat:"
)

// perUser are the metrics that have a value for each user, in column order.
var perUser = []string{"recall", "ndcg", "mrr", "hit", "map"}

// Ranking holds how one model ranked for each user: the raw material of means,
// intervals and paired differences.
type Ranking struct {
	Keys     []string           // per-user metrics, such as "new:recall@10"
	Values   []float64          // users × len(Keys), row-major; NaN = undefined for that user
	Coverage map[string]float64 // "coverage@10": share of the items known in train that any list held
	Users    []int32            // user numbers, one a row of Values: those with any truth
	Unknown  int                // users of whom the model knew nothing; their list is empty and scores 0
}

// Column returns the values of one metric, one a user, NaN where undefined.
func (r *Ranking) Column(key string) ([]float64, error) {
	at := slices.Index(r.Keys, key)
	if at < 0 {
		return nil, fmt.Errorf("no metric %q: there are %v", key, r.Keys)
	}
	out := make([]float64, len(r.Users))
	for u := range out {
		out[u] = r.Values[u*len(r.Keys)+at]
	}
	return out, nil
}

// Defined returns for how many users the metric has a value.
func (r *Ranking) Defined(key string) int {
	values, err := r.Column(key)
	if err != nil {
		return 0
	}
	return len(defined(values))
}

// Metrics returns the mean of every metric over the users for whom it is
// defined, with bootstrap intervals (draws 0 = DefaultDraws). A metric that is
// defined for nobody is absent; coverage has no interval.
func (r *Ranking) Metrics(draws int, seed uint64) (map[string]Metric, error) {
	out := make(map[string]Metric, len(r.Keys)+len(r.Coverage))
	for _, key := range r.Keys {
		values, err := r.Column(key)
		if err != nil {
			return nil, err
		}
		if values = defined(values); len(values) == 0 {
			continue
		}
		m, err := mean(values, draws, seed)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out[key] = m
	}
	for key, value := range r.Coverage {
		out[key] = Metric{Value: value}
	}
	return out, nil
}

// Compare returns the paired difference a − b of one metric; both must come
// from the same split.
func Compare(a, b *Ranking, key string, draws int, seed uint64) (Metric, error) {
	if !slices.Equal(a.Users, b.Users) {
		return Metric{}, fmt.Errorf("%s: the rankings are of different users and cannot be compared", key)
	}
	av, err := a.Column(key)
	if err != nil {
		return Metric{}, err
	}
	bv, err := b.Column(key)
	if err != nil {
		return Metric{}, err
	}
	return Paired(av, bv, draws, seed)
}

func defined(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}

func keysOf(slicesOf []string, ks []int) []string {
	var keys []string
	for _, s := range slicesOf {
		for _, k := range ks {
			for _, m := range perUser {
				keys = append(keys, s+m+"@"+strconv.Itoa(k))
			}
		}
	}
	return keys
}

// rankingValues appends recall, ndcg, mrr, hit and map at k for one list:
//
//	recall = hits / |truth|
//	ndcg   = Σ_hits 1/log2(rank+1) / Σ_{rank ≤ min(k,|truth|)} 1/log2(rank+1)
//	mrr    = 1 / rank of the first hit, 0 without one
//	hit    = 1 when there is any hit
//	map    = Σ_hits (hits so far / rank) / min(k,|truth|)
//
// truth is ascending and distinct; without truth every value is NaN.
func rankingValues(out []float64, list, truth []int32, k int) {
	if len(truth) == 0 {
		for i := range out {
			out[i] = math.NaN()
		}
		return
	}
	hits, dcg, ap, first := 0, 0.0, 0.0, 0.0
	for i, item := range list[:min(k, len(list))] {
		if _, ok := slices.BinarySearch(truth, item); !ok {
			continue
		}
		hits++
		dcg += 1 / math.Log2(float64(i+2))
		ap += float64(hits) / float64(i+1)
		if hits == 1 {
			first = 1 / float64(i+1)
		}
	}
	best := min(k, len(truth))
	ideal := 0.0
	for i := range best {
		ideal += 1 / math.Log2(float64(i+2))
	}
	out[0] = float64(hits) / float64(len(truth))
	out[1] = dcg / ideal
	out[2] = first
	out[3] = math.Min(1, float64(hits))
	out[4] = ap / float64(best)
}
