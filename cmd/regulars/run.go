package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"regulars/cmd/regulars/config"
	"regulars/training"
)

// jobs are the jobs that can be run, by name.
var jobs = map[string]func(*training.Pipeline, context.Context) (*training.Report, error){
	"pipeline": (*training.Pipeline).Run,
	"features": (*training.Pipeline).Features,
	"train":    (*training.Pipeline).Train,
	"evaluate": (*training.Pipeline).Evaluate,
	"score":    (*training.Pipeline).Score,
}

func newRun(g *global) *cobra.Command {
	var o jobOptions
	cmd := &cobra.Command{
		Use:   "run JOB",
		Short: "Run one job now: " + strings.Join(config.JobNames, ", "),
		Long: `Run one job now.

  pipeline   features → train → evaluate → gate → publish → score
  features   build the feature tables that the other jobs read
  train      features, train, evaluate, gate, publish
  evaluate   features and the evaluation; publishes nothing
  score      apply the published models to every customer

A job killed at any moment leaves nothing half done: run it again.`,
		Example: `  regulars run pipeline --workspace my-shop
  regulars run pipeline --workspace my-shop --as-of 2011-12-08 --json`,
		Args: arguments(1, 1, "one job"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !config.IsJob(args[0]) {
				return usageError{fmt.Errorf("there is no job %q: the jobs are %s", args[0], strings.Join(config.JobNames, ", "))}
			}
			return g.runJob(cmd.Context(), args[0], o)
		},
	}
	o.flags(cmd)
	return g.withJSON(cmd)
}

// newJobCommands are the shorthands `regulars train` and so on.
func newJobCommands(g *global) []*cobra.Command {
	var out []*cobra.Command
	for _, c := range []struct{ job, short, example string }{
		{"train", "Train, evaluate and publish models", "  regulars train --workspace my-shop --set ials.factors=32"},
		{"evaluate", "Print how good the models are; publishes nothing", "  regulars evaluate --workspace my-shop --as-of 2011-12-08"},
		{"score", "Score every customer with the published models", "  regulars score --workspace my-shop"},
	} {
		var o jobOptions
		cmd := &cobra.Command{Use: c.job, Short: c.short, Example: c.example, Args: noArguments,
			RunE: func(cmd *cobra.Command, _ []string) error { return g.runJob(cmd.Context(), c.job, o) }}
		o.flags(cmd)
		switch c.job {
		case "train":
			o.tuneFlags(cmd)
		case "evaluate":
			cmd.AddCommand(newEvaluateRanking(g), newEvaluatePropensity(g), newEvaluateCLV(g))
		}
		out = append(out, g.withJSON(cmd))
	}
	return out
}

func (o *jobOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.asOf, "as-of", "", "date of the run; data from it on is not looked at (default: the day after the last order)")
	cmd.Flags().StringArrayVar(&o.set, "set", nil, "fix an option of a model, MODEL.OPTION=VALUE; may be repeated")
	cmd.Flags().StringSliceVar(&o.without, "without", nil, "groups of features that churn models do without")
	cmd.Flags().StringSliceVar(&o.allow, "allow-leaks", nil, "columns that may tell who leaves although they look like leaks, or all")
}

// tuneFlags are those of `train`.
func (o *jobOptions) tuneFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.tune, "tune", false, "search options of recommenders first, and keep what is found in "+training.TunedFile)
	cmd.Flags().Float64Var(&o.minutes, "tune-minutes", defaultTuneMinutes, "time for the search")
}

// runJob does the job under the workspace's lock and prints its report.
func (g *global) runJob(ctx context.Context, job string, o jobOptions) error {
	w, err := g.open(false)
	if err != nil {
		return err
	}
	report, err := w.runJob(ctx, job, o, newProgress(g.stderr))
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(g.stdout, report)
	}
	return printReport(g.stdout, report)
}

func (w *workspace) runJob(ctx context.Context, job string, o jobOptions, bar *progress) (report *training.Report, err error) {
	lock, err := w.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if err := w.finishErasures(ctx); err != nil {
		return nil, err
	}
	if err := w.flushBefore(ctx, job); err != nil {
		return nil, err
	}
	p, err := w.pipeline(o, bar.step)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Engine.Close()) }()
	p.Tried = tellTrials(bar.out, bar)
	err = w.recorded(ctx, job, p.Options.AsOf.String(), func() (any, error) {
		report, err = jobs[job](p, ctx)
		bar.end()
		return report, err
	})
	return report, err
}
