package training

import (
	"fmt"
	"io"

	"regulars/features/lifecycle"
	"regulars/features/words"
	"regulars/training/churn"
	"regulars/training/page"
)

// WriteHTML writes the report as one page that needs nothing else.
func (r *ChurnReport) WriteHTML(w io.Writer, lang page.Lang) error {
	return page.Page{Lang: lang, Title: lang.Say("Why customers were lost", "顾客流失原因"), Sections: r.View(lang),
		Subtitle: fmt.Sprintf(lang.Say("Active on %s, no order before %s; as the model %s saw them on the first day", "%s 时活跃、至 %s 未再下单；以模型 %s 当日所见"), r.From, r.AsOf, r.Model)}.Write(w)
}

// View is the report as people read it: a section a segment.
func (r *ChurnReport) View(lang page.Lang) []page.Section {
	style := words.Style{Lang: lang.Code()}
	var out []page.Section
	for i, s := range r.Segments {
		section := page.Section{ID: fmt.Sprintf("segment-%d", i),
			Title: fmt.Sprintf(lang.Say("%s: %d of %d lost (%.0f%%)", "%s：流失 %d / %d（%.0f%%）"), segmentName(lang, s.Segment), s.Lost, s.Customers, 100*float64(s.Lost)/float64(max(s.Customers, 1)))}
		if i == 0 {
			section.Definition = lang.Say("A cause counts for a lost customer when it is among the three that spoke most for leaving. The pull is its part of the log-odds of leaving, mean over the lost less mean over those who stayed. It goes with leaving; whether changing it would have kept the customer is another question.",
				"若某原因位列推动该顾客流失的前三，则计入。“拉力”为其对流失对数几率的贡献：流失者均值减留存者均值。它与流失相伴，但改变它能否留住顾客是另一个问题。")
		}
		switch {
		case s.Lost == 0:
			section.Absent = lang.Say("nobody was lost", "没有顾客流失")
		case len(s.Causes) == 0:
			section.Absent = fmt.Sprintf(lang.Say("the model %s names no cause: nothing that it knew of these customers spoke for leaving", "模型 %s 未给出原因：就其所知，这些顾客身上没有指向流失的迹象"), r.Model)
		default:
			section.Charts = []page.Chart{causeBars(lang, style, s)}
			section.Tables = []page.Table{causeTable(lang, style, s)}
		}
		out = append(out, section)
	}
	if n := len(out); n > 0 {
		out[n-1].Notes = r.Notes
	}
	return out
}

func causeBars(lang page.Lang, style words.Style, s LostSegment) page.Bars {
	bars := page.Bars{Title: lang.Say("Share of the lost for whom it was a cause", "受此原因影响的流失顾客占比")}
	for _, c := range s.Causes {
		bars.Marks = append(bars.Marks, page.Mark{Label: style.Name(c.Feature), Text: fmt.Sprintf("%.0f%%", 100*c.Share), Value: c.Share})
	}
	return bars
}

func causeTable(lang page.Lang, style words.Style, s LostSegment) page.Table {
	t := page.Table{Header: []string{lang.Say("cause", "原因"), lang.Say("lost by it", "涉及流失顾客"), lang.Say("share", "占比"),
		lang.Say("median, lost", "流失者中位数"), lang.Say("median, stayed", "留存者中位数"), lang.Say("pull", "拉力")}}
	for _, c := range s.Causes {
		t.Rows = append(t.Rows, page.Texts(style.Name(c.Feature), fmt.Sprint(c.Customers), fmt.Sprintf("%.0f%%", 100*c.Share),
			shortNumber(c.Median), shortNumber(c.MedianStayed), fmt.Sprintf("%+.2f", c.Contribution-c.Stayed)))
	}
	return t
}

func shortNumber(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.4g", *v)
}

// segmentNames are the words for segments that are no state of the life cycle.
var segmentNames = map[string][2]string{
	"":           {"all active customers", "全部活跃顾客"},
	"new":        {"one order", "仅一单"},
	"light":      {"two to four orders", "二至四单"},
	"heavy":      {"five orders and more", "五单及以上"},
	churn.Lapsed: {"lapsed", "已沉默"},
	"core":       {"core", "核心价值"},
	"high_value": {"high value", "高价值"},
	"potential":  {"potential", "潜力"},
	"long_tail":  {"long tail", "长尾"},
}

func segmentName(lang page.Lang, name string) string {
	if n, ok := segmentNames[name]; ok {
		return lang.Say(n[0], n[1])
	}
	if s, err := lifecycle.Parse(name); err == nil {
		return lang.Say(s.Name().English, s.Name().Chinese)
	}
	return name
}
