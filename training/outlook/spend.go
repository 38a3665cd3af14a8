package outlook

import (
	"context"
	"fmt"
	"math"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/gbdt"
)

// Models of what those who order spend within the horizon.
const (
	spendTweedie = "tweedie"   // trees, variance between that of counts and of amounts
	spendLog     = "log"       // trees of the logarithm
	spendOwn     = "own-mean"  // own mean spend an order × orders expected of those who order
	spendShop    = "shop-mean" // the same of everybody
)

const (
	frequencyColumn = "frequency"
	monetaryColumn  = "monetary"
	tenureColumn    = "tenure_days"
)

// spending is a model of the spend of a customer within the horizon, given an order.
type spending struct {
	kind  string
	trees *gbdt.Model // of the first two
	scale float64     // of the trees: spend over what they say, on customers they have not seen
	shop  float64     // mean spend of those who ordered
}

// spends are rows of customers who ordered within the horizon, and what they spent.
type spends struct {
	x     *matrix.Dense
	spent []float64
	users []int32
}

// spendRows collects those who ordered from the rows at dates whose horizon was over
// by known, and began at from or later.
func (r *run) spendRows(from, known data.Day) (*spends, error) {
	out := &spends{x: &matrix.Dense{Names: r.last().X.Names}}
	for d := range r.Dates {
		rows := &r.Dates[d]
		if rows.Labels == nil || rows.AsOf < from || rows.AsOf+data.Day(r.Horizon) > known {
			continue
		}
		var take []int
		for i, ordered := range rows.Labels.Ordered {
			if ordered {
				take = append(take, i)
			}
		}
		take = pick(take, spread(len(take), maxMeasured))
		part, err := selected(rows.X, out.x.Names)
		if err != nil {
			return nil, fmt.Errorf("rows at %s: %w", rows.AsOf, err)
		}
		if out.x, err = matrix.Append(out.x, part.Take(take)); err != nil {
			return nil, err
		}
		out.spent = append(out.spent, pick(rows.Labels.Spend, take)...)
		out.users = append(out.users, pick(r.users[d], take)...)
	}
	for i, v := range out.spent {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("outlook: customer %q spent %v: it must be finite and not below 0", r.Purchases.Users.ID(out.users[i]), v)
		}
	}
	return out, nil
}

func (s *spends) take(rows []int) *spends {
	return &spends{x: s.x.Take(rows), spent: pick(s.spent, rows), users: pick(s.users, rows)}
}

// split parts a fifth of the customers from the others, so that no customer of one
// date is known from another.
func (s *spends) split() (rest, fifth *spends) {
	var a, b []int
	for i, u := range s.users {
		if u%folds == folds-1 {
			b = append(b, i)
		} else {
			a = append(a, i)
		}
	}
	return s.take(a), s.take(b)
}

// fitSpend fits a model of the kind. Trees are as many as are best for a fifth of
// the customers, and brought to the scale of what these spent in all (for the
// logarithm the smearing of Duan 1983); then they are grown once more on everybody.
func (r *run) fitSpend(ctx context.Context, kind string, rows *spends) (*spending, error) {
	out := &spending{kind: kind, scale: 1}
	if len(rows.spent) == 0 {
		return nil, fmt.Errorf("nobody ordered: %w", models.ErrNoData)
	}
	if out.shop = mean(rows.spent); !(out.shop > 0) {
		return nil, fmt.Errorf("nobody who ordered spent anything: %w", models.ErrNoData)
	}
	if kind != spendTweedie && kind != spendLog {
		_, err := out.apply(rows.x, r.Horizon) // are the columns there?
		return out, err
	}
	rest, fifth := rows.split()
	if len(rest.spent) < fewRows || len(fifth.spent) < fewRows/folds {
		return nil, fmt.Errorf("%d customers and dates with an order, trees need %d: %w", len(rows.spent), fewRows, models.ErrNoData)
	}
	o := gbdt.Options{Objective: gbdt.Tweedie, Rounds: 400, LearningRate: 0.05, NumLeaves: 15, EarlyStopping: 30, Seed: r.o.Seed, Workers: r.o.Workers}
	if kind == spendLog {
		o.Objective = gbdt.Regression
	}
	stop := fifth.data(kind)
	first, err := gbdt.Fit(ctx, rest.data(kind), &stop, o, nil)
	if err != nil {
		return nil, fmt.Errorf("spend by %s: %w", kind, err)
	}
	out.trees = first
	raw, err := out.apply(fifth.x, r.Horizon)
	if err != nil {
		return nil, err
	}
	if out.scale = sum(fifth.spent) / sum(raw); !(out.scale > 0) || math.IsInf(out.scale, 0) {
		return nil, fmt.Errorf("%d customers to bring trees to scale spent %v: %w", len(raw), sum(fifth.spent), models.ErrNoData)
	}
	o.Rounds, o.EarlyStopping = max(1, first.Rounds()), 0
	out.trees, err = gbdt.Fit(ctx, rows.data(kind), nil, o, nil)
	return out, err
}

func (s *spends) data(kind string) gbdt.Data {
	y := s.spent
	if kind == spendLog {
		y = make([]float64, len(s.spent))
		for i, v := range s.spent {
			y[i] = math.Log1p(v)
		}
	}
	return gbdt.Data{X: s.x, Y: y}
}

// apply returns the spend expected of each row within the horizon, given an order.
func (s *spending) apply(x *matrix.Dense, horizon int) ([]float64, error) {
	out := make([]float64, x.Rows)
	switch s.kind {
	case spendShop:
		for i := range out {
			out[i] = s.shop
		}
		return out, nil
	case spendOwn:
		return out, s.own(x, horizon, out)
	}
	same, err := selected(x, s.trees.Names)
	if err != nil {
		return nil, err
	}
	if err := s.trees.Predict(same, false, out); err != nil {
		return nil, err
	}
	for i, v := range out {
		if s.kind == spendLog {
			v = max(0, math.Expm1(v))
		}
		if out[i] = s.scale * v; math.IsNaN(out[i]) || math.IsInf(out[i], 0) {
			return nil, fmt.Errorf("outlook: the spend expected of row %d is %v", i, out[i])
		}
	}
	return out, nil
}

// own is the mean spend of an order × the orders expected of one who orders at the
// rate so far: the mean of a Poisson variable above 0.
func (s *spending) own(x *matrix.Dense, horizon int, dst []float64) error {
	same, err := selected(x, []string{frequencyColumn, monetaryColumn, tenureColumn})
	if err != nil {
		return err
	}
	for i := range dst {
		row := same.Row(i)
		orders, spent, tenure := row[0], row[1], row[2]
		if dst[i] = s.shop; orders >= 1 && spent >= 0 && tenure >= 0 {
			rate := orders / max(tenure, float64(horizon)) * float64(horizon)
			dst[i] = spent / orders * rate / -math.Expm1(-rate)
		}
	}
	return nil
}

// deviance is that of the Tweedie family of power 1.5, which asks for the mean and
// lets large amounts vary more.
func deviance(predicted, actual []float64) []float64 {
	out := make([]float64, len(actual))
	for i, y := range actual {
		root := math.Sqrt(max(predicted[i], 1e-9))
		out[i] = 4 * (math.Sqrt(y) - root) * (math.Sqrt(y) - root) / root
	}
	return out
}

func sum(values []float64) float64 {
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total
}

func mean(values []float64) float64 { return sum(values) / float64(len(values)) }

// chooseSpend fits every kind on what was known at a date and compares them by
// deviance on who ordered in the horizon after.
func (r *run) chooseSpend(ctx context.Context, d int) (string, error) {
	at := r.Dates[d].AsOf
	judge, err := r.spendRows(at, at+data.Day(r.Horizon))
	if err != nil {
		return "", err
	}
	if len(judge.spent) == 0 {
		return spendOwn, nil
	}
	train, err := r.spendRows(r.Dates[0].AsOf, at)
	if err != nil {
		return "", err
	}
	best, least := spendOwn, math.Inf(1)
	for _, kind := range []string{spendOwn, spendShop, spendTweedie, spendLog} {
		m, err := r.fitSpend(ctx, kind, train)
		if err != nil {
			if err := r.absent("spend by "+kind, err); err != nil {
				return "", err
			}
			continue
		}
		p, err := m.apply(judge.x, r.Horizon)
		if err != nil {
			return "", err
		}
		if loss := mean(deviance(p, judge.spent)); loss < least {
			best, least = kind, loss
		}
	}
	return best, nil
}

// reportSpend measures the spend of who ordered, beside the means.
func (r *run) reportSpend(ctx context.Context, kind string) (*Target, error) {
	d := len(r.Dates) - 2
	at := r.Dates[d].AsOf
	judge, err := r.spendRows(at, at+data.Day(r.Horizon))
	if err != nil {
		return nil, err
	}
	if len(judge.spent) == 0 {
		return nil, fmt.Errorf("nobody's spend after %s is known: %w", at, models.ErrNoData)
	}
	train, err := r.spendRows(r.Dates[0].AsOf, at)
	if err != nil {
		return nil, err
	}
	t := &Target{Name: "spend if ordering", TestAsOf: at.String(), Days: r.Horizon}
	for i, k := range []string{kind, spendOwn, spendShop} {
		if i > 0 && k == kind {
			continue
		}
		m, err := r.fitSpend(ctx, k, train)
		if err != nil {
			return nil, err
		}
		p, err := m.apply(judge.x, r.Horizon)
		if err != nil {
			return nil, err
		}
		t.Results = append(t.Results, Result{Model: k, Baseline: i > 0, Rows: len(p), Metrics: measures(len(p), r.o, amounts(p, judge.spent))})
	}
	return t, nil
}

func amounts(predicted, actual []float64) map[string]func([]int) float64 {
	return map[string]func([]int) float64{"mae": meanOf(absoluteErrors(predicted, actual)), "bias": biasOf(predicted, actual),
		"deviance": meanOf(deviance(predicted, actual))}
}
