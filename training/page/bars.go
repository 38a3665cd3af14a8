package page

// Mark is one bar, or one point of a trend.
type Mark struct {
	Label, Text string
	Value       float64
}

// Bars are horizontal bars from 0 to whatever is highest.
type Bars struct {
	Title string
	Marks []Mark
}

// Trend is a line from mark to mark, from 0 to whatever is highest.
type Trend struct {
	Title string
	Marks []Mark
}

const (
	wide       = 680
	labelWidth = 200
	labelRunes = 24
	barStep    = 24
	longestBar = wide - labelWidth - 80
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

func (c Bars) draw() (drawing, bool) {
	d := drawing{Title: c.Title, Width: wide, Height: px(barStep*len(c.Marks) + 4)}
	top := highest(c.Marks)
	for i, m := range c.Marks {
		y := px(i*barStep + 4)
		width := px(max(longestBar*max(m.Value, 0)/top, 1))
		d.Rects = append(d.Rects, rect{X: labelWidth, Y: y, Width: width, Height: barStep - 6, Class: "s0"})
		d.Words = append(d.Words, words{X: labelWidth - 8, Y: y + 14, Class: "end", Text: shorten(m.Label, labelRunes)},
			words{X: labelWidth + width + 8, Y: y + 14, Text: m.Text})
	}
	return d, len(c.Marks) > 0
}

func (c Trend) draw() (drawing, bool) {
	const left, top, height = 50, 20, 180
	d := drawing{Title: c.Title, Width: wide, Height: top + height + 30, Lines: []line{{left, top + height, wide - left, top + height, "axis"}}}
	high := highest(c.Marks)
	step := float64(wide-2*left) / float64(max(1, len(c.Marks)-1))
	every := (len(c.Marks) + 11) / 12
	var points []Point
	for i, m := range c.Marks {
		p := Point{left + float64(i)*step, top + height*(1-max(m.Value, 0)/high)}
		points = append(points, p)
		d.Dots = append(d.Dots, dot{px(p.X), px(p.Y), "s0", m.Label + ": " + m.Text})
		if i%every == 0 {
			d.Words = append(d.Words, words{px(p.X), top + height + 18, "mid", m.Label}, words{px(p.X), px(p.Y) - 7, "mid", m.Text})
		}
	}
	d.Paths = []path{{polyline(points), "s0"}}
	return d, len(c.Marks) > 0
}
