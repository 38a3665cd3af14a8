package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/mattn/go-runewidth"

	"regulars/data/lake"
	"regulars/training"
	"regulars/training/metrics"
	"regulars/training/outlook"
)

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// The metrics that tables show; --json has all of them.
var (
	rankingColumns = []string{"ndcg@10", "recall@10", "new:ndcg@10", "new:recall@10", "coverage@10"}
	churnColumns   = []string{"auc", "pr_auc", "log_loss", "brier", "ece"}
	segmentColumns = []string{"new:auc", "light:auc", "heavy:auc", "lapsed:auc", "lift@10%"}
)

// printReport prints what a run did: the evaluation, then what was published.
func printReport(out io.Writer, r *training.Report) error {
	if ev := r.Evaluation; ev != nil {
		if err := printEvaluation(out, ev); err != nil {
			return err
		}
	}
	if len(r.Published) > 0 {
		rows := [][]string{{"published", "model", "version"}}
		for _, p := range r.Published {
			rows = append(rows, []string{p.Name, p.Family, p.Version})
		}
		if err := printTable(out, rows); err != nil {
			return err
		}
	}
	if s := r.Snapshot; s != nil {
		fmt.Fprintf(out, "snapshot %s: %d customers (%d with scores), %d items\n", s.Version, s.Users, s.Scored, s.Items)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(out, "note: %s\n", n)
	}
	return nil
}

func printEvaluation(out io.Writer, ev *training.Evaluation) error {
	if s := ev.Recommendation; s != nil {
		fmt.Fprintln(out, "* = published: chosen on an earlier slice, before the figures below were looked at")
		fmt.Fprintf(out, "Recommendations: trained before %s, judged by what was bought in the %d days after (95%% intervals)\n", s.TestAsOf, s.Days)
		if err := printResults(out, s.Results, rankingColumns); err != nil {
			return err
		}
		printDifferences(out, s)
	}
	if s := ev.Churn; s != nil {
		fmt.Fprintf(out, "Churn: no order in the %d days after %s, active customers (95%% intervals)\n", s.Days, s.TestAsOf)
		if err := printResults(out, s.Results, churnColumns); err != nil {
			return err
		}
		fmt.Fprintln(out, "The same by kind of customer: one order, two to four, five and more, lapsed; and the tenth most at risk")
		if err := printResults(out, s.Results, segmentColumns); err != nil {
			return err
		}
	}
	if ev.Outlook != nil {
		return printOutlook(out, ev.Outlook)
	}
	return nil
}

// printOutlook prints how well each part of the outlook does, a line a model and
// slice.
func printOutlook(out io.Writer, r *outlook.Report) error {
	fmt.Fprintln(out, "Outlook of customers: what is told of them beside churn, on rows that nothing was chosen on (95% intervals)")
	rows := [][]string{{"told", "after", "days", "model", "rows", "how well"}}
	for _, t := range r.Targets {
		for _, m := range t.Results {
			name := m.Model
			if m.Baseline {
				name += " (baseline)"
			}
			var values []string
			for _, key := range sortedKeys(m.Metrics) {
				values = append(values, key+" "+formatMetric(m.Metrics, key))
			}
			rows = append(rows, []string{t.Name, t.TestAsOf, fmt.Sprint(t.Days), name, fmt.Sprint(m.Rows), strings.Join(values, "  ")})
		}
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintln(out, "note: "+n)
	}
	return nil
}

func printResults(out io.Writer, results []training.Result, columns []string) error {
	rows := [][]string{append(append([]string{"model"}, columns...), "customers")}
	for _, r := range results {
		name := r.Model
		if r.Chosen {
			name += " *"
		}
		row := []string{name}
		for _, c := range columns {
			row = append(row, formatMetric(r.Metrics, c))
		}
		rows = append(rows, append(row, fmt.Sprint(r.Users)))
	}
	return printTable(out, rows)
}

func formatMetric(values map[string]metrics.Metric, key string) string {
	m, ok := values[key]
	switch {
	case !ok:
		return "–"
	case m.Low == nil || m.High == nil:
		return fmt.Sprintf("%.4f", m.Value)
	}
	return fmt.Sprintf("%.4f (%.4f–%.4f)", m.Value, *m.Low, *m.High)
}

func printDifferences(out io.Writer, s *training.Slice) {
	for _, r := range s.Results {
		if d, ok := s.Differences[r.Model]; ok && d.Low != nil {
			fmt.Fprintf(out, "* minus %s, customer by customer: ndcg@10 %+.4f (%+.4f to %+.4f)\n", r.Model, d.Value, *d.Low, *d.High)
		}
	}
	fmt.Fprintln(out)
}

// columnWidth counts what a terminal shows: a Chinese sign takes two places.
var columnWidth = runewidth.Condition{}

// printTable prints rows in aligned columns; the first row is the header.
func printTable(out io.Writer, rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for c, cell := range row {
			if c == len(widths) {
				widths = append(widths, 0)
			}
			widths[c] = max(widths[c], columnWidth.StringWidth(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for c, cell := range row {
			b.WriteString(cell)
			if c < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[c]-columnWidth.StringWidth(cell)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := fmt.Fprintln(out, b.String())
	return err
}

// printImport prints where every row of an import went.
func printImport(out io.Writer, r lake.Report) error {
	rows := [][]string{{"table", "read", "accepted", "duplicate", "quarantined"}}
	for _, t := range r.Tables {
		rows = append(rows, []string{string(t.Table), fmt.Sprint(t.Read), fmt.Sprint(t.Accepted), fmt.Sprint(t.Duplicate), fmt.Sprint(t.Quarantined)})
	}
	if len(r.Tables) > 0 {
		if err := printTable(out, rows); err != nil {
			return err
		}
	}
	for _, t := range r.Tables {
		for _, reason := range sortedKeys(t.Reasons) {
			fmt.Fprintf(out, "%s quarantined: %7d  %s\n", t.Table, t.Reasons[reason], reason)
		}
		for _, e := range t.Examples {
			fmt.Fprintf(out, "  for example row %d of %s: %s\n", e.Row, filepath.Base(e.Source), e.Reason)
		}
		if t.QuarantineFile != "" {
			fmt.Fprintf(out, "  all of them: %s\n", t.QuarantineFile)
		}
	}
	for _, s := range r.Sources {
		if s.Known {
			fmt.Fprintf(out, "already imported, nothing changed: %s\n", s.Path)
		}
	}
	return nil
}
