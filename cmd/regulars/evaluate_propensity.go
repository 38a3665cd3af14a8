package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/data/durable"
	"regulars/data/frame"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/training/options"
	"regulars/training/page"
	"regulars/training/propensity"
)

// propensityOptions are the flags of `evaluate propensity`.
type propensityOptions struct {
	train, test, label    string
	out, report, lang     string
	ignore, models, allow []string
	set                   []string
	seed                  uint64
}

func newEvaluatePropensity(g *global) *cobra.Command {
	var o propensityOptions
	cmd := &cobra.Command{
		Use:   "propensity --train FILE --test FILE --label COLUMN",
		Short: "Compare classifiers on files of your own",
		Long: `Compare classifiers on files of your own: any table with a label to predict.

Both files are Parquet or CSV (a header line; , ; tab or | between the cells).
Columns may hold numbers, truth values, times and texts, any of them missing;
the test file must have those of the train file. The label is true or false, or
0 or 1, in every row of both.

Models: ` + strings.Join(propensity.Names(), ", ") + `.
base-rate, the same probability for everybody, is always measured.

What a model knows of texts it has learned from train alone: categories for gbdt,
for the others an indicator for each of few categories and, of many, how often
the label was true, counted without the row itself. Columns of one value and
columns that only name the row are left out. A column ts or as_of is no feature:
it orders the rows of train.

A fifth of train, the latest rows where there is such a column, decides how
many rounds gbdt learns (unless --set gbdt.rounds=N does) and whether
probabilities are calibrated; then models are fitted again on all of train.

Before that, columns are named that tell the label in a way they could not at the
time of scoring: that alone separate it nearly perfectly, give it away by one
value, or lose their importance on later rows. The command ends there, unless
the columns are left out (--ignore) or allowed (--allow-leaks COLUMN,… or all).

--out writes a Parquet file with the columns row, the number of the row in the
test file from 1, and probability: of the one model, or of the one with the
smallest log loss on the fifth of train.

--report writes an HTML page that needs nothing else, in English or Chinese
(--lang): the table of models, ROC, precision and recall, gains and lift, how
reliable probabilities are, and what columns contribute.

Intervals are 95% percentiles of a bootstrap over rows, that of ece moved to
hold its value; differences are paired row by row.`,
		Example: `  regulars evaluate propensity --train train.parquet --test test.parquet --label churned
  regulars evaluate propensity --train a.csv --test b.csv --label Revenue --ignore visit_id --model gbdt,logistic --json
  regulars evaluate propensity --train a.csv --test b.csv --label Revenue --model gbdt --set gbdt.num_leaves=31 --out predictions.parquet
  regulars evaluate propensity --train a.csv --test b.csv --label Revenue --report models.html --lang zh`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.evaluatePropensity(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.train, "train", "", "file to learn from")
	f.StringVar(&o.test, "test", "", "file to measure on")
	f.StringVar(&o.label, "label", "", "column to predict")
	f.StringSliceVar(&o.ignore, "ignore", nil, "columns that are no features")
	f.StringSliceVar(&o.models, "model", []string{"all"}, "models to compare, or all")
	f.StringArrayVar(&o.set, "set", nil, "set an option of a model, MODEL.OPTION=VALUE; may be repeated")
	f.StringSliceVar(&o.allow, "allow-leaks", nil, "columns that may tell the label, or all")
	f.StringVar(&o.out, "out", "", "Parquet file for the probabilities of the rows of the test file")
	f.StringVar(&o.report, "report", "", "HTML file for a page about the comparison")
	f.StringVar(&o.lang, "lang", "en", "language of the page: en or zh")
	f.Uint64Var(&o.seed, "seed", 1, "seed of everything random")
	return g.withJSON(cmd)
}

func (g *global) evaluatePropensity(ctx context.Context, o propensityOptions) error {
	r, err := o.check()
	if err != nil {
		return usageError{err}
	}
	lang, err := page.ParseLang(o.lang)
	if err != nil {
		return usageError{fmt.Errorf("--lang: %w", err)}
	}
	if err := o.checkFiles(); err != nil {
		return err
	}
	bar := newProgress(g.stderr)
	r.Progress = bar.step
	left, err := o.read(ctx, &r, bar)
	if err != nil {
		return err
	}
	report, err := propensity.Evaluate(ctx, r)
	bar.end()
	var leak *propensity.LeakError
	if errors.As(err, &leak) {
		return fmt.Errorf("%w: leave such columns out (--ignore), or say that they are known when customers are scored (--allow-leaks)", err)
	}
	if err != nil {
		return optionAsTyped(err, r.Settings)
	}
	report.Left = left
	if o.out != "" {
		if err := writeProbabilities(o.out, r.Test.Row, report.Probability); err != nil {
			return err
		}
		report.Notes = append(report.Notes, fmt.Sprintf("%s holds the probabilities of %s", o.out, report.Chosen))
	}
	if o.report != "" {
		var disk durable.FS
		if err := disk.WriteFile(o.report, func(out io.Writer) error { return report.WriteHTML(out, lang) }); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
	}
	if g.json {
		return printJSON(g.stdout, report)
	}
	return printPropensity(g.stdout, report)
}

// optionAsTyped turns the refusal of an option that was set into a complaint about
// how it was typed; other errors stay as they are.
func optionAsTyped(err error, set []options.Setting) error {
	var option *models.OptionError
	if !errors.As(err, &option) {
		return err
	}
	for _, s := range slices.Backward(set) { // the later counts
		if s.Model == option.Model && strings.EqualFold(strings.ReplaceAll(s.Option, "_", ""), option.Option) {
			return usageError{fmt.Errorf("--set %s: it must be %s", s, option.Want)}
		}
	}
	return err
}

// check turns flags into a request, or says what is wrong with them.
func (o *propensityOptions) check() (r propensity.Request, err error) {
	if o.train == "" || o.test == "" || o.label == "" {
		return r, errors.New("--train, --test and --label are needed")
	}
	if r.Families, err = propensity.Find(o.models); err != nil {
		return r, fmt.Errorf("--model: %w", err)
	}
	if len(r.Families) == 0 {
		return r, errors.New("--model names no model")
	}
	if r.Settings, err = options.Parse(o.set); err != nil {
		return r, fmt.Errorf("--set: %w", err)
	}
	if err := propensity.CheckSettings(r.Settings); err != nil {
		return r, fmt.Errorf("--set: %w", err)
	}
	r.AllowLeaks, r.Seed, r.Explain = o.allow, o.seed, o.report != ""
	for _, name := range o.models {
		r.Must = r.Must || name != "all"
	}
	return r, nil
}

// checkFiles finds out before the work what would prevent its results from being written.
func (o *propensityOptions) checkFiles() error {
	if o.out != "" && filepath.Clean(o.out) == filepath.Clean(o.report) {
		return usageError{fmt.Errorf("--out and --report both name %s", o.out)}
	}
	return errors.Join(o.checkWritten("--out", o.out), o.checkWritten("--report", o.report))
}

func (o *propensityOptions) checkWritten(flag, path string) error {
	if path == "" {
		return nil
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%s %s: there is no folder %s", flag, path, dir)
	}
	there, err := os.Stat(path)
	if err != nil {
		return nil
	}
	for _, read := range []string{o.train, o.test} {
		if in, err := os.Stat(read); err == nil && os.SameFile(in, there) {
			return fmt.Errorf("%s %s would overwrite a file that is read", flag, path)
		}
	}
	if there.IsDir() {
		return fmt.Errorf("%s %s is a folder: name a file", flag, path)
	}
	return nil
}

// read brings both files in and says how many rows could not be split.
func (o *propensityOptions) read(ctx context.Context, r *propensity.Request, bar *progress) (left []propensity.LeftOut, err error) {
	defer bar.end()
	train, err := frame.Read(ctx, o.train, frame.Options{Progress: readingOf(o.train, bar)})
	if err != nil {
		return nil, err
	}
	if r.Task, err = propensity.NewTask(train, o.label, o.ignore); err != nil {
		return nil, err
	}
	for _, name := range o.allow {
		if name != "all" && train.Find(name) < 0 {
			return nil, usageError{fmt.Errorf("--allow-leaks: %s has no column %s", o.train, name)}
		}
	}
	r.Test, err = frame.Read(ctx, o.test, frame.Options{Like: r.Task.Columns(), LikePath: o.train, Progress: readingOf(o.test, bar)})
	if err != nil {
		return nil, err
	}
	for _, t := range []*frame.Table{train, r.Test} {
		if t.Left.Rows > 0 {
			left = append(left, propensity.LeftOut{File: t.Path, Left: t.Left})
		}
	}
	return left, nil
}

// writeProbabilities replaces the file at path: a reader sees the old or the new.
func writeProbabilities(path string, rows []int64, probability []float64) error {
	var fs durable.FS
	tmp := filepath.Join(filepath.Dir(path), durable.TempPrefix+filepath.Base(path))
	err := artifact.WriteColumns(tmp, artifact.NewColumn("row", rows), artifact.NewColumn("probability", probability))
	if err == nil {
		err = fs.SyncFile(tmp)
	}
	if err == nil {
		err = fs.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), fs.Remove(tmp))
	}
	return fs.SyncDir(filepath.Dir(path))
}

// printPropensity prints a report for people.
func printPropensity(out io.Writer, r *propensity.Report) error {
	fmt.Fprintf(out, "%d rows measured; 95%% intervals over rows\n", r.Results[0].Users)
	for _, keys := range [][]string{{"auc", "pr_auc", "log_loss", "brier"}, {"ece", "calibration_slope", "lift@10%"}} {
		rows := [][]string{append([]string{"model"}, keys...)}
		for _, m := range r.Results {
			row := []string{m.Model}
			for _, key := range keys {
				row = append(row, formatMetric(m.Metrics, key))
			}
			rows = append(rows, row)
		}
		if keys[0] == "ece" {
			addCosts(rows, r.Results)
		}
		if err := printTable(out, rows); err != nil {
			return err
		}
	}
	printPropensityNotes(out, r)
	return nil
}

// addCosts adds time and memory to the rows, the first of which is the header.
func addCosts(rows [][]string, results []propensity.Result) {
	rows[0] = append(rows[0], "fit", "score", "memory")
	for i, m := range results {
		rows[i+1] = append(rows[i+1], fmt.Sprintf("%.1f s", m.FitSeconds), fmt.Sprintf("%.1f s", m.ScoreSeconds), fmt.Sprintf("%d MiB", m.PeakRSSBytes>>20))
	}
}

func printPropensityNotes(out io.Writer, r *propensity.Report) {
	for _, m := range r.Results {
		if d, ok := m.Differences[propensity.BaseRate]["log_loss"]; ok && d.Low != nil {
			fmt.Fprintf(out, "%s minus %s, row by row: log_loss %+.4f (%+.4f to %+.4f)\n", m.Model, propensity.BaseRate, d.Value, *d.Low, *d.High)
		}
	}
	for _, f := range r.Leaks {
		fmt.Fprintf(out, "allowed leak: %s\n", f)
	}
	for _, l := range r.Left {
		fmt.Fprintf(out, "%s: %d rows left out\n", filepath.Base(l.File), l.Rows)
		for _, e := range l.Examples {
			fmt.Fprintf(out, "  for example row %d: %s\n", e.Number, e.Reason)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(out, "note: %s\n", n)
	}
}
