package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"regulars/cmd/regulars/config"
	"regulars/serving/events"
	"regulars/serving/filter"
	"regulars/serving/placement"
	shown "regulars/serving/served"
	"regulars/training/page"
)

// placementOptions are the flags of `report placement`.
type placementOptions struct{ from, to, lang, html string }

func newReportPlacement(g *global) *cobra.Command {
	var o placementOptions
	cmd := &cobra.Command{Use: "placement [NAME]", Short: "What was shown in a placement and what came of it, by arm of the trial",
		Long: `What was shown in a placement of regulars.yaml and what came of it, by arm of the
trial: lists, visitors, clicks, orders, revenue, and the shares and revenue of a list with
95% intervals over visitors. Without a name: of all placements.

What came of a list is known as far as clicks and purchases told to the server name
its recommendation_id, and is kept for serve.keep_events. Over HTTP:
GET /v1/placements/NAME/report.`,
		Example: `  regulars report placement --workspace my-shop home
  regulars report placement --workspace my-shop home --from 2026-11-01 --to 2026-11-15 --json
  regulars report placement --workspace my-shop --html placements.html --lang zh`,
		Args: arguments(0, 1, "at most the name of a placement"),
		RunE: func(cmd *cobra.Command, args []string) error {
			flag := func(name, value string) *string {
				if cmd.Flags().Changed(name) {
					return &value
				}
				return nil
			}
			from, to, err := shown.Period(flag("from", o.from), flag("to", o.to), time.Now())
			if err != nil {
				return usageError{err}
			}
			return g.reportPlacement(cmd.Context(), o, args, from, to)
		}}
	flags := cmd.Flags()
	flags.StringVar(&o.from, "from", "", "a day, which begins at midnight UTC, or an instant (default: 30 days before --to)")
	flags.StringVar(&o.to, "to", "", "likewise (default: now)")
	flags.StringVar(&o.lang, "lang", "en", "language: en or zh")
	flags.StringVar(&o.html, "html", "", "write a self-contained page to this file")
	return g.withJSON(cmd)
}

func (g *global) reportPlacement(ctx context.Context, o placementOptions, names []string, from, to time.Time) error {
	lang, err := parseLang(o.lang)
	if err != nil {
		return err
	}
	w, err := g.open(false)
	if err != nil {
		return err
	}
	reports, err := w.placementReports(ctx, names, from, to)
	if err != nil {
		return err
	}
	v := placementView{lang, w.config.Currency}
	sections := make([]page.Section, len(reports))
	for i, r := range reports {
		sections[i] = v.section(r)
	}
	if o.html != "" {
		p := page.Page{Lang: lang, Title: lang.Say("Placements", "展示位"), Sections: sections}
		if err := w.disk.WriteFile(o.html, func(out io.Writer) error { return p.Write(out) }); err != nil {
			return err
		}
	}
	return g.printView(map[string]any{"placements": reports}, o.html, sections)
}

// placementReports reports on the placements named, or on all.
func (w *workspace) placementReports(ctx context.Context, names []string, from, to time.Time) (reports []shown.Report, err error) {
	set, err := placement.NewSet(w.config.Placements, filter.CheckSyntax)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(w.dir, config.FileName), err)
	}
	known := set.Names()
	if len(known) == 0 {
		return nil, fmt.Errorf("%s names no placements", filepath.Join(w.dir, config.FileName))
	}
	if len(names) == 0 {
		names = known
	}
	r := &shown.Reporter{Dir: filepath.Join(w.dir, servedFolder), Set: set, Keep: time.Duration(w.config.Serve.KeepEvents)}
	db, err := w.openEvents()
	if err != nil {
		return nil, err
	}
	if db != nil {
		defer func() { err = errors.Join(err, db.Close()) }()
		r.Events = listEvents{db}
	}
	for _, name := range names {
		report, ok, err := r.Report(ctx, name, from, to)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, usageError{fmt.Errorf("there is no placement %q in %s; there are %v", name, config.FileName, known)}
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// listEvents is the event log as reports read it.
type listEvents struct{ db *events.DB }

func (l listEvents) OfLists(ctx context.Context, from, to time.Time, visit func(shown.Event) error) error {
	return l.db.OfLists(ctx, from, to, func(e events.ListEvent) error { return visit(shown.Event(e)) })
}

// placementView words a report.
type placementView struct {
	lang     page.Lang
	currency string
}

func (v placementView) section(r shown.Report) page.Section {
	l := v.lang
	s := page.Section{ID: r.Placement, Title: fmt.Sprintf("%s, %s – %s", r.Placement, r.From.Format(time.DateTime), r.To.Format(time.DateTime)),
		Definition: l.Say("Click-through, conversion, revenue: of a list, with 95% intervals over visitors.", "点击率、转化率、收入均按每个列表计，95% 区间按访客计算。")}
	revenue := l.Say("revenue", "收入")
	if v.currency != "" {
		revenue += " " + v.currency
	}
	t := page.Table{Header: []string{l.Say("arm", "分组"), l.Say("lists", "列表"), l.Say("visitors", "访客"), l.Say("impressions", "曝光"), l.Say("clicks", "点击"),
		l.Say("orders", "订单"), revenue, l.Say("click-through", "点击率"), l.Say("conversion", "转化率"), l.Say("revenue of a list", "每列表收入")}}
	clicked, bought := page.Bars{Title: l.Say("Click-through", "点击率")}, page.Bars{Title: l.Say("Conversion", "转化率")}
	for _, a := range r.Arms {
		t.Rows = append(t.Rows, page.Texts(a.Name, fmt.Sprint(a.Lists), fmt.Sprint(a.Visitors), fmt.Sprint(a.Impressions), fmt.Sprint(a.Clicks), fmt.Sprint(a.Orders),
			fmt.Sprintf("%.2f", a.Revenue), share(a.ClickThrough), share(a.Conversion), money(a.RevenuePerList)))
		clicked.Marks, bought.Marks = mark(clicked.Marks, a.Name, a.ClickThrough), mark(bought.Marks, a.Name, a.Conversion)
	}
	for _, a := range r.Arms {
		if d := a.Difference; d != nil {
			t.Rows = append(t.Rows, page.Texts(a.Name+" − "+r.Arms[0].Name, "", "", "", "", "", "", share(d.ClickThrough), share(d.Conversion), money(d.RevenuePerList)))
		}
	}
	s.Tables, s.Charts = []page.Table{t}, []page.Chart{clicked, bought}
	return s
}

func mark(marks []page.Mark, label string, e *shown.Estimate) []page.Mark {
	if e == nil {
		return marks
	}
	return append(marks, page.Mark{Label: label, Text: share(e), Value: e.Value})
}

// share is in percent.
func share(e *shown.Estimate) string {
	if e == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f%% (%.2f to %.2f)", 100*e.Value, 100*e.Low, 100*e.High)
}

func money(e *shown.Estimate) string {
	if e == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", e.Value, e.Low, e.High)
}
