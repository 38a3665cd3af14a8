package metrics

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// The slices of a ranking: over every item, over items the user never had in
// train, over items the user had.
const (
	sliceAll    = ""
	sliceNew    = "new:"
	sliceRepeat = "repeat:"
)

// The plain slice of half of the users each, see Ranking.Heavy.
const (
	prefixLight = "light:"
	prefixHeavy = "heavy:"
)

// perUser are the metrics that have a value for each user, in column order:
// first those that compare a list with the truth, then those of the list alone.
var perUser = []string{"recall", "ndcg", "mrr", "hit", "map", "novelty", "diversity"}

// accuracy is how many of perUser compare a list with the truth.
const accuracy = 5

// Ranking holds how one model ranked for each user: the raw material of means,
// intervals and paired differences. The metrics at k are
//
//	recall     hits / |truth|
//	ndcg       Σ_hits 1/log2(rank+1) / Σ_{rank ≤ min(k,|truth|)} 1/log2(rank+1)
//	mrr        1 / rank of the first hit, 0 without one
//	hit        1 when there is any hit
//	map        Σ_hits (hits so far / rank) / min(k,|truth|)
//	novelty    mean −log2(share of train users who had the item), in bits
//	diversity  1 − mean cosine between two items of the list, an item being the
//	           set of its train users (on DiversityUsers users, spread evenly)
//	coverage   share of the items known in train that any list holds
//	gini       how unequally the lists hold those items
type Ranking struct {
	Keys    []string           // metrics of each user, such as "new:recall@10"
	Values  []float32          // users × len(Keys), row-major; NaN = undefined for that user
	Whole   map[string]float64 // coverage and gini: they belong to all lists together
	Users   []int32            // user numbers, one a row of Values: those with any truth
	Heavy   []bool             // one a user: more interactions in train than the median of Users; nil = not told apart
	Unknown int                // users of whom the model knew nothing; their list is empty and scores 0

	DiversityUsers int // users whose lists diversity is measured on
}

// Column returns the values of one metric, one a user, NaN where undefined. The
// metrics of light: and heavy: users are undefined for the others.
func (r *Ranking) Column(key string) ([]float64, error) {
	plain, group := cutGroup(key)
	at := slices.Index(r.Keys, plain)
	if at < 0 || group != "" && r.Heavy == nil {
		return nil, fmt.Errorf("no metric %q: there are %v", key, r.Keys)
	}
	out := make([]float64, len(r.Users))
	for u := range out {
		out[u] = float64(r.Values[u*len(r.Keys)+at])
		if group != "" && r.Heavy[u] != (group == prefixHeavy) {
			out[u] = math.NaN()
		}
	}
	return out, nil
}

func cutGroup(key string) (plain, group string) {
	for _, g := range []string{prefixLight, prefixHeavy} {
		if rest, ok := strings.CutPrefix(key, g); ok {
			return rest, g
		}
	}
	return key, ""
}

// Defined returns for how many users the metric has a value.
func (r *Ranking) Defined(key string) int {
	values, err := r.Column(key)
	if err != nil {
		return 0
	}
	return len(defined(values))
}

// keys returns every metric that has intervals.
func (r *Ranking) keys() []string {
	out := slices.Clone(r.Keys)
	if r.Heavy == nil {
		return out
	}
	for _, k := range r.Keys {
		if !strings.Contains(k, ":") {
			out = append(out, prefixLight+k, prefixHeavy+k)
		}
	}
	return out
}

// Metrics returns the mean of every metric over the users for whom it is
// defined, with bootstrap intervals (draws 0 = DefaultDraws). A metric that is
// defined for nobody is absent; coverage and gini have no interval.
func (r *Ranking) Metrics(draws int, seed uint64) (map[string]Metric, error) {
	out, err := each(r.keys(), func(key string) (Metric, bool, error) {
		values, err := r.Column(key)
		if err != nil {
			return Metric{}, false, err
		}
		if values = defined(values); len(values) == 0 {
			return Metric{}, false, nil
		}
		m, err := mean(values, draws, seed)
		return m, true, err
	})
	if err != nil {
		return nil, err
	}
	for key, value := range r.Whole {
		out[key] = Metric{Value: value}
	}
	return out, nil
}

// each measures every key on all cores; a key that is not ok is left out.
func each(keys []string, measure func(key string) (m Metric, ok bool, err error)) (map[string]Metric, error) {
	found, oks, errs := make([]Metric, len(keys)), make([]bool, len(keys)), make([]error, len(keys))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(keys)) {
		wg.Go(func() {
			for i := int(next.Add(1) - 1); i < len(keys); i = int(next.Add(1) - 1) {
				found[i], oks[i], errs[i] = measure(keys[i])
			}
		})
	}
	wg.Wait()
	out := make(map[string]Metric, len(keys))
	for i, key := range keys {
		if errs[i] != nil {
			return nil, fmt.Errorf("%s: %w", key, errs[i])
		}
		if oks[i] {
			out[key] = found[i]
		}
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

// Differences returns the paired difference a − b of every metric that compares
// a list with the truth, where it is defined for anybody.
func Differences(a, b *Ranking, draws int, seed uint64) (map[string]Metric, error) {
	var keys []string
	for i, key := range a.Keys {
		if i%len(perUser) < accuracy {
			keys = append(keys, key)
		}
	}
	return each(keys, func(key string) (Metric, bool, error) {
		if a.Defined(key) == 0 {
			return Metric{}, false, nil
		}
		m, err := Compare(a, b, key, draws, seed)
		return m, true, err
	})
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

// listValues are the metrics of one list, in the order of perUser.
type listValues struct {
	recall, ndcg, mrr, hit, map_, novelty, diversity float64
}

func (v listValues) put(out []float32) {
	for i, x := range [...]float64{v.recall, v.ndcg, v.mrr, v.hit, v.map_, v.novelty, v.diversity} {
		out[i] = float32(x)
	}
}

// hits compares a list of at most k items with the truth, which is ascending,
// distinct and not empty; see Ranking for the formulas.
func hits(list, truth []int32, k int) listValues {
	n, dcg, ap, first := 0, 0.0, 0.0, 0.0
	for i, item := range list {
		if _, ok := slices.BinarySearch(truth, item); !ok {
			continue
		}
		n++
		dcg += 1 / math.Log2(float64(i+2))
		ap += float64(n) / float64(i+1)
		if n == 1 {
			first = 1 / float64(i+1)
		}
	}
	best := min(k, len(truth))
	ideal := 0.0
	for i := range best {
		ideal += 1 / math.Log2(float64(i+2))
	}
	return listValues{recall: float64(n) / float64(len(truth)), ndcg: dcg / ideal, mrr: first,
		hit: math.Min(1, float64(n)), map_: ap / float64(best)}
}

// Mean returns the mean of one metric over the users for whom it is defined.
func (r *Ranking) Mean(key string) (float64, error) {
	values, err := r.Column(key)
	if err != nil {
		return 0, err
	}
	if values = defined(values); len(values) == 0 {
		return 0, fmt.Errorf("%s: %w", key, ErrUndefined)
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values)), nil
}
