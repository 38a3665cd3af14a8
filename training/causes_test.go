package training

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"regulars/data"
	"regulars/data/synth"
	"regulars/training/churn"
	"regulars/training/page"
)

// What is said of a segment without causes depends on whether anybody was lost.
func TestSegmentsWithoutCauses(t *testing.T) {
	segments := lostSegments([]churn.Lost{{Customers: 3, Lost: 3}, {Segment: "new", Customers: 2},
		{Segment: "heavy", Customers: 4, Lost: 2, Causes: []churn.Cause{{Column: 1, Customers: 2, Share: 1, Contribution: 0.5, Median: math.NaN(), MedianOthers: 3}}}},
		[]string{"frequency", "recency_days"}, 1)
	report := &ChurnReport{AsOf: "2025-12-31", From: "2025-10-02", By: ByOrders, Model: "gap", Segments: segments, Notes: []string{"a note"}}
	for _, c := range []struct {
		lang         page.Lang
		causes, lost string
	}{{page.English, "names no cause", "nobody was lost"}, {page.Chinese, "未给出原因", "没有顾客流失"}} {
		view := report.View(c.lang)
		if !strings.Contains(view[0].Absent, c.causes) || strings.Contains(view[0].Absent, c.lost) {
			t.Errorf("3 of 3 lost without a cause: %q", view[0].Absent)
		}
		if view[1].Absent != c.lost {
			t.Errorf("0 of 2 lost: %q", view[1].Absent)
		}
		if view[2].Absent != "" || len(view[2].Tables) != 1 || len(view[2].Tables[0].Rows) != 1 || !slices.Equal(view[2].Notes, report.Notes) {
			t.Errorf("2 of 4 lost by recency: %+v", view[2])
		}
	}
	text, err := json.Marshal(report)
	if err != nil || strings.Contains(string(text), `"causes":null`) || !strings.Contains(string(text), `"causes":[]`) {
		t.Errorf("%s, %v", text, err)
	}
	var html bytes.Buffer
	if err := report.WriteHTML(&html, page.English); err != nil || !strings.Contains(html.String(), "names no cause") {
		t.Errorf("%v, %s", err, html.String())
	}
}

// Where a sample was looked into, its counts stand for everybody; shares stay.
func TestCountsOfASampleAreScaled(t *testing.T) {
	rows := churn.Rows{X: leaky(1, 300).X}
	if got := (&inquest{rows: rows, all: 1200}).scale(); got != 4 {
		t.Fatalf("300 of 1,200 customers stand for %v each", got)
	}
	got := lostSegments([]churn.Lost{{Customers: 200, Lost: 100, Causes: []churn.Cause{{Customers: 50, Share: 0.5}}}}, []string{"recency_days"}, 4)[0]
	if got.Customers != 800 || got.Lost != 400 || got.Causes[0].Customers != 200 || got.Causes[0].Share != 0.5 {
		t.Errorf("%+v", got)
	}
}

// Causes are told of a shop too small, and of one too young, to compare models: by
// the gaps between orders.
func TestCausesOfASmallShop(t *testing.T) {
	for _, c := range []struct {
		name   string
		shop   synth.Options
		groups string // why none can be left out
	}{
		{"few customers", synth.Options{Users: 30, Items: 200, Seed: 1}, "no churn model to explain"},
		{"enough to choose by", synth.Options{Users: 80, Items: 200, Seed: 2}, "the churn model chosen is gap, which learns from no groups"},
		{"little history", synth.Options{Users: 100, Items: 200, Months: 5, Seed: 1}, "no churn model to explain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPipelineOf(t, c.shop, 0, everything)
			_, last, _, err := p.Lake.Span(data.Orders)
			if err != nil {
				t.Fatal(err)
			}
			p.Options.AsOf, p.Options.Overrides = last+1, mustOverrides(t)
			report, err := p.ChurnCauses(t.Context(), ByOrders)
			if err != nil {
				t.Fatal(err)
			}
			if all := report.Segments[0]; report.Model != churn.Gap || all.Lost == 0 || len(all.Causes) == 0 || len(report.Notes) == 0 {
				t.Errorf("%+v", report)
			}
			if _, err := p.DropOne(t.Context()); err == nil || !strings.Contains(err.Error(), c.groups) {
				t.Errorf("leaving out groups: %v, want %q", err, c.groups)
			}
		})
	}
}
