package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/features/words"
	"regulars/training"
)

// churnReportOptions are the flags of `report churn`.
type churnReportOptions struct {
	job      jobOptions
	by, lang string
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
  regulars report churn --workspace my-shop --by value --lang zh
  regulars report churn --workspace my-shop --by orders --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.reportChurn(cmd.Context(), o) }}
	o.job.flags(cmd)
	cmd.Flags().StringVar(&o.by, "by", training.ByStage, "segments: "+strings.Join(training.Segmentations(), ", "))
	cmd.Flags().StringVar(&o.lang, "lang", "en", "language: en or zh")
	return g.withJSON(cmd)
}

func (g *global) reportChurn(ctx context.Context, o churnReportOptions) error {
	if !slices.Contains(training.Segmentations(), o.by) {
		return usageError{fmt.Errorf("--by %s: it must be %s", o.by, strings.Join(training.Segmentations(), ", "))}
	}
	if o.lang != "en" && o.lang != "zh" {
		return usageError{fmt.Errorf("--lang %s: it must be en or zh", o.lang)}
	}
	var report *training.ChurnReport
	err := g.locked(ctx, func(w *workspace) (err error) {
		bar := newProgress(g.stderr)
		defer bar.end()
		p, err := w.pipeline(o.job, bar.step)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.Engine.Close()) }()
		report, err = p.ChurnCauses(ctx, o.by)
		return err
	})
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(g.stdout, report)
	}
	return printChurn(g.stdout, report, words.Style{Lang: o.lang})
}

// churnWords are what the report says beside the names of features.
var churnWords = map[string]struct {
	title, all, segment string
	header              []string
}{
	"en": {"Customers active on %s who did not order before %s, and what the model (%s) saw in them", "all", "%s: %d of %d lost (%.0f%%)",
		[]string{"cause", "lost by it", "share", "median, lost", "median, stayed", "contribution"}},
	"zh": {"%s 时活跃、至 %s 未再下单的顾客，以及模型（%s）看到的原因", "全部", "%s：%d / %d 流失（%.0f%%）",
		[]string{"原因", "涉及流失顾客", "占比", "流失者中位数", "留存者中位数", "贡献"}},
}

func printChurn(out io.Writer, r *training.ChurnReport, style words.Style) error {
	say := churnWords[style.Lang]
	fmt.Fprintf(out, say.title+"\n\n", r.From, r.AsOf, r.Model)
	for _, s := range r.Segments {
		name := s.Segment
		if name == "" {
			name = say.all
		}
		fmt.Fprintf(out, say.segment+"\n", name, s.Lost, s.Customers, 100*float64(s.Lost)/float64(max(s.Customers, 1)))
		rows := [][]string{say.header}
		for _, c := range s.Causes {
			rows = append(rows, []string{style.Name(c.Feature), fmt.Sprint(c.Customers), fmt.Sprintf("%.0f%%", 100*c.Share),
				median(c.Median), median(c.MedianStayed), fmt.Sprintf("%+.2f", c.Contribution)})
		}
		if err := printTable(out, rows); err != nil {
			return err
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintln(out, "note: "+n)
	}
	return nil
}

func median(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.4g", *v)
}
