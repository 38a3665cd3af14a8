package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/data/durable"
	"regulars/data/interactions"
	"regulars/training"
	"regulars/training/metrics"
	"regulars/training/options"
	"regulars/training/ranking"
)

// rankingOptions are the flags of `evaluate ranking`.
type rankingOptions struct {
	train, test, items string
	groups, group      string
	models             []string
	ks                 []int
	repeat             bool
	set                []string
	seed               uint64
	tune               bool
	minutes            float64
	tuned              string
}

func newEvaluateRanking(g *global) *cobra.Command {
	var o rankingOptions
	cmd := &cobra.Command{
		Use:   "ranking --train FILE --test FILE",
		Short: "Compare recommenders on files of your own",
		Long: `Compare recommenders on files of your own: full catalogue, no sampling.

Both files are Parquet or CSV (a header line; , ; tab or | between the cells)
with the columns user_id and item_id, of numbers or text, and if you have them
ts, order_id and weight. ts is a date or timestamp, a number such as 20111208, or
a count of days, or seconds or finer since 1990. A user's truth is what the test file has of the items
known in train; users left with none, or unknown in train, are skipped and
counted. Without --repeat a user's train items are neither recommended nor truth.

Models: ` + strings.Join(ranking.Names(), ", ") + `.
The baselines popular, popular-recent and personal are always measured.

--items names a file with item_id and any of title, category, brand, price and
tags, for the models that read them. It has no dates: a blend, which learns from
earlier days, takes items to have been then as the file has them.

--groups names a file with user_id and a column (--group) that says to which
group a user belongs, for popular-group: what is popular in their group, the less
a group has of its own, the more like everywhere. It may be of users (region,
segment), or of orders, even the train file (channel, store): the group that most
of a user's rows name counts. It should say what was known when train ends.

The blend orders what its sources propose by --set blend.ranker=logistic or
lambdamart, the default, or auto: whichever is better on its latest window inside
train. Without ts, items held out of each history stand for a window: the blend
then learns what users may like, not what they have again.

--tune searches options on a slice inside train, never on the test file, for
--tune-minutes in all. The winners are printed, used, and written to the file
--tuned (default: ` + evaluationTuned + ` in the workspace). A search that was interrupted
goes on when it is started again. Without --tune, --tuned uses what an earlier
search has found. What --set fixes is not searched. ` + "`train`" + ` reads ` + training.TunedFile + `
in the workspace, which ` + "`train --tune`" + ` writes: name that file (--tuned ` + training.TunedFile + `),
or repeat the printed --set, to have it train with what is found here. Options
found on data other than the shop's own it passes over, and says so.

The blend, and the baselines, have no options that are searched. A blend uses
what was found for its sources.

Intervals are 95% percentiles of a bootstrap over users, differences are paired
user by user. light: and heavy: are the users with at most, and with more than,
the median number of interactions in train.`,
		Example: `  regulars evaluate ranking --train train.parquet --test test.parquet --model ials,itemknn --k 10,20
  regulars evaluate ranking --train train.csv --test test.csv --repeat --set ials.factors=32 --json
  regulars evaluate ranking --train train.csv --test test.csv --groups users.csv --group region --model popular-group
  regulars evaluate ranking --train train.csv --test test.csv --model ials --tune --tune-minutes 30`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.evaluateRanking(cmd, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.train, "train", "", "file of what is known")
	f.StringVar(&o.test, "test", "", "file of what happened later")
	f.StringVar(&o.items, "items", "", "file of what items are like")
	f.StringVar(&o.groups, "groups", "", "file of the group each user belongs to")
	f.StringVar(&o.group, "group", defaultGroupColumn, "column of --groups that names the group")
	f.StringSliceVar(&o.models, "model", []string{"all"}, "models to compare, or all")
	f.IntSliceVar(&o.ks, "k", []int{10, 20}, "lengths of the list")
	f.BoolVar(&o.repeat, "repeat", false, "items of train may be recommended again")
	f.StringArrayVar(&o.set, "set", nil, "set an option of a model, MODEL.OPTION=VALUE; may be repeated")
	f.Uint64Var(&o.seed, "seed", 1, "seed of everything random")
	f.BoolVar(&o.tune, "tune", false, "search options on a slice inside train first")
	f.Float64Var(&o.minutes, "tune-minutes", defaultTuneMinutes, "time for the search")
	f.StringVar(&o.tuned, "tuned", "", "file of options that a search has found (--tune writes it)")
	return g.withJSON(cmd)
}

const defaultGroupColumn = "group"

// evaluationTuned is where the winners of a search go unless a file is named: not
// where a shop's next training would take them up.
const evaluationTuned = "tuned-ranking.json"

func (g *global) evaluateRanking(cmd *cobra.Command, o rankingOptions) error {
	r, settings, err := o.check()
	if err != nil {
		return usageError{err}
	}
	bar := newProgress(g.stderr)
	r.Progress = bar.step
	var quarantined []interactions.Quarantine
	if r.Split, quarantined, err = o.read(cmd.Context(), bar); err != nil {
		return err
	}
	found, notes, err := g.tunedFor(cmd.Context(), o, r, settings, bar)
	if err != nil {
		return err
	}
	r.Settings = append(found.Settings(), settings...)
	report, err := ranking.Evaluate(cmd.Context(), r)
	bar.end()
	if len(report.Results) == 0 {
		return err
	}
	report.Quarantined, report.Tuned, report.Notes = quarantined, found, append(report.Notes, notes...)
	// What is measured is told, also where a later model has failed.
	if g.json {
		return errors.Join(printJSON(g.stdout, report), err)
	}
	return errors.Join(printRanking(g.stdout, report, r.Ks), err)
}

// check turns flags into a request, or says what is wrong with them.
func (o *rankingOptions) check() (r ranking.Request, settings []options.Setting, err error) {
	switch {
	case o.train == "" || o.test == "":
		return r, nil, errors.New("both --train and --test are needed")
	case o.groups == "" && o.group != defaultGroupColumn:
		return r, nil, errors.New("--group names a column of the file --groups, which is not given")
	case len(o.ks) == 0 || slices.Min(o.ks) < 1:
		return r, nil, fmt.Errorf("--k is %v: a list has at least 1 item", o.ks)
	}
	if err := checkTuneMinutes(o.minutes); err != nil {
		return r, nil, err
	}
	if r.Families, err = ranking.Find(o.models); err != nil {
		return r, nil, fmt.Errorf("--model: %w", err)
	}
	if len(r.Families) == 0 {
		return r, nil, errors.New("--model names no model")
	}
	if settings, err = options.Parse(o.set); err != nil {
		return r, nil, fmt.Errorf("--set: %w", err)
	}
	if err := errors.Join(ranking.CheckSettings(settings), ranking.CheckUsed(r.Families, settings)); err != nil {
		return r, nil, fmt.Errorf("--set: %w", err)
	}
	r.Ks, r.Seed, r.Must = slices.Compact(slices.Sorted(slices.Values(o.ks))), o.seed, !slices.Contains(o.models, "all")
	return r, settings, nil
}

// Minutes of a search: a week at most.
const (
	defaultTuneMinutes = 10.0
	maxTuneMinutes     = 7 * 24 * 60.0
)

func checkTuneMinutes(m float64) error {
	if !(m > 0 && m <= maxTuneMinutes) {
		return fmt.Errorf("--tune-minutes is %v: it must be above 0 and at most %v", m, maxTuneMinutes)
	}
	return nil
}

// read brings the files in and says which of their rows were left out.
func (o *rankingOptions) read(ctx context.Context, bar *progress) (_ *ranking.Split, left []interactions.Quarantine, err error) {
	keep := func(q interactions.Quarantine) {
		if q.Rows > 0 {
			left = append(left, q)
		}
	}
	var tables [2]*interactions.Table
	for i, path := range []string{o.train, o.test} {
		tables[i], err = interactions.Read(ctx, path, readingOf(path, bar))
		bar.end()
		if err != nil {
			return nil, nil, err
		}
		keep(tables[i].Quarantine)
	}
	var items *interactions.Items
	if o.items != "" {
		if items, err = interactions.ReadItems(ctx, o.items); err != nil {
			return nil, nil, err
		}
		keep(items.Quarantine)
	}
	var groups *interactions.Groups
	if o.groups != "" {
		if groups, err = interactions.ReadGroups(ctx, o.groups, o.group); err != nil {
			return nil, nil, err
		}
		keep(groups.Quarantine)
	}
	split, err := ranking.NewSplit(tables[0], tables[1], items, groups, o.repeat)
	return split, left, err
}

// readingOf shows how much of a file is read. How many rows it has is only
// estimated, so that reaching the estimate is not the end.
func readingOf(path string, bar *progress) func(done, total int64) {
	return func(done, total int64) {
		if done >= total {
			total = 0
		}
		bar.step("reading "+filepath.Base(path), int(done), int(total))
	}
}

// tunedFor returns what a search finds now, or found earlier and may be used,
// nil = nothing, and what to tell of it.
func (g *global) tunedFor(ctx context.Context, o rankingOptions, r ranking.Request, fixed []options.Setting, bar *progress) (*ranking.Tuned, []string, error) {
	if o.tune {
		found, err := g.tuneRanking(ctx, o, r, fixed, bar)
		return found, nil, err
	}
	if o.tuned == "" {
		return nil, nil, nil
	}
	all, err := ranking.ReadTuned(o.tuned)
	if err == nil && all == nil {
		err = fmt.Errorf("there is no file %s: make it with --tune", o.tuned)
	}
	if err != nil {
		return nil, nil, err
	}
	found, notes := all.Usable(&r.Split.Data, r.Split.Now, true)
	return found, notes, nil
}

// tuneRanking searches inside train.
func (g *global) tuneRanking(ctx context.Context, o rankingOptions, r ranking.Request, fixed []options.Setting, bar *progress) (*ranking.Tuned, error) {
	path := o.tuned
	if path == "" {
		path = filepath.Join(g.workspace, evaluationTuned)
	}
	slice, what, err := r.Split.Validation(o.seed)
	if err != nil {
		return nil, fmt.Errorf("cutting a slice to tune on out of %s: %w", o.train, err)
	}
	metric := "ndcg@" + strconv.Itoa(slices.Max(r.Ks))
	return ranking.Tune(ctx, slice, ranking.Tuning{Families: r.Families, Fixed: fixed, Slice: what, Seed: o.seed,
		Metric: func(string) string { return metric }, Budget: time.Duration(o.minutes * float64(time.Minute)),
		File: path, FS: durable.FS{}, Progress: bar.step, Tried: tellTrials(g.stderr, bar)})
}

// tellTrials prints every trial and how far it is the best of its model.
func tellTrials(out io.Writer, bar *progress) func(ranking.Trial) {
	best := map[string]float64{}
	return func(t ranking.Trial) {
		bar.end()
		if t.Failed != "" {
			fmt.Fprintf(out, "%s, trial %d: refused: %s\n", t.Model, t.Number, t.Failed)
			return
		}
		mark := ""
		if b, ok := best[t.Model]; !ok || t.Value > b {
			best[t.Model], mark = t.Value, " best so far"
		}
		fmt.Fprintf(out, "%s, trial %d: %s %.4f%s %s\n", t.Model, t.Number, t.Metric, t.Value, mark, optionText(t.Options))
	}
}

// optionText writes options as --set takes them.
func optionText(o map[string]any) string {
	var words []string
	for _, name := range sortedKeys(o) {
		words = append(words, fmt.Sprintf("%s=%v", name, o[name]))
	}
	return strings.Join(words, " ")
}

// printRanking prints a report for people: accuracy, then what the lists are
// like and cost, then differences and what was left out.
func printRanking(out io.Writer, r *ranking.Report, ks []int) error {
	users := 0
	for _, m := range r.Results {
		users = max(users, m.Users)
	}
	fmt.Fprintf(out, "%d users measured, %d skipped; 95%% intervals over users\n", users, r.SkippedUsers)
	if err := printTable(out, accuracyRows(r.Results, ks)); err != nil {
		return err
	}
	if err := printTable(out, listRows(r.Results, ks[0])); err != nil {
		return err
	}
	printRankingDifferences(out, r.Results, "ndcg@"+strconv.Itoa(ks[0]))
	printTuned(out, r.Tuned)
	for _, q := range r.Quarantined {
		printQuarantine(out, q)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(out, "note: %s\n", n)
	}
	return nil
}

func accuracyRows(results []ranking.Result, ks []int) [][]string {
	var keys []string
	for _, k := range ks {
		keys = append(keys, fmt.Sprintf("recall@%d", k), fmt.Sprintf("ndcg@%d", k))
	}
	for _, key := range []string{"new:recall@", "new:ndcg@"} {
		key += strconv.Itoa(ks[0])
		if slices.ContainsFunc(results, func(r ranking.Result) bool { _, ok := r.Metrics[key]; return ok }) {
			keys = append(keys, key)
		}
	}
	rows := [][]string{append([]string{"model"}, keys...)}
	for _, r := range results {
		row := []string{r.Model}
		for _, key := range keys {
			row = append(row, formatMetric(r.Metrics, key))
		}
		rows = append(rows, row)
	}
	return rows
}

func listRows(results []ranking.Result, k int) [][]string {
	names := []string{"hit", "mrr", "map", "coverage", "gini", "novelty", "diversity"}
	header := []string{"model"}
	for _, n := range names {
		header = append(header, fmt.Sprintf("%s@%d", n, k))
	}
	rows := [][]string{append(header, "light", "heavy", "fit", "rank", "memory")}
	for _, r := range results {
		row := []string{r.Model}
		for _, n := range append(names, "light:ndcg", "heavy:ndcg") {
			row = append(row, formatValue(r.Metrics, n+"@"+strconv.Itoa(k)))
		}
		rows = append(rows, append(row, fmt.Sprintf("%.1f s", r.FitSeconds), fmt.Sprintf("%.1f s", r.ScoreSeconds), fmt.Sprintf("%d MiB", r.PeakRSSBytes>>20)))
	}
	rows[0][len(names)+1], rows[0][len(names)+2] = fmt.Sprintf("light:ndcg@%d", k), fmt.Sprintf("heavy:ndcg@%d", k)
	return rows
}

// formatValue is a metric without its interval.
func formatValue(values map[string]metrics.Metric, key string) string {
	if m, ok := values[key]; ok {
		return fmt.Sprintf("%.4f", m.Value)
	}
	return "–"
}

// printRankingDifferences compares every model with the baseline that is best.
func printRankingDifferences(out io.Writer, results []ranking.Result, key string) {
	best := ""
	top := -1.0
	for _, r := range results {
		if v := r.Metrics[key].Value; r.Baseline && v > top {
			best, top = r.Model, v
		}
	}
	for _, r := range results {
		if d, ok := r.Differences[best][key]; ok && !r.Baseline && d.Low != nil {
			fmt.Fprintf(out, "%s minus %s, user by user: %s %+.4f (%+.4f to %+.4f)\n", r.Model, best, key, d.Value, *d.Low, *d.High)
		}
	}
}

func printTuned(out io.Writer, t *ranking.Tuned) {
	if t == nil {
		return
	}
	for _, model := range sortedKeys(t.Models) {
		w := t.Models[model]
		text := optionText(w.Options)
		if text == "" {
			text = "the defaults"
		}
		fmt.Fprintf(out, "tuned %s: %s (%s %.4f on %s, defaults %.4f, %d trials)\n", model, text, w.Metric, w.Value, w.Slice, w.Default, w.Trials)
		if len(w.Options) > 0 {
			fmt.Fprintf(out, "  to train with it:%s\n", setText(model, w.Options))
		}
	}
}

// setText writes options as the command line takes them.
func setText(model string, o map[string]any) string {
	text := ""
	for _, name := range sortedKeys(o) {
		text += fmt.Sprintf(" --set %s.%s=%v", model, name, o[name])
	}
	return text
}

func printQuarantine(out io.Writer, q interactions.Quarantine) {
	for _, reason := range sortedKeys(q.Reasons) {
		fmt.Fprintf(out, "%s: %d rows left out: %s\n", filepath.Base(q.File), q.Reasons[reason], reason)
	}
	for _, e := range q.Examples {
		fmt.Fprintf(out, "  for example row %d: %s\n", e.Row, e.Reason)
	}
}
