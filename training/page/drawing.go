package page

import (
	"math"
	"strconv"
	"strings"
)

// drawing is a chart in shapes, behind each other in the order of the fields. Their
// classes are those of the style sheet.
type drawing struct {
	Title         string
	Width, Height px
	Rects         []rect
	Lines         []line
	Paths         []path
	Dots          []dot
	Words         []words
	Legend        []entry
}

// px is a length or place, written to a tenth.
type px float64

func (p px) String() string { return strconv.FormatFloat(math.Round(float64(p)*10)/10, 'f', -1, 64) }

type rect struct {
	X, Y, Width, Height px
	Class, Tip          string
}

type line struct {
	X1, Y1, X2, Y2 px
	Class          string
}

type path struct{ D, Class string }

type dot struct {
	X, Y       px
	Class, Tip string
}

// words are a text; Class may say that it ends (end) or has its middle (mid) at X.
type words struct {
	X, Y        px
	Class, Text string
}

type entry struct{ Class, Text string }

// polyline is the path through points.
func polyline(points []Point) string {
	var b strings.Builder
	for i, p := range points {
		b.WriteByte("ML"[min(i, 1)])
		b.WriteString(px(p.X).String() + " " + px(p.Y).String())
	}
	return b.String()
}

// shorten keeps so many runes.
func shorten(s string, runes int) string {
	if r := []rune(s); len(r) > runes {
		return string(r[:runes-1]) + "…"
	}
	return s
}
