package loyalty

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed report.html
var pageText string

var page = template.Must(template.New("report").Funcs(template.FuncMap{"heat": heat, "bars": drawBars, "line": drawLine}).Parse(pageText))

// WriteHTML writes the report as one page that needs nothing else: no script,
// no style sheet, no image. All data is escaped.
func (r *Report) WriteHTML(w io.Writer, lang Lang) error {
	err := page.Execute(w, struct {
		Lang, Title, Subtitle string
		Sections              []Section
	}{lang.say("en", "zh"), lang.say("Loyalty report", "忠诚度报告"),
		lang.say("What was known before "+r.AsOf+" 00:00 UTC", "截至 "+r.AsOf+" 00:00（UTC）之前的数据"), r.View(lang)})
	if err != nil {
		return fmt.Errorf("writing the loyalty report: %w", err)
	}
	return nil
}

// heat colours a cell between white and blue; the text stays dark on both.
func heat(v *float64) template.CSS {
	if v == nil {
		return ""
	}
	f := min(max(*v, 0), 1)
	return template.CSS(fmt.Sprintf("background:rgb(%d,%d,%d)", int(255-145*f), int(255-85*f), int(255-15*f)))
}

// drawn is a chart with its coordinates, in units of the drawing.
type drawn struct {
	Title         string
	Width, Height int
	Bars          []drawnBar
	Points        []drawnPoint
	Path          string
}

type drawnBar struct {
	Y, Middle, Width, End int
	Label, Text           string
}

type drawnPoint struct {
	X, Y        int
	Label, Text string
	Named       bool // its label fits
}

const (
	chartWidth  = 680
	labelWidth  = 200
	barHeight   = 24
	longestBar  = chartWidth - labelWidth - 80
	longestText = 24 // runes of a label
)

func highest(marks []Mark) float64 {
	top := 0.0
	for _, m := range marks {
		top = max(top, m.Value)
	}
	if top == 0 {
		return 1
	}
	return top
}

func drawBars(c Chart) drawn {
	d := drawn{Title: c.Title, Width: chartWidth, Height: barHeight*len(c.Marks) + 4}
	top := highest(c.Marks)
	for i, m := range c.Marks {
		width := int(longestBar * max(m.Value, 0) / top)
		d.Bars = append(d.Bars, drawnBar{Y: i*barHeight + 4, Middle: i*barHeight + barHeight/2 + 6, Width: max(width, 1),
			End: labelWidth + width + 8, Label: shorten(m.Label), Text: m.Text})
	}
	return d
}

func shorten(s string) string {
	if r := []rune(s); len(r) > longestText {
		return string(r[:longestText-1]) + "…"
	}
	return s
}

func drawLine(c Chart) drawn {
	const left, top, height = 50, 20, 180
	d := drawn{Title: c.Title, Width: chartWidth, Height: top + height + 30}
	high := highest(c.Marks)
	step := float64(chartWidth-2*left) / float64(max(1, len(c.Marks)-1))
	every := (len(c.Marks) + 11) / 12
	for i, m := range c.Marks {
		p := drawnPoint{X: left + int(float64(i)*step), Y: top + int(height*(1-max(m.Value, 0)/high)), Label: m.Label, Text: m.Text, Named: i%every == 0}
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		d.Path += fmt.Sprintf("%s%d %d", verb, p.X, p.Y)
		d.Points = append(d.Points, p)
	}
	return d
}
