package propensity

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"regulars/training/metrics"
	"regulars/training/page"
)

// WriteHTML writes the report as one page that needs nothing else. The request must
// have asked for Explain. All data is escaped.
func (r *Report) WriteHTML(w io.Writer, lang page.Lang) error {
	v := viewer{r, lang}
	return page.Page{Lang: lang, Title: lang.Say("Which model tells ", "模型对比：预测 ") + r.about.label, Subtitle: v.subtitle(),
		Sections: []page.Section{v.models(), v.curves(), v.reliability(), v.contributions(), v.options(), v.leaks(), v.notes()}}.Write(w)
}

// viewer says a report in one language.
type viewer struct {
	*Report
	lang page.Lang
}

func (v viewer) subtitle() string {
	a := v.about
	rate := 100 * float64(a.positive) / float64(a.testRows)
	return fmt.Sprintf(v.lang.Say("learned from %d rows of %s, measured on %d rows of %s, of which %.1f%% are true",
		"在 %[2]s 的 %[1]d 行上学习，在 %[4]s 的 %[3]d 行上评估，其中 %.1[5]f%% 为真"), a.trainRows, filepath.Base(a.train), a.testRows, filepath.Base(a.test), rate)
}

func (v viewer) section(id, en, zh, definitionEN, definitionZH string) page.Section {
	return page.Section{ID: id, Title: v.lang.Say(en, zh), Definition: v.lang.Say(definitionEN, definitionZH)}
}

// metricNames are the figures of the tables, a table a row.
var metricNames = [][]struct{ key, en, zh string }{
	{{"auc", "AUC", "AUC"}, {"pr_auc", "PR-AUC", "PR-AUC"}, {"log_loss", "log loss", "对数损失"}, {"brier", "Brier", "Brier 分数"}},
	{{"ece", "calibration error", "校准误差"}, {"calibration_slope", "calibration slope", "校准斜率"}, {"lift@10%", "lift of the top tenth", "前 10% 提升度"}},
}

func (v viewer) models() page.Section {
	s := v.section("models", "Models", "模型",
		"In brackets 95% intervals over rows. AUC, PR-AUC and lift: higher is better; log loss, Brier and calibration error: lower; a slope of 1 is well spread. Chosen (bold) is the model with the smallest log loss on a part of the training rows that was kept back, not on these.",
		"括号内为按行抽样的 95% 区间。AUC、PR-AUC、提升度越高越好；对数损失、Brier 分数、校准误差越低越好；校准斜率以 1 为佳。加粗者为在留出的部分训练数据（而非测试数据）上对数损失最小的模型。")
	for _, names := range metricNames {
		t := page.Table{Header: []string{v.lang.Say("model", "模型")}}
		for _, n := range names {
			t.Header = append(t.Header, v.lang.Say(n.en, n.zh))
		}
		for _, m := range v.Results {
			row := []page.Cell{v.modelCell(m)}
			for _, n := range names {
				row = append(row, page.Cell{Text: v.figure(m.Metrics[n.key], "%.4f"), Strong: m.Model == v.Chosen})
			}
			t.Rows = append(t.Rows, row)
		}
		s.Tables = append(s.Tables, t)
	}
	return v.withDifferences(s)
}

func (v viewer) modelCell(m Result) page.Cell {
	return page.Cell{Text: m.Model, Strong: m.Model == v.Chosen}
}

// figure writes a value and its interval; – where there is none.
func (v viewer) figure(m metrics.Metric, format string) string {
	switch {
	case m == metrics.Metric{}:
		return "–"
	case m.Low == nil:
		return strings.ReplaceAll(fmt.Sprintf(format, m.Value), "-", "−")
	}
	text := fmt.Sprintf(format+" ("+format+"%s"+format+")", m.Value, *m.Low, v.lang.Say(" to ", " 至 "), *m.High)
	return strings.ReplaceAll(text, "-", "−")
}

// withDifferences adds what each model gains on the baseline, row by row.
func (v viewer) withDifferences(s page.Section) page.Section {
	t := page.Table{Title: v.lang.Say("Minus "+BaseRate+", row by row", "与 "+BaseRate+" 逐行相减"),
		Header: []string{v.lang.Say("model", "模型"), v.lang.Say("log loss", "对数损失"), v.lang.Say("Brier", "Brier 分数"),
			v.lang.Say("fit", "训练"), v.lang.Say("score", "打分"), v.lang.Say("memory", "内存")}}
	for _, m := range v.Results {
		d := m.Differences[BaseRate]
		row := page.Texts(v.figure(d["log_loss"], "%+.4f"), v.figure(d["brier"], "%+.4f"), fmt.Sprintf("%.1f s", m.FitSeconds), fmt.Sprintf("%.1f s", m.ScoreSeconds), fmt.Sprintf("%d MiB", m.PeakRSSBytes>>20))
		t.Rows = append(t.Rows, append([]page.Cell{v.modelCell(m)}, row...))
	}
	s.Tables = append(s.Tables, t)
	return s
}

// drawn are the results whose curves say something: the baseline only where it is alone.
func (v viewer) drawn() []Result {
	return slices.DeleteFunc(slices.Clone(v.Results), func(m Result) bool { return m.curves == nil || m.Baseline && len(v.Results) > 1 })
}

func (v viewer) curves() page.Section {
	s := v.section("curves", "Ranking", "排序能力",
		"ROC: of the true rows, the share found at each share of false ones taken along; the dashed line is chance. Precision and recall: of the rows taken, how many are true, by the share of true rows found. Gains: the share of all true rows among so many rows ranked highest. Lift: the same as a multiple of chance.",
		"ROC：在不同误取比例下找回的真实正例比例，虚线为随机水平。精确率与召回率：所取行中正例的占比，随找回比例变化。增益：得分最高的若干行中包含的正例比例。提升度：相对于随机水平的倍数。")
	roc, precision, gains, lift := v.plots()
	for _, m := range v.drawn() {
		roc.Lines = append(roc.Lines, page.Line{Name: m.Model, Points: points(m.curves.ROC)})
		precision.Lines = append(precision.Lines, page.Line{Name: m.Model, Points: points(m.curves.Precision)})
		gains.Lines = append(gains.Lines, page.Line{Name: m.Model, Points: points(m.curves.Gains)})
		lift.Lines = append(lift.Lines, page.Line{Name: m.Model, Points: liftOf(m.curves.Gains)})
	}
	s.Charts = []page.Chart{roc, precision, gains, lift}
	return s
}

// plots are the four without their lines but for that of chance.
func (v viewer) plots() (roc, precision, gains, lift page.Plot) {
	rate := float64(v.about.positive) / float64(v.about.testRows)
	chance := v.lang.Say("chance", "随机")
	level := func(y float64) []page.Line {
		return []page.Line{{Name: chance, Points: []page.Point{{X: 0, Y: y}, {X: 1, Y: y}}, Reference: true}}
	}
	rows, found := v.lang.Say("share of rows, ranked highest first", "行占比（按得分从高到低）"), v.lang.Say("share of true rows found", "找回的正例比例")
	roc = page.Plot{Title: "ROC", X: v.lang.Say("share of false rows taken", "误取的负例比例"), Y: found, MaxX: 1, MaxY: 1, Diagonal: chance}
	precision = page.Plot{Title: v.lang.Say("Precision and recall", "精确率与召回率"), X: found, Y: v.lang.Say("precision", "精确率"), MaxX: 1, MaxY: 1, Lines: level(rate)}
	gains = page.Plot{Title: v.lang.Say("Gains", "增益"), X: rows, Y: found, MaxX: 1, MaxY: 1, Diagonal: chance}
	lift = page.Plot{Title: v.lang.Say("Lift", "提升度"), X: rows, Y: v.lang.Say("times chance", "相对随机的倍数"), MaxX: 1, Lines: level(1)}
	return roc, precision, gains, lift
}

func points(curve []metrics.Point) []page.Point {
	out := make([]page.Point, len(curve))
	for i, p := range curve {
		out[i] = page.Point(p)
	}
	return out
}

// leastLift is the share of rows from which lift is drawn: of fewer it is noise.
const leastLift = 0.01

func liftOf(gains []metrics.Point) []page.Point {
	var out []page.Point
	for _, p := range gains {
		if p.X >= leastLift {
			out = append(out, page.Point{X: p.X, Y: p.Y / p.X})
		}
	}
	return out
}

func (v viewer) reliability() page.Section {
	s := v.section("reliability", "Reliability", "概率可靠性",
		"Ten groups of equally many rows by predicted probability: what was predicted on average and how often it came true, with 95% intervals. On the dashed line probabilities come true as often as they say. Below, how many rows have which probability.",
		"按预测概率分成行数相等的十组：各组的平均预测概率与实际发生率，附 95% 区间。落在虚线上表示概率与实际一致。下方为预测概率的分布。")
	for _, m := range v.drawn() {
		s.Charts = append(s.Charts, v.reliable(m))
	}
	return s
}

func (v viewer) reliable(m Result) page.Plot {
	observed := page.Line{Name: v.lang.Say("observed", "实际"), Dots: true}
	top := 0.0
	for _, b := range m.curves.Reliable {
		observed.Points = append(observed.Points, page.Point{X: b.Probability, Y: b.Rate})
		observed.Spans = append(observed.Spans, page.Span{Low: b.Low, High: b.High})
		top = max(top, b.Probability, b.High)
	}
	p := page.Plot{Title: m.Model, X: v.lang.Say("predicted probability", "预测概率"), Y: v.lang.Say("share that came true", "实际发生率"), MaxX: top, MaxY: top,
		Lines: []page.Line{observed}, Diagonal: v.lang.Say("as predicted", "与预测一致")}
	for _, n := range m.curves.Histogram {
		p.Histogram = append(p.Histogram, float64(n))
	}
	return p
}

func (v viewer) contributions() page.Section {
	s := v.section("contributions", "What columns contribute", "各列的贡献",
		fmt.Sprintf("What each column adds to the log-odds of single rows of test (at most %d, evenly spread), of the %d columns that move predictions most. To the right: raises the probability, to the left: lowers it; as high as there are many such rows. Red: high values of the column, blue: low ones; ochre: texts and missing values. At the right the mean size. A contribution tells what the model does with a column, not what changing it would cause.", explainedRows, shownEffects),
		fmt.Sprintf("各列对测试数据单行（至多 %d 行，均匀抽取）对数几率的贡献，列出影响最大的 %d 列。向右为提高概率，向左为降低概率，高度表示此类行的多少。红色为该列取值高，蓝色为取值低，土黄色为文本或缺失值。右侧为平均绝对贡献。贡献说明模型如何使用该列，并不意味着改变该列会带来相应结果。", explainedRows, shownEffects))
	var silent []string
	for _, m := range v.drawn() {
		if m.effects == nil {
			silent = append(silent, m.Model)
			continue
		}
		s.Charts = append(s.Charts, v.strips(m))
	}
	if len(silent) > 0 {
		s.Notes = []string{v.lang.Say("not told by: ", "无法给出贡献的模型：") + strings.Join(silent, v.lang.Say(", ", "、"))}
	}
	return s
}

func (v viewer) strips(m Result) page.Strips {
	c := page.Strips{Title: m.Model, Effect: v.lang.Say("contribution to the log-odds", "对对数几率的贡献"), Mean: v.lang.Say("mean size", "平均绝对值"),
		Low: v.lang.Say("low values", "取值低"), High: v.lang.Say("high values", "取值高"), None: v.lang.Say("text or missing", "文本或缺失")}
	for _, e := range m.effects {
		c.Rows = append(c.Rows, page.Strip{Label: e.column, Mean: e.mean, Effects: e.contributions, Values: e.values})
	}
	return c
}

func (v viewer) options() page.Section {
	s := v.section("options", "Options", "参数", "What each model was fitted with, and the calibration where it lowered the log loss.", "各模型训练时的参数；若校准能降低对数损失，则列出校准参数。")
	t := page.Table{Header: []string{v.lang.Say("model", "模型"), v.lang.Say("options", "参数")}, Wordy: true}
	for _, m := range v.Results {
		var words []string
		for _, name := range slices.Sorted(maps.Keys(m.Options)) {
			words = append(words, fmt.Sprintf("%s=%v", name, m.Options[name]))
		}
		for _, name := range slices.Sorted(maps.Keys(m.Parameters)) {
			words = append(words, name+"="+strconv.FormatFloat(m.Parameters[name], 'g', 4, 64))
		}
		t.Rows = append(t.Rows, page.Texts(m.Model, strings.Join(words, " ")))
	}
	s.Tables = []page.Table{t}
	return s
}

func (v viewer) leaks() page.Section {
	s := v.section("leaks", "Leaks", "标签泄漏", "Columns that tell the label in a way they could not at the time of scoring, and that were allowed nevertheless.", "以打分时不可能具备的方式透露标签、但被允许使用的列。")
	for _, f := range v.Leaks {
		s.Notes = append(s.Notes, v.leak(f))
	}
	if len(s.Notes) == 0 {
		s.Absent = v.lang.Say("None were found.", "未发现。")
	}
	return s
}

func (v viewer) notes() page.Section {
	s := v.section("notes", "Notes", "说明", "How the files were read and the models fitted.", "文件读取与模型训练的说明。")
	for _, l := range v.Left {
		s.Notes = append(s.Notes, fmt.Sprintf(v.lang.Say("%s: %d rows left out", "%s：略去 %d 行"), filepath.Base(l.File), l.Rows))
		for _, e := range l.Examples {
			s.Notes = append(s.Notes, fmt.Sprintf(v.lang.Say("for example row %d: %s", "例如第 %d 行：%s"), e.Number, e.Reason))
		}
	}
	for _, n := range v.Notes {
		s.Notes = append(s.Notes, v.note(n))
	}
	return s
}
