package loyalty

import (
	"fmt"
	"strconv"

	"regulars/training/page"
)

// viewer says a report in one language.
type viewer struct {
	*Report
	lang page.Lang
}

// View returns the sections of the report in order.
func (r *Report) View(lang page.Lang) []page.Section {
	v := viewer{r, lang}
	sections := []page.Section{v.overview(), v.value(), v.nps(), v.cohorts(), v.stages(), v.funnel(), v.onboarding(),
		v.secondOrder(), v.leavers(), v.referrals(), v.complaints(), v.promotions(), v.loyal()}
	for i := range sections {
		s := &sections[i]
		if why := r.Absent[s.ID]; why != "" && len(s.Tables) == 0 {
			s.Absent = lang.Say("Not available: ", "暂无：") + reason(lang, why)
		}
	}
	return sections
}

func (v viewer) section(id, en, zh, definitionEN, definitionZH string) page.Section {
	return page.Section{ID: id, Title: v.lang.Say(en, zh), Definition: v.lang.Say(definitionEN, definitionZH)}
}

func count[T int | int64](n T) string { return strconv.FormatInt(int64(n), 10) }

func number(f *float64, decimals int) string {
	if f == nil {
		return "–"
	}
	return strconv.FormatFloat(*f, 'f', decimals, 64)
}

func percent(f *float64) string {
	if f == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f%%", 100**f)
}

func (s *Share) text() string {
	if s == nil {
		return "–"
	}
	return s.String()
}

func (v viewer) money(f *float64) string {
	if f == nil || v.Currency == "" {
		return number(f, 2)
	}
	return number(f, 2) + " " + v.Currency
}

func (v viewer) days(n int) string {
	return v.lang.Say(fmt.Sprintf("%d days", n), fmt.Sprintf("%d 天", n))
}

// bars makes a chart of shares; those without a rate are left out.
func bars(title string, labels []string, shares []*Share) page.Bars {
	c := page.Bars{Title: title}
	for i, s := range shares {
		if s != nil && s.Rate != nil {
			c.Marks = append(c.Marks, page.Mark{Label: labels[i], Text: percent(s.Rate), Value: *s.Rate})
		}
	}
	return c
}

func (v viewer) overview() page.Section {
	s := v.section(sectionWindows, "Repurchase, retention, churn, frequency, spend", "复购、留存、流失、频次与消费",
		"Each row is the days before as_of. Repurchase: of the customers with an order in the window, those with two and more. Retention: of the customers of the equally long window before, those who ordered in this one; churn is the rest. Both are left out where the history is too short. Frequency: orders per customer.",
		"每行为截止日前的若干天。复购率：窗口内有订单的客户中下过两单及以上者。留存率：上一个等长窗口的客户中在本窗口再次下单者，其余为流失。历史不足时不显示。频次：每位客户的订单数。")
	if len(v.Windows) == 0 {
		return s
	}
	l := v.lang
	t := page.Table{Header: []string{l.Say("window", "窗口"), l.Say("customers", "客户"), l.Say("orders", "订单"), l.Say("repurchase", "复购率"), l.Say("retention", "留存率"),
		l.Say("churn", "流失率"), l.Say("frequency", "频次"), l.Say("spend per customer", "客均消费"), l.Say("spend per order", "单均消费")}}
	var labels []string
	var repurchase, retention []*Share
	for _, w := range v.Windows {
		t.Rows = append(t.Rows, page.Texts(v.days(w.Days), count(w.Customers), count(w.Orders), w.Repurchase.text(), w.Retention.text(),
			w.Churn.text(), number(w.Frequency, 2), v.money(w.SpendPerCustomer), v.money(w.SpendPerOrder)))
		labels, repurchase, retention = append(labels, v.days(w.Days)), append(repurchase, w.Repurchase), append(retention, w.Retention)
	}
	s.Tables = []page.Table{t}
	s.Charts = []page.Chart{bars(l.Say("Repurchase rate by window", "各窗口复购率"), labels, repurchase), bars(l.Say("Retention by window", "各窗口留存率"), labels, retention)}
	return s
}

func (v viewer) value() page.Section {
	s := v.section(sectionValue, "Historic lifetime value", "历史生命周期价值",
		"What customers have spent from their first order to as_of, on average over all who have ever ordered.", "客户自首单至截止日的累计消费，对所有下过单的客户取平均。")
	if v.Value == nil {
		return s
	}
	l := v.lang
	s.Tables = []page.Table{{Header: []string{l.Say("customers", "客户"), l.Say("mean spend", "平均消费"), l.Say("returns deducted", "扣除退货"),
		l.Say("mean days since first order", "距首单平均天数"), l.Say("share of spend of the top tenth", "前 10% 客户的消费占比")},
		Rows: [][]page.Cell{page.Texts(count(v.Value.Customers), v.money(v.Value.Mean), v.money(v.Value.Net), number(v.Value.Tenure, 0), percent(v.Value.TopTenth))}}}
	return s
}

func (v viewer) nps() page.Section {
	s := v.section(sectionNPS, "Net promoter score", "净推荐值（NPS）",
		"The last answer of each customer in the 365 days before as_of: promoters (9–10) minus detractors (0–6), in percent of the answers.",
		"取每位客户在截止日前 365 天内的最后一次回答：推荐者（9–10 分）占比减去贬损者（0–6 分）占比。")
	if v.NPS == nil {
		return s
	}
	l := v.lang
	s.Tables = []page.Table{{Header: []string{"NPS", l.Say("answers", "回答"), l.Say("promoters", "推荐者"), l.Say("detractors", "贬损者")},
		Rows: [][]page.Cell{page.Texts(number(v.NPS.Score, 1), count(v.NPS.Answers), count(v.NPS.Promoters), count(v.NPS.Detractors))}}}
	return s
}

func (v viewer) cohorts() page.Section {
	s := v.section(sectionCohorts, "Cohort retention", "同期群留存",
		"Of the customers whose first order was in a month, the share with an order so many months later; months in the shop's time zone. The last month of a row, marked *, may not have ended at as_of.",
		"首单在某月的客户中，若干个月后仍有订单的比例；按店铺时区的自然月。标 * 的月份在截止日时可能尚未结束。")
	if len(v.Cohorts) == 0 {
		return s
	}
	longest := 0
	for _, c := range v.Cohorts {
		longest = max(longest, len(c.Active))
	}
	t := page.Table{Dense: true, Header: []string{v.lang.Say("first order", "首单月份"), v.lang.Say("customers", "客户")}}
	for m := range longest {
		t.Header = append(t.Header, count(m))
	}
	for _, c := range v.Cohorts {
		row := page.Texts(c.Month, count(c.Customers))
		for m, active := range c.Active {
			rate := share(active, c.Customers).Rate
			cell := page.Cell{Text: percent(rate), Heat: rate}
			if m >= c.Complete {
				cell.Text += "*"
			}
			row = append(row, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	s.Tables = []page.Table{t}
	s.Charts = []page.Chart{v.retentionCurve(longest)}
	return s
}

// retentionCurve adds up all cohorts whose month so many months later has ended,
// from the month after the first order on.
func (v viewer) retentionCurve(longest int) page.Trend {
	c := page.Trend{Title: v.lang.Say("All cohorts: share active by months since the first order", "全部同期群：首单后各月的活跃比例")}
	for m := 1; m < longest; m++ {
		var active, customers int64
		for _, k := range v.Cohorts {
			if m < k.Complete {
				active, customers = active+k.Active[m], customers+k.Customers
			}
		}
		if rate := share(active, customers).Rate; rate != nil {
			c.Marks = append(c.Marks, page.Mark{Label: count(m), Text: percent(rate), Value: *rate})
		}
	}
	return c
}

func (v viewer) stages() page.Section {
	s := v.section(sectionStages, "Life-cycle stages", "生命周期阶段",
		fmt.Sprintf("Customers by stage at as_of and %d days earlier, and what matters there. Of those now in the stage: activity (an order in 30 days), repurchase (two orders in 90 days), mean spend, NPS. Of those in it %d days earlier: retention (an order since), conversion (now a stage further), churn (no order since). Win-back: of those lost %d days earlier, an order since. Repeat churn: of those who came back in a year, no further order within so many days.", SpanDays, SpanDays, SpanDays),
		fmt.Sprintf("截止日与 %d 天前各阶段的客户数及该阶段的关键指标。当前处于该阶段者：活跃（30 天内有订单）、复购（90 天内两单）、平均消费、NPS。%d 天前处于该阶段者：留存（此后有订单）、转化（已进入后续阶段）、流失（此后无订单）。赢回率：%d 天前已流失者中此后有订单的比例。再次流失：一年内回归者在若干天内未再下单的比例。", SpanDays, SpanDays, SpanDays))
	if v.Stages == nil {
		return s
	}
	l := v.lang
	t := page.Table{Wordy: true, Header: []string{l.Say("stage", "阶段"), l.Say("customers", "客户"), v.days(v.Stages.SpanDays) + l.Say(" earlier", "前"), l.Say("metrics", "指标")}}
	chart := page.Bars{Title: l.Say("Customers by stage", "各阶段客户数")}
	for _, g := range v.Stages.Stages {
		t.Rows = append(t.Rows, page.Texts(name(l, g.State), count(g.Customers), count(g.Before), v.stageMetrics(g)))
		chart.Marks = append(chart.Marks, page.Mark{Label: name(l, g.State), Text: count(g.Customers), Value: float64(g.Customers)})
	}
	s.Tables, s.Charts = []page.Table{t}, []page.Chart{chart}
	return s
}

func (v viewer) stageMetrics(g Stage) string {
	l, out := v.lang, ""
	add := func(name, text string) {
		if out != "" {
			out += l.Say("; ", "；")
		}
		out += name + " " + text
	}
	for _, m := range []struct {
		en, zh string
		share  *Share
	}{{"activity", "活跃", g.Activity}, {"retention", "留存", g.Retention}, {"conversion", "转化", g.Conversion},
		{"churn", "流失", g.Churn}, {"repurchase", "复购", g.Repurchase}, {"win-back", "赢回", g.WinBack}} {
		if m.share != nil {
			add(l.Say(m.en, m.zh), m.share.text())
		}
	}
	if g.Value != nil {
		add(l.Say("mean spend", "平均消费"), v.money(g.Value))
	}
	if g.NPS != nil {
		add("NPS", number(g.NPS.Score, 1)+fmt.Sprintf(" (%d)", g.NPS.Answers))
	}
	for _, c := range g.RepeatChurn {
		add(l.Say("repeat churn in ", "再次流失 ")+v.days(c.Days), c.Churn.text())
	}
	return out
}

func (v viewer) steps(s page.Section, steps []Step, title string) page.Section {
	if len(steps) == 0 {
		return s
	}
	l := v.lang
	t := page.Table{Header: []string{l.Say("step", "步骤"), l.Say("customers", "客户"), l.Say("of those who signed up", "占注册客户")}}
	chart := page.Bars{Title: title}
	for _, p := range steps {
		t.Rows = append(t.Rows, page.Texts(name(l, p.Step), count(p.Customers), percent(p.OfFirst.Rate)))
		chart.Marks = append(chart.Marks, page.Mark{Label: name(l, p.Step), Text: count(p.Customers), Value: float64(p.Customers)})
	}
	s.Tables, s.Charts = []page.Table{t}, []page.Chart{chart}
	return s
}

func (v viewer) funnel() page.Section {
	return v.steps(v.section(sectionFunnel, "New-customer funnel", "新客漏斗",
		"Customers who signed up in the year that ends 30 days before as_of (unless configured otherwise), and how far they have come by as_of.",
		"截止日前 30 天（可配置）以前一年内注册的客户，及其至截止日走到的步骤。"), v.Funnel, v.lang.Say("Customers by step", "各步骤客户数"))
}

func (v viewer) onboarding() page.Section {
	return v.steps(v.section(sectionOnboarding, "Onboarding steps", "引导步骤",
		"The same customers by the onboarding steps they took.", "同一批客户完成的各引导步骤。"), v.Onboarding, v.lang.Say("Customers by onboarding step", "各引导步骤客户数"))
}

func (v viewer) secondOrder() page.Section {
	s := v.section(sectionSecond, "From the first order to the second", "首单到第二单",
		"Of the customers whose first order lies in the year that ends so many days before as_of, those whose second order came within so many days; the median is of these.",
		"首单在截止日前若干天以前一年内的客户中，若干天内下第二单的比例；中位天数仅针对这些客户。")
	if len(v.SecondOrder) == 0 {
		return s
	}
	l := v.lang
	t := page.Table{Header: []string{l.Say("within", "期限"), l.Say("second order", "第二单比例"), l.Say("median days", "中位天数")}}
	var labels []string
	var shares []*Share
	for _, o := range v.SecondOrder {
		t.Rows = append(t.Rows, page.Texts(v.days(o.Days), o.Rate.String(), number(o.MedianDays, 1)))
		labels, shares = append(labels, v.days(o.Days)), append(shares, &o.Rate)
	}
	s.Tables, s.Charts = []page.Table{t}, []page.Chart{bars(l.Say("Second order within", "期限内下第二单"), labels, shares)}
	return s
}

func (v viewer) leavers() page.Section {
	s := v.section(sectionLeavers, "Why customers left", "客户为何离开",
		"Customers who passed 90 days without an order (unless configured otherwise) in the year before as_of, by the last signal from 30 days before their last order until they left. Price: no such signal, and at least half of the order lines bought at a discount. A signal is not a proof of the cause; signals that the lake knows nothing of are left out.",
		"截止日前一年内满 90 天（可配置）未下单的客户，按其末单前 30 天至离开之间的最后一个信号划分。价格：无此类信号，且至少一半订单行为折扣购买。信号不等于原因；数据湖中没有记录的信号不列出。")
	if len(v.Leavers) == 0 {
		return s
	}
	l := v.lang
	t := page.Table{Header: []string{l.Say("segment", "客群")}}
	sums := map[string]int64{}
	for _, r := range v.Leavers[0].Reasons {
		t.Header = append(t.Header, name(l, r.Reason))
	}
	for _, g := range v.Leavers {
		row := page.Texts(name(l, g.Segment))
		for _, r := range g.Reasons {
			row = append(row, page.Cell{Text: r.Customers.String(), Heat: r.Customers.Rate})
			sums[r.Reason] += r.Customers.Part
		}
		t.Rows = append(t.Rows, row)
	}
	chart := page.Bars{Title: l.Say("Customers who left, by last signal", "离开客户的最后信号")}
	for _, r := range v.Leavers[0].Reasons {
		chart.Marks = append(chart.Marks, page.Mark{Label: name(l, r.Reason), Text: count(sums[r.Reason]), Value: float64(sums[r.Reason])})
	}
	s.Tables, s.Charts = []page.Table{t}, []page.Chart{chart}
	return s
}

func (v viewer) referrals() page.Section {
	s := v.section(sectionReferrals, "Referrals", "推荐",
		"Of those who signed up in the days before as_of, the share referred by a customer; of the referred, those who ordered; and the referrers among all customers.",
		"截止日前若干天内注册者中由客户推荐的比例；被推荐者中已下单的比例；以及推荐人占全部客户的比例。")
	if len(v.Referrals) == 0 {
		return s
	}
	l := v.lang
	t := page.Table{Header: []string{l.Say("window", "窗口"), l.Say("referral rate", "推荐率"), l.Say("ordered", "已下单"), l.Say("referrers", "推荐人"), l.Say("spend of the referred", "被推荐者消费")}}
	for _, f := range v.Referrals {
		t.Rows = append(t.Rows, page.Texts(v.days(f.Days), f.Rate.String(), f.Bought.String(), f.Referrers.String(), v.money(f.Spend)))
	}
	s.Tables = []page.Table{t}
	return s
}

func (v viewer) complaints() page.Section {
	s := v.section(sectionComplaints, "Complaints by theme", "投诉主题",
		"Feedback of kind complaint before as_of; the theme is the first word of the text.", "截止日前类型为 complaint 的反馈；主题为文本的第一个词。")
	if len(v.Complaints) == 0 {
		return s
	}
	l := v.lang
	t := page.Table{Header: []string{l.Say("theme", "主题"), v.days(30), v.days(90), v.days(365), l.Say("customers", "客户")}}
	chart := page.Bars{Title: l.Say("Complaints in 365 days", "365 天内投诉数")}
	for i, c := range v.Complaints {
		theme := c.Theme
		if theme == "" {
			theme = l.Say("(no text)", "（无文本）")
		}
		t.Rows = append(t.Rows, page.Texts(theme, count(c.Last30), count(c.Last90), count(c.Last365), count(c.Customers)))
		if i < 10 {
			chart.Marks = append(chart.Marks, page.Mark{Label: theme, Text: count(c.Last365), Value: float64(c.Last365)})
		}
	}
	s.Tables, s.Charts = []page.Table{t}, []page.Chart{chart}
	return s
}

// mostPromotions is how many promotions a reader is shown; JSON has all.
const mostPromotions = 50

func (v viewer) promotions() page.Section {
	s := v.section(sectionPromotions, "Promotions before, during and after", "促销前、中、后",
		"Spend on what the promotion covers in spans of equal length before, during and after it, the latest promotions first. This compares spans of time; it does not say what would have happened without the promotion. – = not known yet, or before the history.",
		"促销覆盖范围内、等长的促销前、中、后时段的消费额，最近的促销在前。这是时段对比，并不说明没有促销时会怎样。– 表示尚未可知或早于历史数据。")
	if len(v.Promotions) == 0 {
		return s
	}
	l := v.lang
	t := page.Table{Header: []string{l.Say("promotion", "促销"), l.Say("kind", "类型"), l.Say("scope", "范围"), l.Say("from", "开始"), l.Say("span", "时长"),
		l.Say("before", "促销前"), l.Say("during", "促销中"), l.Say("after", "促销后"), l.Say("during / before", "中/前"), l.Say("after / before", "后/前")}}
	chart := page.Bars{Title: l.Say("Spend during / before (100% = as before)", "促销中/促销前消费（100% 为持平）")}
	for i, p := range v.Promotions {
		if i == mostPromotions {
			break
		}
		during, after := over(&p.Spend.During, p.Spend.Before), over(p.Spend.After, p.Spend.Before)
		span := v.days(p.Days)
		if p.Running {
			span += l.Say(", running", "，进行中")
		}
		t.Rows = append(t.Rows, page.Texts(p.ID, p.Kind, name(l, p.Scope), p.Start, span, v.money(p.Spend.Before), v.money(&p.Spend.During),
			v.money(p.Spend.After), percent(during), percent(after)))
		if during != nil && len(chart.Marks) < 10 {
			chart.Marks = append(chart.Marks, page.Mark{Label: p.ID, Text: percent(during), Value: *during})
		}
	}
	s.Tables, s.Charts = []page.Table{t}, []page.Chart{chart}
	return s
}

func over(a, b *float64) *float64 {
	if a == nil || b == nil {
		return nil
	}
	return ratio(*a, *b)
}

func (v viewer) loyal() page.Section {
	s := v.section(sectionLoyal, "Loyal customers", "忠诚客户",
		"Customers with an order in the 365 days before as_of who repurchase as a rule: the share of their order days followed by another within 90 days (unless configured otherwise) is at least the threshold.",
		"截止日前 365 天内有订单、且习惯性复购的客户：其下单日在 90 天（可配置）内又有订单的比例达到阈值。")
	if v.Loyal == nil {
		return s
	}
	l := v.lang
	t := page.Table{Header: []string{l.Say("segment", "客群"), l.Say("loyal", "忠诚客户"), l.Say("threshold", "阈值"), l.Say("share of spend", "消费占比")},
		Rows: [][]page.Cell{page.Texts(l.Say("all", "全部"), v.Loyal.All.String(), percent(&v.Loyal.Threshold), percent(v.Loyal.Spend))}}
	labels, shares := []string{l.Say("all", "全部")}, []*Share{&v.Loyal.All}
	for _, g := range v.Loyal.Segments {
		t.Rows = append(t.Rows, page.Texts(name(l, g.Segment), g.Loyal.String(), "", ""))
		labels, shares = append(labels, name(l, g.Segment)), append(shares, &g.Loyal)
	}
	s.Tables, s.Charts = []page.Table{t}, []page.Chart{bars(l.Say("Share of loyal customers", "忠诚客户占比"), labels, shares)}
	return s
}
