package page

import (
	"math"
	"strconv"
	"strings"
)

// Point is a point of a Plot in its own units.
type Point struct{ X, Y float64 }

// Plot is lines over two axes, both from 0.
type Plot struct {
	Title, X, Y string  // of the axes, what they are
	MaxX, MaxY  float64 // where the axes end, at least; 0 = at the farthest point
	Lines       []Line
	Diagonal    string    // what a line from the origin on which both axes agree is called; "" = none
	Histogram   []float64 // below the plot: heights of equal steps from 0 to 1 on the axis X; may be empty
}

// Line is a named row of points.
type Line struct {
	Name      string
	Points    []Point
	Spans     []Span // of each point, what it could be; nil = none
	Dots      bool   // points are marked
	Reference bool   // drawn as something to compare with, not as a line of its own
}

// Span is an interval upwards.
type Span struct{ Low, High float64 }

// A plot within its drawing.
const (
	plotWidth             = 470
	plotLeft, plotTop     = 54, 28
	plotRight, plotBottom = 456, 340
	histogramHeight       = 36
)

// scale maps a plot's units to its drawing.
type scale struct{ x, y float64 } // ends of the axes

func (s scale) at(p Point) Point {
	return Point{plotLeft + (plotRight-plotLeft)*p.X/s.x, plotBottom - (plotBottom-plotTop)*p.Y/s.y}
}

func (c Plot) draw() (drawing, bool) {
	s, some := c.ends()
	foot := px(plotBottom)
	if len(c.Histogram) > 0 {
		foot += histogramHeight
	}
	d := drawing{Title: c.Title, Width: plotWidth, Height: foot + 44}
	d.axes(s, foot)
	d.Words = append(d.Words, words{(plotLeft + plotRight) / 2, foot + 38, "mid", c.X}, words{4, 14, "", c.Y})
	if end := min(s.x, s.y); c.Diagonal != "" {
		d.line(s, Line{Name: c.Diagonal, Points: []Point{{}, {end, end}}}, "ref")
	}
	number := 0
	for _, l := range c.Lines {
		class := "ref"
		if !l.Reference {
			class = series(number)
			number++
		}
		d.line(s, l, class)
	}
	d.histogram(s, foot, c.Histogram)
	return d, some
}

// seriesCount is how many classes of lines there are.
const seriesCount = 6

func series(number int) string { return "s" + strconv.Itoa(number%seriesCount) }

// ends are where the axes end, and whether there is a line to show.
func (c Plot) ends() (scale, bool) {
	s, some := scale{c.MaxX, c.MaxY}, false
	for _, l := range c.Lines {
		for i, p := range l.Points {
			some = some || !l.Reference
			if l.Reference {
				continue
			}
			s.x, s.y = max(s.x, p.X), max(s.y, p.Y)
			if l.Spans != nil {
				s.y = max(s.y, l.Spans[i].High)
			}
		}
	}
	return scale{axisEnd(s.x), axisEnd(s.y)}, some
}

// axisEnd is the end of an axis that holds v: so many round steps.
func axisEnd(v float64) float64 {
	step := roundUp(v / mostSteps)
	return step * math.Max(1, math.Ceil(v/step-1e-9))
}

// mostSteps is how many steps an axis has at most.
const mostSteps = 5

// roundUp is the next of 1, 2, 2.5, 5 times a power of ten; 0.2 of what is no length.
func roundUp(v float64) float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return 0.2
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if v <= m*power*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// axes draws the grid, and the figures of the axis X under foot.
func (d *drawing) axes(s scale, foot px) {
	for i, v := range around(0, s.y, roundUp(s.y/mostSteps)) {
		y := px(s.at(Point{Y: v}).Y)
		d.Lines = append(d.Lines, line{plotLeft, y, plotRight, y, gridClass(i == 0)})
		d.Words = append(d.Words, words{plotLeft - 7, y + 4, "end small", figure(v)})
	}
	for i, v := range around(0, s.x, roundUp(s.x/mostSteps)) {
		x := px(s.at(Point{X: v}).X)
		d.Lines = append(d.Lines, line{x, plotTop, x, plotBottom, gridClass(i == 0)})
		d.Words = append(d.Words, words{x, foot + 18, "mid small", figure(v)})
	}
}

func gridClass(zero bool) string {
	if zero {
		return "axis"
	}
	return "grid"
}

// around are the multiples of step from low to high.
func around(low, high, step float64) []float64 {
	var out []float64
	for i := int(math.Ceil(low/step - 1e-9)); float64(i)*step <= high*(1+1e-9); i++ {
		out = append(out, float64(i)*step)
	}
	return out
}

// figure writes a tick.
func figure(v float64) string {
	return strings.Replace(strconv.FormatFloat(v, 'g', 3, 64), "-", "−", 1)
}

func (d *drawing) line(s scale, l Line, class string) {
	points := make([]Point, len(l.Points))
	for i, p := range l.Points {
		points[i] = s.at(p)
		if l.Spans != nil {
			low, high := s.at(Point{p.X, l.Spans[i].Low}), s.at(Point{p.X, l.Spans[i].High})
			d.Lines = append(d.Lines, line{px(low.X), px(low.Y), px(high.X), px(high.Y), class})
		}
		if l.Dots {
			d.Dots = append(d.Dots, dot{px(points[i].X), px(points[i].Y), class, figure(p.X) + ", " + figure(p.Y)})
		}
	}
	d.Paths = append(d.Paths, path{polyline(points), class})
	if l.Name != "" {
		d.Legend = append(d.Legend, entry{class, l.Name})
	}
}

// histogram stands on the foot, its highest bar as high as there is room.
func (d *drawing) histogram(s scale, foot px, heights []float64) {
	top := 0.0
	for _, h := range heights {
		top = max(top, h)
	}
	step := 1 / float64(max(1, len(heights)))
	for i, h := range heights {
		from, to := s.at(Point{X: float64(i) * step}).X, s.at(Point{X: float64(i+1) * step}).X
		if h == 0 || from >= plotRight-1 {
			continue
		}
		height := px(max(1, (histogramHeight-6)*h/top))
		d.Rects = append(d.Rects, rect{X: px(from) + 0.5, Y: foot - height, Width: px(min(to, plotRight)-from) - 1, Height: height, Class: "mass"})
	}
}
