package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"regulars/data"
	"regulars/features"
	"regulars/models"
	"regulars/models/kmeans"
	"regulars/training"
	"regulars/training/loyalty"
	"regulars/training/page"
)

func newReport(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "report", Short: "Reports for people: loyalty, churn, clusters, feature groups, placements", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(newReportLoyalty(g), newReportClusters(g), newReportGroups(g), newReportChurn(g), newReportPlacement(g))
	return cmd
}

// reportOptions are the flags that reports share.
type reportOptions struct {
	asOf, lang, html string
	threshold        float64
	force            bool
}

func (o *reportOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.asOf, "as-of", "", "date of the report; data from it on is not looked at (default: the day after the last order)")
	cmd.Flags().StringVar(&o.lang, "lang", "en", "language: en or zh")
}

func newReportLoyalty(g *global) *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{Use: "loyalty", Short: "Repurchase, retention, churn, cohorts, life cycle, funnel, leavers, promotions, …",
		Long: `The loyalty of the shop's customers at a date: repurchase, retention, churn,
frequency and spend by window, lifetime value, NPS, the cohort retention matrix,
what matters in each stage of the life cycle, the new-customer funnel, why
customers left, referrals, complaints, promotions before, during and after, and
the share of loyal customers. What the lake has no table for is said to be absent.`,
		Example: `  regulars report loyalty --workspace my-shop --as-of 2011-12-08
  regulars report loyalty --workspace my-shop --html loyalty.html --lang zh
  regulars report loyalty --workspace my-shop --threshold 0.6 --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.reportLoyalty(cmd.Context(), o, cmd.Flags().Changed("threshold"))
		}}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.html, "html", "", "write a self-contained page to this file")
	cmd.Flags().Float64Var(&o.threshold, "threshold", 0.75, "repurchase share from which a customer is loyal (also features: parameters: loyal_customers.threshold)")
	return g.withJSON(cmd)
}

func (g *global) reportLoyalty(ctx context.Context, o reportOptions, threshold bool) error {
	lang, err := parseLang(o.lang)
	if err != nil {
		return err
	}
	if threshold && !(o.threshold > 0 && o.threshold <= 1) {
		return usageError{fmt.Errorf("--threshold is %v: it must be above 0 and at most 1", o.threshold)}
	}
	w, err := g.open(false)
	if err != nil {
		return err
	}
	var report *loyalty.Report
	err = w.withFeatures(ctx, o, newProgress(g.stderr), func(groups []features.Group, p *training.Pipeline, r features.Request) error {
		if threshold {
			if groups, err = features.WithParameters(groups, map[string]float64{"loyal_customers.threshold": o.threshold}); err != nil {
				return err
			}
		}
		r.Groups = groups
		report, err = loyalty.Make(ctx, p.Engine, r, w.config.Currency)
		return err
	})
	if err != nil {
		return err
	}
	if o.html != "" {
		if err := w.disk.WriteFile(o.html, func(out io.Writer) error { return report.WriteHTML(out, lang) }); err != nil {
			return err
		}
	}
	return g.printView(report, o.html, report.View(lang))
}

// parseLang reads the flag of that name.
func parseLang(text string) (page.Lang, error) {
	lang, err := page.ParseLang(text)
	if err != nil {
		return lang, usageError{fmt.Errorf("--lang: %w", err)}
	}
	return lang, nil
}

// printView prints a report as JSON where that is asked for, or else the file that its
// page was written to, or else its sections.
func (g *global) printView(report any, html string, view []page.Section) error {
	switch {
	case g.json:
		return printJSON(g.stdout, report)
	case html != "":
		_, err := fmt.Fprintf(g.stdout, "written to %s\n", html)
		return err
	}
	return printSections(g.stdout, view)
}

// withFeatures prepares a request for feature tables at the report's date, and
// at the date a span before, under the workspace's lock.
func (w *workspace) withFeatures(ctx context.Context, o reportOptions, bar *progress, work func([]features.Group, *training.Pipeline, features.Request) error) (err error) {
	lock, err := w.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	p, err := w.pipeline(jobOptions{asOf: o.asOf}, bar.step)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Engine.Close()) }()
	defer bar.end()
	r, err := w.request([]data.Day{p.Options.AsOf, p.Options.AsOf - loyalty.SpanDays})
	if err != nil {
		return err
	}
	r.AsOf = []data.Day{p.Options.AsOf}
	r.Progress = func(done, total int, _ string) { bar.step("features", done, total) }
	groups, err := w.groups()
	if err != nil {
		return err
	}
	return work(groups, p, r)
}

// printSections prints the sections of a report as tables.
func printSections(out io.Writer, sections []page.Section) error {
	for _, s := range sections {
		for _, text := range []string{s.Title, s.Definition, s.Absent} {
			if text != "" {
				fmt.Fprintln(out, text)
			}
		}
		if s.Absent != "" {
			fmt.Fprintln(out)
		}
		for _, t := range s.Tables {
			rows := [][]string{t.Header}
			for _, r := range t.Rows {
				row := make([]string, len(r))
				for i, c := range r {
					row[i] = printable(c.Text)
				}
				rows = append(rows, row)
			}
			if err := printTable(out, rows); err != nil {
				return err
			}
		}
		for _, n := range s.Notes {
			fmt.Fprintln(out, "note: "+n)
		}
	}
	return nil
}

// printable replaces what would steer a terminal or break a row; the text is a shop's data.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

func newReportClusters(g *global) *cobra.Command {
	var o reportOptions
	var k kmeans.Options
	cmd := &cobra.Command{Use: "clusters", Short: "Behavioural clusters of customers, described by what sets them apart",
		Long: `Behavioural clusters of the customers at a date: k-means++ on their standardised
features, the number of clusters chosen by silhouette. They are published as a
model version (models/clusters), with each customer's cluster; a date that has
been clustered is printed from there unless --force or a number of clusters asks
for it anew.`,
		Example: "  regulars report clusters --workspace my-shop --as-of 2011-12-08 --lang zh",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return g.reportClusters(cmd.Context(), o, k) }}
	o.flags(cmd)
	cmd.Flags().IntVar(&k.MinClusters, "min-clusters", 0, "fewest clusters tried (default 2)")
	cmd.Flags().IntVar(&k.MaxClusters, "max-clusters", 0, "most clusters tried (default 10)")
	cmd.Flags().BoolVar(&o.force, "force", false, "cluster again")
	return g.withJSON(cmd)
}

func (g *global) reportClusters(ctx context.Context, o reportOptions, k kmeans.Options) error {
	lang, err := parseLang(o.lang)
	if err != nil {
		return err
	}
	w, err := g.open(false)
	if err != nil {
		return err
	}
	var report *training.ClusterReport
	err = w.withFeatures(ctx, o, newProgress(g.stderr), func(groups []features.Group, p *training.Pipeline, r features.Request) error {
		if !o.force && k == (kmeans.Options{}) {
			if report, err = p.PublishedClusters(p.Options.AsOf); err != nil || report != nil {
				return err
			}
		}
		for _, group := range groups {
			if group.Entity == "user" && !group.Label {
				r.Groups = append(r.Groups, group)
			}
		}
		if _, err := p.Engine.Build(ctx, r); err != nil {
			return fmt.Errorf("building features: %w", err)
		}
		report, err = p.Clusters(ctx, groups, k)
		var option *models.OptionError
		if errors.As(err, &option) {
			return usageError{err}
		}
		return err
	})
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(g.stdout, report)
	}
	return printClusters(g.stdout, report, lang)
}

func printClusters(out io.Writer, r *training.ClusterReport, lang page.Lang) error {
	header := []string{"cluster", "customers", "share", "what sets them apart (typical value against all others)"}
	if lang == page.Chinese {
		header = []string{"群", "客户", "占比", "突出特征（本群典型值与其余客户对比）"}
	}
	rows := [][]string{header}
	for _, c := range r.Clusters {
		text := c.English
		if lang == page.Chinese {
			text = c.Chinese
		}
		rows = append(rows, []string{fmt.Sprint(c.Cluster), fmt.Sprint(c.Users), fmt.Sprintf("%.1f%%", 100*c.Share), text})
	}
	if err := printTable(out, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, filepath.ToSlash(filepath.Join("models", training.RoleClusters, r.Version)))
	return err
}
