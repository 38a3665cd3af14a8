package gbdt

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/shapley"
)

// Model is a sum of trees for each class. It is immutable and safe for concurrent
// use; all that must be stored is what WriteText writes.
type Model struct {
	Names     []string // the columns of training, in order
	Infos     []string // one a column: its range as "[lo:hi]", its categories as "1:2:3", or "none"
	Objective string   // as LightGBM writes it: "binary sigmoid:1", "regression", …; "" for none
	Classes   int      // scores a row; tree t belongs to class t mod Classes
	Average   bool     // predictions are of the mean of the trees, as in a random forest; raw scores stay sums
	Trees     []Tree

	link    link
	walker  *walker
	explain func() []*shapley.Tree // made when first asked for
}

var (
	_ models.Classifier  = (*Model)(nil)
	_ models.Contributor = (*Model)(nil)
)

// link is what turns raw scores into predictions.
type link struct {
	kind  linkKind
	slope float64 // of the sigmoid
}

type linkKind uint8

const (
	linkIdentity linkKind = iota
	linkSigmoid           // 1/(1+e^−slope·s), for each class by itself
	linkSoftmax
	linkExp
	linkSquare // sign(s)·s²
	linkSoftplus
)

// newLink knows the objectives of LightGBM.
func newLink(objective string) (link, error) {
	words := strings.Fields(objective)
	if len(words) == 0 {
		return link{}, nil
	}
	l := link{slope: 1}
	for _, w := range words[1:] {
		if value, ok := strings.CutPrefix(w, "sigmoid:"); ok {
			if _, err := fmt.Sscanf(value, "%g", &l.slope); err != nil || !(l.slope > 0) || !finite(l.slope) {
				return l, fmt.Errorf("objective %q: the sigmoid must be above 0", objective)
			}
		}
	}
	switch words[0] {
	case "regression", "regression_l1", "huber", "fair", "quantile", "mape", LambdaRank, "rank_xendcg", "custom":
	case Binary, "multiclassova", "cross_entropy":
		l.kind = linkSigmoid
	case Multiclass:
		l.kind = linkSoftmax
	case Poisson, "gamma", Tweedie:
		l.kind = linkExp
	case "cross_entropy_lambda":
		l.kind = linkSoftplus
	default:
		return l, fmt.Errorf("objective %q is not known", objective)
	}
	if words[0] == "regression" && len(words) > 1 && words[1] == "sqrt" {
		l.kind = linkSquare
	}
	return l, nil
}

// apply turns the raw scores of one row into predictions.
func (l link) apply(s []float64) {
	if l.kind == linkSoftmax {
		normalize(s)
		return
	}
	for k, v := range s {
		switch l.kind {
		case linkSigmoid:
			s[k] = sigmoid(l.slope * v)
		case linkExp:
			s[k] = math.Exp(v)
		case linkSquare:
			s[k] = v * math.Abs(v)
		case linkSoftplus:
			s[k] = math.Log1p(math.Exp(v))
		}
	}
}

// New returns the model of stored trees (the exported fields of m), checked so
// that no walk can leave them.
func New(m Model) (*Model, error) {
	if len(m.Names) == 0 || len(m.Infos) != len(m.Names) {
		return nil, fmt.Errorf("gbdt: %d columns with %d descriptions", len(m.Names), len(m.Infos))
	}
	for j, info := range m.Infos {
		if info == "" || strings.ContainsAny(info, " \r\n") {
			return nil, fmt.Errorf("gbdt: the description of column %q is %q: it must be one word", m.Names[j], info)
		}
	}
	if strings.ContainsAny(m.Objective, "\r\n") {
		return nil, fmt.Errorf("gbdt: objective %q has more than one line", m.Objective)
	}
	if m.Classes < 1 || len(m.Trees)%m.Classes != 0 {
		return nil, fmt.Errorf("gbdt: %d trees of %d classes", len(m.Trees), m.Classes)
	}
	for i := range m.Trees {
		if err := m.Trees[i].check(len(m.Names)); err != nil {
			return nil, fmt.Errorf("gbdt: tree %d: %w", i, err)
		}
	}
	var err error
	if m.link, err = newLink(m.Objective); err != nil {
		return nil, fmt.Errorf("gbdt: %w", err)
	}
	m.walker = newWalker(&m)
	m.explain = sync.OnceValue(m.newExplained)
	return &m, nil
}

// Rounds returns how many trees a class has.
func (m *Model) Rounds() int { return len(m.Trees) / m.Classes }

// Probability writes the probability that the label is 1. The model must be of a
// binary objective.
func (m *Model) Probability(x *matrix.Dense, dst []float64) error {
	if err := m.checkProbability(); err != nil {
		return err
	}
	return m.Predict(x, false, dst)
}

func (m *Model) checkProbability() error {
	if m.link.kind != linkSigmoid || m.Classes != 1 {
		return fmt.Errorf("gbdt: a model of objective %q gives no probability", m.Objective)
	}
	return nil
}

// Predict writes Classes numbers for each row of x into dst, row by row: the raw
// scores, or what they predict (probabilities of the classes; the mean for
// regression, Poisson and Tweedie). The columns of x must be those of training, by
// name and order; otherwise the error wraps models.ErrColumns. Missing values and
// categories never seen are as good as any; an infinity is refused.
func (m *Model) Predict(x *matrix.Dense, raw bool, dst []float64) error {
	if err := m.checkRows(x, len(dst), m.Classes); err != nil {
		return err
	}
	parallelRows(runtime.GOMAXPROCS(0), x.Rows, func(from, to int) {
		m.walker.score(x, from, to, dst[from*m.Classes:to*m.Classes])
		for i := from; i < to; i++ {
			m.finish(dst[i*m.Classes:(i+1)*m.Classes], raw)
		}
	})
	return nil
}

// finish turns the sums of leaf values of a row into what was asked for.
func (m *Model) finish(scores []float64, raw bool) {
	if raw {
		return
	}
	if m.Average && len(m.Trees) > 0 {
		for k := range scores {
			scores[k] /= float64(m.Rounds())
		}
	}
	m.link.apply(scores)
}

func (m *Model) checkRows(x *matrix.Dense, room, numbers int) error {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return err
	}
	if room != x.Rows*numbers {
		return fmt.Errorf("gbdt: room for %d numbers, %d rows have %d each", room, x.Rows, numbers)
	}
	columns := x.Cols()
	for i, v := range x.Data[:x.Rows*columns] {
		if v-v != 0 && !math.IsNaN(v) {
			return infinite(i/columns, x.Names[i%columns], v)
		}
	}
	return nil
}

// Importance returns the gain of all splits of each column, added up.
func (m *Model) Importance() []float64 {
	out := make([]float64, len(m.Names))
	for i := range m.Trees {
		for j, f := range m.Trees[i].Feature {
			out[f] += m.Trees[i].Gain[j]
		}
	}
	return out
}
