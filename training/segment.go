package training

import (
	"context"
	"maps"

	"regulars/features/matrix"
	"regulars/training/metrics"
)

// The features by which customers are told apart in reports and scores.
const (
	recencyColumn = "recency_days"
	ordersColumn  = "frequency"
	spendColumn   = "monetary"
)

// A segment is a set of rows that is reported on by itself.
type segment struct {
	prefix string // of its metric keys; "" = the headline
	rows   []int
}

// segments cuts customers: the active (the headline), of these the new (one
// order), light (two to four) and heavy (five and more), and the lapsed.
func (p *Pipeline) segments(x *matrix.Dense) ([]segment, error) {
	active, err := p.active(x)
	if err != nil {
		return nil, err
	}
	lapsed, err := selectRows(x, recencyColumn, func(v float64) bool { return v > float64(p.Options.ActiveDays) })
	if err != nil {
		return nil, err
	}
	out := []segment{{"", active}, {"lapsed:", lapsed}}
	for _, s := range []struct {
		prefix string
		keep   func(orders float64) bool
	}{
		{"new:", func(n float64) bool { return n <= 1 }},
		{"light:", func(n float64) bool { return n > 1 && n < 5 }},
		{"heavy:", func(n float64) bool { return n >= 5 }},
	} {
		rows, err := selectRows(x.Take(active), ordersColumn, s.keep)
		if err != nil {
			return nil, err
		}
		out = append(out, segment{s.prefix, pick(active, rows)})
	}
	return out, nil
}

// segmentMetrics measures every segment; one without rows has no metrics.
func (p *Pipeline) segmentMetrics(ctx context.Context, probability []float64, label []bool, segments []segment) (map[string]metrics.Metric, error) {
	out := map[string]metrics.Metric{}
	for _, s := range segments {
		if len(s.rows) == 0 {
			continue
		}
		values, err := metrics.Classification(ctx, pick(probability, s.rows), pick(label, s.rows), 0, p.Options.Seed)
		if err != nil {
			return nil, err
		}
		if s.prefix == "" {
			maps.Copy(out, values)
			continue
		}
		for key, m := range values {
			out[s.prefix+key] = m
		}
	}
	return out, nil
}
