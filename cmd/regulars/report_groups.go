package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"regulars/training"
)

func newReportGroups(g *global) *cobra.Command {
	var o jobOptions
	cmd := &cobra.Command{Use: "groups", Short: "Which feature groups the churn model lives on: its AUC without each of them",
		Long: `Which feature groups the churn model lives on. The chosen model is fitted again
without each group in turn and judged on the untouched slice: a large loss means
that nothing else says what the group says; a loss around 0, that others do.`,
		Example: "  regulars report groups --workspace my-shop --as-of 2011-12-08",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return g.reportGroups(cmd.Context(), o) }}
	o.flags(cmd)
	return g.withJSON(cmd)
}

func (g *global) reportGroups(ctx context.Context, o jobOptions) error {
	var worth []training.GroupWorth
	err := g.locked(ctx, func(w *workspace) (err error) {
		bar := newProgress(g.stderr)
		defer bar.end()
		p, err := w.pipeline(o, bar.step)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.Engine.Close()) }()
		worth, err = p.DropOne(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(g.stdout, map[string]any{"groups": worth})
	}
	return g.printGroups(worth)
}

func (g *global) printGroups(worth []training.GroupWorth) error {
	rows := [][]string{{"without", "features", "auc", "lost"}}
	for _, w := range worth {
		lost := fmt.Sprintf("%+.4f", w.Lost)
		if w.Group == "" {
			w.Group, lost = "(with all)", ""
		}
		auc := fmt.Sprintf("%.4f", w.AUC.Value)
		if w.AUC.Low != nil && w.AUC.High != nil {
			auc = fmt.Sprintf("%s (%.4f–%.4f)", auc, *w.AUC.Low, *w.AUC.High)
		}
		rows = append(rows, []string{w.Group, fmt.Sprint(w.Features), auc, lost})
	}
	return printTable(g.stdout, rows)
}
