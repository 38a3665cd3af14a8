package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/training"
)

// churnReportOptions are the flags of `report churn`.
type churnReportOptions struct {
	job            jobOptions
	by, lang, html string
}

func newReportChurn(g *global) *cobra.Command {
	var o churnReportOptions
	cmd := &cobra.Command{Use: "churn", Short: "Why customers were lost, by segment",
		Long: `Why customers were lost in the days before a date (training.horizon_days of them).

The best churn model that could be made at the begin of these days looks at the
customers who were active then. Of those who did not order in them, the reasons
behind each one's probability are counted, the three strongest of each customer,
and set beside those who stayed. A cause is what the model saw before they left;
it says what goes with leaving, not what would have kept them.`,
		Example: `  regulars report churn --workspace my-shop --as-of 2011-12-08
  regulars report churn --workspace my-shop --by value --html lost.html --lang zh
  regulars report churn --workspace my-shop --by orders --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.reportChurn(cmd.Context(), o) }}
	o.job.flags(cmd)
	cmd.Flags().StringVar(&o.by, "by", training.ByStage, "segments: "+strings.Join(training.Segmentations(), ", "))
	cmd.Flags().StringVar(&o.lang, "lang", "en", "language: en or zh")
	cmd.Flags().StringVar(&o.html, "html", "", "write a self-contained page to this file")
	return g.withJSON(cmd)
}

func (g *global) reportChurn(ctx context.Context, o churnReportOptions) error {
	if !slices.Contains(training.Segmentations(), o.by) {
		return usageError{fmt.Errorf("--by %s: it must be %s", o.by, strings.Join(training.Segmentations(), ", "))}
	}
	lang, err := parseLang(o.lang)
	if err != nil {
		return err
	}
	var report *training.ChurnReport
	err = g.locked(ctx, func(w *workspace) (err error) {
		bar := newProgress(g.stderr)
		defer bar.end()
		p, err := w.pipeline(o.job, bar.step)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.Engine.Close()) }()
		if report, err = p.ChurnCauses(ctx, o.by); err != nil || o.html == "" {
			return err
		}
		return w.disk.WriteFile(o.html, func(out io.Writer) error { return report.WriteHTML(out, lang) })
	})
	if err != nil {
		return err
	}
	return g.printView(report, o.html, report.View(lang))
}
