package metrics

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// eceBins is how many bins of equal mass the calibration error is taken over.
const eceBins = 10

// liftShare is the share of rows that lift@10% looks at.
const liftShare = 0.1

// smallest keeps log loss and log-odds of a probability of 0 or 1 finite; it is
// the machine epsilon that scikit-learn clips to.
const smallest = 0x1p-52

// Classification measures probabilities (one a row, in [0, 1]) against labels:
//
//	auc               Mann–Whitney, ties count one half
//	pr_auc            average precision as scikit-learn defines it
//	log_loss          mean −ln of the probability of what happened, clipped to [2⁻⁵², 1−2⁻⁵²]
//	brier             mean squared difference
//	ece               mean |observed rate − mean probability| over 10 bins of equal mass
//	calibration_slope slope b of logit(label) = a + b·logit(probability), 1 = well spread
//	lift@10%          rate among the tenth ranked highest / overall rate
//
// Rows of equal probability are shared evenly between bins, so no value depends
// on the order of rows. Intervals come from draws bootstrap samples of the rows
// (0 = DefaultDraws), equal for an equal seed on any number of cores: percentiles,
// for ece moved to have their median at the value (see aroundValue). A metric
// without a value (all but log_loss, brier and ece, when only one class occurs) is absent.
func Classification(ctx context.Context, probability []float64, label []bool, draws int, seed uint64) (map[string]Metric, error) {
	t, err := tallyOf(probability, label)
	if err != nil {
		return nil, err
	}
	sampled, err := sampleMetrics(ctx, t, label, drawsOr(draws), seed)
	if err != nil {
		return nil, err
	}
	return withIntervals(t.values(), sampled), nil
}

// tallyOf counts checked probabilities and labels.
func tallyOf(probability []float64, label []bool) (*tally, error) {
	if len(probability) != len(label) {
		return nil, fmt.Errorf("%d probabilities for %d labels", len(probability), len(label))
	}
	if len(label) == 0 {
		return nil, fmt.Errorf("classification metrics over no rows: %w", ErrUndefined)
	}
	for i, p := range probability {
		if !(p >= 0 && p <= 1) {
			return nil, fmt.Errorf("probability of row %d is %v: it must lie in [0, 1]", i, p)
		}
	}
	t := newTally(probability)
	for i := range label {
		t.add(i, label[i])
	}
	return t, nil
}

func withIntervals(whole classValues, sampled []classValues) map[string]Metric {
	out := make(map[string]Metric, len(classKeys))
	for m, key := range classKeys {
		if math.IsNaN(whole[m]) {
			continue
		}
		var seen []float64
		for _, s := range sampled {
			if !math.IsNaN(s[m]) {
				seen = append(seen, s[m])
			}
		}
		out[key] = Metric{Value: whole[m]}
		if len(seen) > 0 {
			low, high := percentiles(seen)
			if key == eceKey {
				low, high = aroundValue(whole[m], seen)
			}
			out[key] = interval(whole[m], low, high)
		}
	}
	return out
}

// aroundValue moves the percentiles of sorted bootstrap values so that their median
// lies at the measured value; nothing below 0. A calibration error is a mean of
// absolute values: drawing rows anew adds noise that can only raise it, so that of
// well calibrated probabilities nearly all bootstrap values lie above the value, and
// plain percentiles may leave it out. The interval says how far the measured error
// would vary with other rows. That the error measured over few rows is on average
// above that over endlessly many, it does not mend.
func aroundValue(value float64, sorted []float64) (low, high float64) {
	off := quantile(sorted, 0.5) - value
	return max(0, quantile(sorted, 0.025)-off), quantile(sorted, 0.975) - off
}

// sampleMetrics computes every metric on each bootstrap sample. Each draw has a
// random stream of its own, so that the draws may run in any order.
func sampleMetrics(ctx context.Context, whole *tally, label []bool, draws int, seed uint64) ([]classValues, error) {
	out := make([]classValues, draws)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(draws, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			t := whole.empty()
			for d := int(next.Add(1) - 1); d < draws && ctx.Err() == nil; d = int(next.Add(1) - 1) {
				t.resample(label, rand.New(rand.NewPCG(seed, uint64(d))))
				out[d] = t.values()
			}
		})
	}
	wg.Wait()
	return out, ctx.Err()
}

// eceKey is the one metric whose intervals are not plain percentiles.
const eceKey = "ece"

var classKeys = [...]string{"auc", "pr_auc", "log_loss", "brier", eceKey, "calibration_slope", "lift@10%"}

type classValues [len(classKeys)]float64

// tally counts rows and positives by distinct probability: all that the metrics
// need, so that a bootstrap sample costs no sorting.
type tally struct {
	p        []float64 // distinct, ascending
	yes, no  []float64 // logarithms of p and of 1−p, clipped to be finite
	group    []int32   // of each row
	positive []float64
	rows     []float64
}

func newTally(probability []float64) *tally {
	t := &tally{p: slices.Compact(slices.Sorted(slices.Values(probability)))}
	t.group = make([]int32, len(probability))
	for i, p := range probability {
		g, _ := slices.BinarySearch(t.p, p)
		t.group[i] = int32(g)
	}
	t.yes, t.no = make([]float64, len(t.p)), make([]float64, len(t.p))
	for g, p := range t.p {
		p = min(max(p, smallest), 1-smallest)
		t.yes[g], t.no[g] = math.Log(p), math.Log1p(-p)
	}
	t.positive, t.rows = make([]float64, len(t.p)), make([]float64, len(t.p))
	return t
}

func (t *tally) empty() *tally {
	return &tally{p: t.p, yes: t.yes, no: t.no, group: t.group, positive: make([]float64, len(t.p)), rows: make([]float64, len(t.p))}
}

func (t *tally) add(row int, label bool) {
	g := t.group[row]
	t.rows[g]++
	if label {
		t.positive[g]++
	}
}

func (t *tally) resample(label []bool, rng *rand.Rand) {
	clear(t.positive)
	clear(t.rows)
	for range label {
		i := int(rng.Uint64N(uint64(len(label))))
		t.add(i, label[i])
	}
}

func (t *tally) values() classValues {
	rows, positive := sum(t.rows), sum(t.positive)
	v := classValues{math.NaN(), math.NaN(), t.logLoss(rows), t.brier(rows), t.ece(rows), math.NaN(), math.NaN()}
	if positive > 0 && positive < rows {
		v[0] = t.auc(rows, positive)
		v[1] = t.averagePrecision(positive)
		v[5] = t.calibrationSlope()
		v[6] = t.lift(rows, positive)
	}
	return v
}

// auc is the share of pairs of a positive and a negative that are in the right
// order, ties one half (Mann, Whitney 1947).
func (t *tally) auc(rows, positive float64) float64 {
	below, right := 0.0, 0.0
	for g := range t.p {
		negative := t.rows[g] - t.positive[g]
		right += t.positive[g] * (below + negative/2)
		below += negative
	}
	return right / (positive * (rows - positive))
}

// averagePrecision is Σ (recall_n − recall_{n−1})·precision_n over thresholds.
func (t *tally) averagePrecision(positive float64) float64 {
	rows, hits, ap := 0.0, 0.0, 0.0
	for g := len(t.p) - 1; g >= 0; g-- {
		if t.rows[g] == 0 {
			continue
		}
		rows += t.rows[g]
		hits += t.positive[g]
		ap += t.positive[g] / positive * hits / rows
	}
	return ap
}

func (t *tally) logLoss(rows float64) float64 {
	loss := 0.0
	for g := range t.p {
		loss -= t.positive[g]*t.yes[g] + (t.rows[g]-t.positive[g])*t.no[g]
	}
	return loss / rows
}

func (t *tally) brier(rows float64) float64 {
	s := 0.0
	for g, p := range t.p {
		s += t.positive[g]*(1-p)*(1-p) + (t.rows[g]-t.positive[g])*p*p
	}
	return s / rows
}

func (t *tally) ece(rows float64) float64 {
	total := 0.0
	for _, b := range t.bins(rows) {
		total += math.Abs(b.positive - b.probability)
	}
	return total / rows
}

// massBin sums the rows of a bin.
type massBin struct{ rows, positive, probability float64 }

// bins walks the groups upwards and closes a bin at every tenth of the rows.
func (t *tally) bins(rows float64) (bins [eceBins]massBin) {
	at, bin := 0.0, 0
	for g, p := range t.p {
		rate := t.positive[g] / math.Max(1, t.rows[g])
		for end := at + t.rows[g]; at < end; {
			edge := rows * float64(bin+1) / eceBins
			stop := min(end, edge)
			b := &bins[bin]
			b.rows += stop - at
			b.positive += (stop - at) * rate
			b.probability += (stop - at) * p
			if at = stop; at >= edge {
				bin++
			}
		}
	}
	return bins
}

// lift shares the group on the boundary in proportion.
func (t *tally) lift(rows, positive float64) float64 {
	want := liftShare * rows
	left, hits := want, 0.0
	for g := len(t.p) - 1; g >= 0 && left > 0; g-- {
		if t.rows[g] == 0 {
			continue
		}
		take := min(left, t.rows[g])
		hits += t.positive[g] * take / t.rows[g]
		left -= take
	}
	return hits / want / (positive / rows)
}

// calibrationSlope fits a + b·logit(p) by Newton's method from (0, 1). It is NaN
// when there is no finite optimum: one distinct probability, or classes that
// the probabilities separate.
func (t *tally) calibrationSlope() float64 {
	a, b := 0.0, 1.0
	for range 50 {
		var ga, gb, haa, hab, hbb float64
		for g, x := range t.yes {
			if t.rows[g] == 0 {
				continue
			}
			x -= t.no[g] // the log-odds
			q := 1 / (1 + math.Exp(-a-b*x))
			r := t.positive[g] - t.rows[g]*q
			w := t.rows[g] * q * (1 - q)
			ga, gb = ga+r, gb+r*x
			haa, hab, hbb = haa+w, hab+w*x, hbb+w*x*x
		}
		det := haa*hbb - hab*hab
		if !(det > 1e-12*haa*hbb) {
			return math.NaN()
		}
		da, db := (hbb*ga-hab*gb)/det, (haa*gb-hab*ga)/det
		a, b = a+da, b+db
		if math.Abs(b) > 1e3 || math.Abs(a) > 1e3 {
			return math.NaN()
		}
		if math.Abs(da)+math.Abs(db) < 1e-10 {
			return b
		}
	}
	return math.NaN()
}

func sum(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s
}
