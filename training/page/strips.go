package page

import (
	"math"
	"slices"
	"strconv"
)

// Strips show of several quantities how their effects are spread, one row each: to
// the right what raises, to the left what lowers, as high as there are many and in
// the colour of the values that have the effect.
type Strips struct {
	Title           string
	Effect          string // what the axis shows
	Mean            string // what the bars at the right show
	Low, High, None string // words for the colours: low values, high ones, without an order
	Rows            []Strip
}

// Strip is one quantity.
type Strip struct {
	Label   string
	Mean    float64   // size of its effect
	Effects []float64 // one a case
	Values  []float64 // of each case where its value stands among all, from 0 (lowest) to 1; NaN = without an order
}

const (
	stripLeft, stripRight = 190, 590
	stripStep, stripTop   = 26, 12
	stripBins             = 64
	stripColours          = 9 // from the lowest values to the highest
	stripOutliers         = 0.002
)

func (c Strips) draw() (drawing, bool) {
	bottom := px(stripTop + stripStep*len(c.Rows))
	d := drawing{Title: c.Title, Width: 740, Height: bottom + 42}
	low, high := c.span()
	if !(low < high) {
		return d, false
	}
	at := func(v float64) px { return px(stripLeft + (stripRight-stripLeft)*(v-low)/(high-low)) }
	top := 0.0
	for _, r := range c.Rows {
		top = max(top, r.Mean)
	}
	for _, v := range around(low, high, roundUp((high-low)/mostSteps)) {
		d.Lines = append(d.Lines, line{at(v), stripTop, at(v), bottom, gridClass(v == 0)})
		d.Words = append(d.Words, words{at(v), bottom + 16, "mid small", signed(v)})
	}
	for i, r := range c.Rows {
		middle := px(stripTop + stripStep*i + stripStep/2)
		d.Words = append(d.Words, words{stripLeft - 8, middle + 4, "end", shorten(r.Label, labelRunes)}, words{735, middle + 4, "end small", figure(r.Mean)})
		d.Rects = append(d.Rects, rect{X: stripRight + 12, Y: middle - 6, Width: px(max(80*r.Mean/max(top, math.SmallestNonzeroFloat64), 1)), Height: 12, Class: "mass", Tip: r.Label})
		for _, b := range r.bins(low, high) {
			height := px(max(2, (stripStep-5)*b.height))
			d.Rects = append(d.Rects, rect{X: at(b.from), Y: middle - height/2, Width: at(b.to) - at(b.from), Height: height, Class: b.class})
		}
	}
	d.Words = append(d.Words, words{(stripLeft + stripRight) / 2, bottom + 36, "mid", c.Effect}, words{735, bottom + 16, "end small", c.Mean})
	d.Legend = []entry{{"v0", c.Low}, {"v" + strconv.Itoa(stripColours-1), c.High}, {"vn", c.None}}
	return d, true
}

// span is that of all effects but the farthest few, which are shown at the ends;
// 0 is within it.
func (c Strips) span() (low, high float64) {
	for _, r := range c.Rows {
		sorted := slices.Sorted(slices.Values(r.Effects))
		if len(sorted) == 0 {
			continue
		}
		few := int(stripOutliers * float64(len(sorted)))
		low, high = min(low, sorted[few]), max(high, sorted[len(sorted)-1-few])
	}
	return low, high
}

type stripBin struct {
	from, to, height float64
	class            string
}

// bins counts the effects; heights are of the root of the count, so that few are
// still seen.
func (r Strip) bins(low, high float64) []stripBin {
	var count, ordered, value [stripBins]float64
	most := 0.0
	for i, v := range r.Effects {
		b := min(max(int(stripBins*(v-low)/(high-low)), 0), stripBins-1)
		count[b]++
		if most = max(most, count[b]); !math.IsNaN(r.Values[i]) {
			ordered[b]++
			value[b] += r.Values[i]
		}
	}
	step := (high - low) / stripBins
	var out []stripBin
	for b, n := range count {
		if n == 0 {
			continue
		}
		s := stripBin{low + float64(b)*step, low + float64(b+1)*step, math.Sqrt(n / most), "vn"}
		if 2*ordered[b] > n {
			s.class = "v" + strconv.Itoa(min(int(stripColours*value[b]/ordered[b]), stripColours-1))
		}
		out = append(out, s)
	}
	return out
}

func signed(v float64) string {
	if v > 0 {
		return "+" + figure(v)
	}
	return figure(v)
}
