package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"regulars/data"
	"regulars/data/interactions"
	"regulars/training/clv"
	"regulars/training/usage"
)

// clvOptions are the flags of `evaluate clv`.
type clvOptions struct {
	transactions, calibration, holdout, unit string
	models                                   []string
	seed                                     uint64
}

func newEvaluateCLV(g *global) *cobra.Command {
	var o clvOptions
	cmd := &cobra.Command{
		Use:   "clv --transactions FILE --calibration-end DATE",
		Short: "Fit buy-till-you-die models on a file of your own",
		Long: `Fit models of customer lifetime value on a file of your own, and compare what
they expect with what happened.

The file is Parquet or CSV (a header line; , ; tab or | between the cells) with
the columns customer_id and date, and if you have it amount. Orders of one
customer on one day count as one. The models learn from all orders until
--calibration-end, and are measured on those after it until --holdout-end (the
last date of the file, unless you say otherwise); both days are included.

Models: ` + strings.Join(clv.Names(), ", ") + `.
bgnbd and paretonbd expect orders, gammagamma the value of an order.

log_likelihood is of the calibration period. holdout_correlation,
holdout_bias (mean of expected − actual), holdout_ratio (expected / actual, both
summed) and mae compare customer by customer, with 95% percentile intervals of a
bootstrap over customers: the orders in the holdout period, and for gammagamma
the mean value of an order of those with repeat orders who ordered again.`,
		Example: `  regulars evaluate clv --transactions cdnow.csv --calibration-end 1997-09-30
  regulars evaluate clv --transactions orders.parquet --calibration-end 2011-06-30 --holdout-end 2011-09-30 --unit day --model bgnbd --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.evaluateCLV(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.transactions, "transactions", "", "file of who ordered when")
	f.StringVar(&o.calibration, "calibration-end", "", "last day that is learned from")
	f.StringVar(&o.holdout, "holdout-end", "", "last day that is compared with (default: the last of the file)")
	f.StringVar(&o.unit, "unit", "week", "unit of time of the parameters: day, week, month or year")
	f.StringSliceVar(&o.models, "model", []string{"all"}, "models to fit, or all")
	f.Uint64Var(&o.seed, "seed", 1, "seed of everything random")
	return g.withJSON(cmd)
}

func (g *global) evaluateCLV(ctx context.Context, o clvOptions) error {
	names, periods, err := o.check()
	if err != nil {
		return usageError{err}
	}
	bar := newProgress(g.stderr)
	table, err := interactions.ReadTransactions(ctx, o.transactions, readingOf(o.transactions, bar))
	bar.end()
	if err != nil {
		return err
	}
	summary, err := clv.Summarise(table, periods)
	if err != nil {
		return err
	}
	report, err := clv.Evaluate(ctx, clv.Request{Summary: summary, Models: names, Must: !o.all(), Seed: o.seed,
		PeakRSS: usage.PeakRSS, Progress: bar.step})
	bar.end()
	if err != nil {
		return err
	}
	if table.Quarantine.Rows > 0 {
		report.Quarantined = append(report.Quarantined, table.Quarantine)
	}
	if g.json {
		return printJSON(g.stdout, report)
	}
	return printCLV(g.stdout, report)
}

func (o *clvOptions) all() bool { return len(o.models) == 1 && o.models[0] == "all" }

// check turns flags into a request, or says what is wrong with them.
func (o *clvOptions) check() (names []string, p clv.Periods, err error) {
	if o.transactions == "" || o.calibration == "" {
		return nil, p, errors.New("both --transactions and --calibration-end are needed")
	}
	if p.Calibration, err = data.ParseDay(o.calibration); err != nil {
		return nil, p, fmt.Errorf("--calibration-end: %w", err)
	}
	if o.holdout != "" {
		if p.Holdout, err = data.ParseDay(o.holdout); err != nil {
			return nil, p, fmt.Errorf("--holdout-end: %w", err)
		}
		if p.Holdout <= p.Calibration {
			return nil, p, fmt.Errorf("--holdout-end %v must lie after --calibration-end %v", p.Holdout, p.Calibration)
		}
	}
	if p.Unit, err = clv.Unit(o.unit); err != nil {
		return nil, p, fmt.Errorf("--unit: %w", err)
	}
	if names, err = clv.Find(o.models); err != nil {
		return nil, p, fmt.Errorf("--model: %w", err)
	}
	if len(names) == 0 {
		return nil, p, errors.New("--model names no model")
	}
	return names, p, nil
}

// printCLV prints a report for people: parameters, then how good they were.
func printCLV(out io.Writer, r *clv.Report) error {
	until := ""
	if r.HoldoutEnd != "" {
		until = ", compared with the orders after it until " + r.HoldoutEnd
	}
	fmt.Fprintf(out, "calibration until %s%s; 95%% intervals over customers\n", r.CalibrationEnd, until)
	rows := [][]string{{"model", "customers", "log_likelihood", "parameters (± standard error)"}}
	for _, m := range r.Results {
		rows = append(rows, []string{m.Model, fmt.Sprint(m.Users), fmt.Sprintf("%.3f", m.Metrics["log_likelihood"].Value), parameterText(m)})
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	if r.HoldoutEnd != "" {
		if err := printTable(out, holdoutRows(r)); err != nil {
			return err
		}
	}
	for _, q := range r.Quarantined {
		printQuarantine(out, q)
	}
	if r.LateCustomers > 0 {
		fmt.Fprintf(out, "note: %d customers first ordered after the calibration period and are left out\n", r.LateCustomers)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(out, "note: %s\n", n)
	}
	return nil
}

func parameterText(m clv.Result) string {
	var words []string
	for _, name := range sortedKeys(m.Parameters) {
		word := fmt.Sprintf("%s %.4g", name, m.Parameters[name])
		if se, ok := m.StandardErrors[name]; ok {
			word += fmt.Sprintf(" ± %.2g", se)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func holdoutRows(r *clv.Report) [][]string {
	keys := []string{"holdout_correlation", "holdout_bias", "holdout_ratio", "mae"}
	rows := [][]string{append([]string{"model", "customers"}, keys...)}
	for _, m := range r.Results {
		row := []string{m.Model, fmt.Sprint(m.HoldoutUsers)}
		for _, key := range keys {
			row = append(row, formatMetric(m.Metrics, key))
		}
		rows = append(rows, row)
	}
	return rows
}
