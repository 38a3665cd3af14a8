package bpr

import (
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// mostPairs bounds what a fold-in compares in a step: of a long history fewer
// negatives are taken, but never fewer than fewNegatives.
const (
	mostPairs    = 20_000
	fewNegatives = 20
)

// folder is what one request needs to fold a customer in.
type folder struct {
	items    []int32   // of the history, ascending, known
	share    []float64 // what each counts; they sum to 1
	against  []int32   // negatives: known items that are not in the history
	user     []float32 // the factors sought
	ahead    []float32 // where the gradient is taken
	gradient []float64
	score    []float64 // of the items, then of the negatives, at ahead
	pull     []float64 // how the criterion changes with each of these scores
}

// fold maximises the criterion of Options for one user with the items fixed, the
// mean over negatives being taken over a fixed sample. It is concave; the steps
// are Nesterov's (1983) from zero, of the length that its curvature allows.
func (m *Model) fold(f *folder, h matrix.History, now int32) error {
	if err := m.take(f, h, now); err != nil {
		return err
	}
	clear(f.user)
	clear(f.ahead)
	if len(f.against) == 0 {
		return nil
	}
	f.score = slices.Grow(f.score[:0], len(f.items)+len(f.against))[:len(f.items)+len(f.against)]
	f.pull = slices.Grow(f.pull[:0], len(f.score))[:len(f.score)]
	step := 1 / (m.curvature(f) + *m.Options.Regularization)
	for t := range m.Options.FoldSteps {
		m.slope(f)
		momentum := float64(t) / float64(t+3)
		for k, g := range f.gradient {
			moved := float64(f.ahead[k]) + step*g
			f.ahead[k] = float32(moved + momentum*(moved-float64(f.user[k])))
			f.user[k] = float32(moved)
		}
	}
	return nil
}

// take finds what of the history is known, what each item counts, and what it is
// ranked above.
func (m *Model) take(f *folder, h matrix.History, now int32) error {
	f.items, f.share, f.against = f.items[:0], f.share[:0], f.against[:0]
	last := int32(math.MinInt32)
	for i, it := range h.Item {
		if it < 0 || int(it) >= m.Items() {
			return fmt.Errorf("bpr: history names item %d of %d items", it, m.Items())
		}
		if h.Day[i] < now && m.known(it) {
			last = max(last, h.Day[i])
		}
	}
	for i, it := range h.Item {
		if h.Day[i] >= now || !m.known(it) {
			continue
		}
		share := m.decay(int64(last) - int64(h.Day[i]))
		if n := len(f.items); n > 0 && f.items[n-1] == it {
			f.share[n-1] = max(f.share[n-1], share)
			continue
		}
		f.items, f.share = append(f.items, it), append(f.share, share)
	}
	if len(f.items) == 0 {
		return fmt.Errorf("bpr: no item of the history occurs in training: %w", models.ErrUnknown)
	}
	total := 0.0
	for _, s := range f.share {
		total += s
	}
	for i := range f.share {
		f.share[i] /= total
	}
	m.takeAgainst(f)
	return nil
}

func (m *Model) takeAgainst(f *folder) {
	limit := max(fewNegatives, mostPairs/len(f.items))
	for _, it := range m.negatives {
		if len(f.against) == limit {
			return
		}
		if _, found := slices.BinarySearch(f.items, it); !found {
			f.against = append(f.against, it)
		}
	}
}

// decay counts from the latest day of the history, so that shares never all
// vanish.
func (m *Model) decay(age int64) float64 {
	if m.Options.HalfLifeDays == 0 {
		return 1
	}
	return math.Exp2(-float64(age) / m.Options.HalfLifeDays)
}

// curvature bounds the second derivative of the criterion: a quarter of the mean
// of ‖h_i − h_j‖².
func (m *Model) curvature(f *folder) float64 {
	d := m.Options.Factors
	meanI, meanJ, sum := make([]float64, d), make([]float64, d), 0.0
	for i, it := range f.items {
		for k, x := range row(m.Factors, it, d) {
			meanI[k] += f.share[i] * float64(x)
			sum += f.share[i] * float64(x) * float64(x)
		}
	}
	each := 1 / float64(len(f.against))
	for _, it := range f.against {
		for k, x := range row(m.Factors, it, d) {
			meanJ[k] += each * float64(x)
			sum += each * float64(x) * float64(x)
		}
	}
	for k := range meanI {
		sum -= 2 * meanI[k] * meanJ[k]
	}
	return math.Max(sum/4, 1e-12)
}

// slope writes the gradient of the criterion at ahead.
func (m *Model) slope(f *folder) {
	n := len(f.items)
	for i, it := range f.items {
		f.score[i] = m.at(f.ahead, it)
	}
	for j, it := range f.against {
		f.score[n+j] = m.at(f.ahead, it)
	}
	clear(f.pull)
	for i, s := range f.score[:n] {
		share := f.share[i] / float64(len(f.against))
		for j, x := range f.score[n:] {
			p := share / (1 + math.Exp(s-x))
			f.pull[i] += p
			f.pull[n+j] -= p
		}
	}
	for k, w := range f.ahead {
		f.gradient[k] = -*m.Options.Regularization * float64(w)
	}
	for i, it := range f.items {
		m.add(f.gradient, it, f.pull[i])
	}
	for j, it := range f.against {
		m.add(f.gradient, it, f.pull[n+j])
	}
}

func (m *Model) at(user []float32, item int32) float64 {
	return float64(dot(row(m.Factors, item, m.Options.Factors), user)) + float64(m.Bias[item])
}

func (m *Model) add(dst []float64, item int32, times float64) {
	for k, x := range row(m.Factors, item, m.Options.Factors) {
		dst[k] += times * float64(x)
	}
}
