package season_test

import (
	"context"
	"errors"
	"io"
	"math"
	"testing"

	"regulars/data"
	"regulars/data/synth"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/calibrate"
	"regulars/models/logistic"
	"regulars/training/metrics"
	"regulars/training/season"
)

const activeDays = 365

// history is the days on which each customer of a simulated shop ordered.
type history [][]data.Day

func orderDays(t testing.TB, o synth.Options) history {
	shop, err := synth.New(o)
	if err != nil {
		t.Fatal(err)
	}
	reader, schema, err := shop.Table(data.Orders)
	if err != nil {
		t.Fatal(err)
	}
	user, ts, back := schema.Index("user_id"), schema.Index("ts"), schema.Index("is_return")
	numbers, out, rows := map[string]int{}, history{}, make([]data.Row, 4096)
	for {
		n, err := reader.Read(rows)
		for _, row := range rows[:n] {
			if row[back].Bool() {
				continue
			}
			id := row[user].Str()
			if _, known := numbers[id]; !known {
				numbers[id] = len(out)
				out = append(out, nil)
			}
			out[numbers[id]] = append(out[numbers[id]], data.DayOfMicros(row[ts].Micros()))
		}
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// rows are the active customers at a day: what is known of them, and who left.
type rows struct {
	x    *matrix.Dense
	left []bool
}

var columns = []string{"recency", "tenure", "orders", "orders_90", "orders_365"}

func (h history) at(t testing.TB, day data.Day) rows {
	var r rows
	var values []float64
	for _, days := range h {
		v, stayed := traits(days, day)
		if v != nil {
			values, r.left = append(values, v...), append(r.left, !stayed)
		}
	}
	r.x = &matrix.Dense{Names: columns, Rows: len(r.left), Data: values}
	return r
}

// traits returns nothing for a customer who is not active at the day.
func traits(days []data.Day, at data.Day) (v []float64, stayed bool) {
	first, last := data.Day(math.MaxInt32), data.Day(0)
	var all, quarter, year float64
	for _, d := range days {
		switch {
		case d >= at+horizon:
		case d >= at:
			stayed = true
		default:
			first, last, all = min(first, d), max(last, d), all+1
			if at-d <= 90 {
				quarter++
			}
			if at-d <= 365 {
				year++
			}
		}
	}
	if all == 0 || at-last > activeDays {
		return nil, false
	}
	return []float64{float64(at - last), float64(at - first), all, quarter, year}, stayed
}

func join(t testing.TB, parts []rows) rows {
	out := parts[0]
	for _, p := range parts[1:] {
		x, err := matrix.Append(out.x, p.x)
		if err != nil {
			t.Fatal(err)
		}
		out = rows{x: x, left: append(append([]bool(nil), out.left...), p.left...)}
	}
	return out
}

func fit(t testing.TB, r rows) models.Classifier {
	m, err := logistic.Fit(context.Background(), r.x, r.left, logistic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func probabilities(t testing.TB, m models.Classifier, r rows) []float64 {
	p := make([]float64, r.x.Rows)
	if err := m.Probability(r.x, p); err != nil {
		t.Fatal(err)
	}
	return p
}

// outcome is what the protocol finds at one date.
type outcome struct {
	forecast                    *season.Forecast
	truth                       float64
	ece, uncorrectedECE         float64
	logLoss, uncorrectedLogLoss float64
}

// protocol trains before the last date but two, calibrates on the last but one
// and forecasts the last: what training does, in small.
func (h history) protocol(t testing.TB, first, at data.Day) outcome {
	var parts []rows // latest first
	var days []data.Day
	for d := at - horizon; d-horizon >= first; d -= horizon {
		parts, days = append(parts, h.at(t, d)), append(days, d)
	}
	platt, err := calibrate.FitPlatt(probabilities(t, fit(t, join(t, parts[1:])), parts[0]), parts[0].left)
	if err != nil {
		t.Fatal(err)
	}
	model := &calibrate.Calibrated{Base: fit(t, join(t, parts)), Map: platt}
	test := h.at(t, at)
	p := probabilities(t, model, test)
	var windows []season.Window
	for i, r := range parts {
		windows = append(windows, season.Window{AsOf: days[i], Customers: len(r.left), Events: count(r.left), Expected: average(probabilities(t, model, r))})
	}
	f, err := season.Predict(season.Target{AsOf: at, Horizon: horizon, Customers: len(p), Expected: average(p)}, windows)
	if err != nil {
		t.Fatal(err)
	}
	shift, err := calibrate.FitShift(p, f.Rate)
	if err != nil {
		t.Fatal(err)
	}
	o := outcome{forecast: f, truth: float64(count(test.left)) / float64(len(p))}
	o.uncorrectedECE, o.uncorrectedLogLoss = measure(t, p, test.left)
	for i := range p {
		p[i] = shift.Apply(p[i])
	}
	o.ece, o.logLoss = measure(t, p, test.left)
	return o
}

func measure(t testing.TB, p []float64, left []bool) (ece, logLoss float64) {
	values, err := metrics.Classification(context.Background(), p, left, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	return values["ece"].Value, values["log_loss"].Value
}

func count(b []bool) (n int) {
	for _, v := range b {
		if v {
			n++
		}
	}
	return n
}

func average(p []float64) float64 {
	sum := 0.0
	for _, v := range p {
		sum += v
	}
	return sum / float64(len(p))
}

// A simulated shop of three years whose orders have a season, as a logistic
// model of recency and frequency sees it: the mean over seeds, because one
// shop's rate of one quarter is a matter of chance as well.
func TestSimulatedShop(t *testing.T) {
	const seeds = 6
	var ece, uncorrected, logLoss, uncorrectedLogLoss float64
	for seed := range uint64(seeds) {
		o := synth.Options{Users: 15_000, Items: 10, Months: 36, Season: 0.6, Seed: seed + 1}
		first := data.Day(20454 - 36*30)
		r := orderDays(t, o).protocol(t, first, 20454-horizon)
		if f := r.forecast; f.Rule != season.RuleSeason || r.truth < f.Low95 || r.truth > f.High95 {
			t.Errorf("seed %d: %.4f comes true, forecast %+v", seed+1, r.truth, f)
		}
		ece, uncorrected = ece+r.ece/seeds, uncorrected+r.uncorrectedECE/seeds
		logLoss, uncorrectedLogLoss = logLoss+r.logLoss/seeds, uncorrectedLogLoss+r.uncorrectedLogLoss/seeds
	}
	t.Logf("ece %.4f instead of %.4f, log loss %.4f instead of %.4f", ece, uncorrected, logLoss, uncorrectedLogLoss)
	if ece > 0.03 || uncorrected < 0.06 || logLoss > uncorrectedLogLoss-0.01 {
		t.Error("the season is not corrected, or there is none")
	}
}
