package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const evil = `<script>alert("1")</script>&'`

// sample has every kind of thing that a page can hold, with a text in it that
// would run if it were not escaped.
func sample() Page {
	half := 0.5
	return Page{Lang: Chinese, Title: evil, Subtitle: evil, Sections: []Section{
		{ID: "a b", Title: evil, Definition: evil, Absent: evil, Notes: []string{evil},
			Tables: []Table{{Title: evil, Header: []string{evil}, Rows: [][]Cell{{{Text: evil}, {Text: evil, Heat: &half}, {Text: evil, Strong: true}}}, Dense: true, Wordy: true}},
			Charts: []Chart{
				Bars{Title: evil, Marks: []Mark{{evil, evil, 3}, {"nothing", "0", 0}}}, Trend{Title: evil, Marks: []Mark{{evil, evil, 1}, {evil, evil, 2}}},
				Plot{Title: evil, X: evil, Y: evil, Diagonal: evil, Histogram: []float64{0, 3, 1}, Lines: []Line{{Name: evil, Dots: true, Points: []Point{{0, 0}, {1, 1}}, Spans: []Span{{0, 0.1}, {0.9, 1.2}}},
					{Name: evil, Reference: true, Points: []Point{{0, 0}, {1, 1}}}}},
				Strips{Title: evil, Effect: evil, Mean: evil, Low: evil, High: evil, None: evil, Rows: []Strip{{Label: evil, Mean: 1, Effects: []float64{-1, 0, 2}, Values: []float64{0, math.NaN(), 1}}}},
			}},
		{ID: "empty", Charts: []Chart{Bars{}, Trend{}, Plot{}, Strips{}}}}}
}

func TestPage(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, bad := range []string{"<script", "alert(\"", "http:", "https:", "src=", "url(", "@import", "ZgotmplZ", "NaN", "Inf", "%!"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if n := strings.Count(text, "&lt;script&gt;"); n < 26 {
		t.Errorf("%d texts are shown, want every one", n)
	}
	if n := strings.Count(text, "<svg"); n != 4 {
		t.Errorf("%d charts, want 4: those without data are not shown", n)
	}
	for _, want := range []string{`lang="zh"`, "prefers-color-scheme: dark", "@media print", "default-src 'none'", `class="v0"`, `class="v8"`, `class="vn"`, "</html>"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	checkNesting(t, text)
}

// checkNesting reads the page as XML, in which every element that is opened is closed.
func checkNesting(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict, d.Entity = false, xml.HTMLEntity
	var open []string
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if e.Name.Local != "meta" {
				open = append(open, e.Name.Local)
			}
		case xml.EndElement:
			if len(open) == 0 || e.Name.Local != open[len(open)-1] {
				t.Fatalf("</%s> closes %v", e.Name.Local, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("%v stay open", open)
	}
}

// Whatever the figures, shapes lie within their drawing and bars do not grow
// beyond it.
func TestShapesStayWithinDrawings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		value := rapid.Float64Range(0, math.Pow(10, float64(rapid.IntRange(-9, 9).Draw(t, "power"))))
		var marks []Mark
		line := Line{Dots: true}
		strip := Strip{Label: "s", Mean: value.Draw(t, "mean")}
		for range n {
			v := value.Draw(t, "v")
			marks = append(marks, Mark{Value: v})
			line.Points, line.Spans = append(line.Points, Point{value.Draw(t, "x"), v}), append(line.Spans, Span{v / 2, v * 1.1})
			strip.Effects = append(strip.Effects, v*rapid.SampledFrom([]float64{-1, 1}).Draw(t, "sign"))
			strip.Values = append(strip.Values, rapid.SampledFrom([]float64{0, 0.3, 1, math.NaN()}).Draw(t, "value"))
		}
		for _, c := range []Chart{Bars{Marks: marks}, Trend{Marks: marks}, Plot{Lines: []Line{line}, Histogram: []float64{1, 0, 5}}, Strips{Rows: []Strip{strip, strip}}} {
			d, ok := c.draw()
			if _, strips := c.(Strips); !ok && !strips {
				t.Fatalf("%T is not shown", c)
			}
			inside := func(x, y px) {
				if !(x >= -0.01 && y >= -0.01 && x <= d.Width+0.01 && y <= d.Height+0.01) {
					t.Fatalf("%T: %v, %v lies outside %v × %v", c, x, y, d.Width, d.Height)
				}
			}
			for _, r := range d.Rects {
				inside(r.X, r.Y)
				inside(r.X+r.Width, r.Y+r.Height)
			}
			for _, l := range d.Lines {
				inside(l.X1, l.Y1)
				inside(l.X2, l.Y2)
			}
			for _, p := range d.Dots {
				inside(p.X, p.Y)
			}
			for _, w := range d.Words {
				inside(w.X, w.Y)
			}
		}
	})
}

// A point stands where its figures say, by the axes' own ticks.
func TestPlotPlacesPoints(t *testing.T) {
	d, ok := Plot{MaxX: 0.5, Lines: []Line{{Points: []Point{{0, 0}, {0.25, 1.9}, {0.5, 1}}}}}.draw()
	if !ok || len(d.Paths) != 1 {
		t.Fatalf("%+v", d)
	}
	place := map[string][2]float64{}
	for _, w := range d.Words {
		at := place[w.Text]
		if strings.Contains(w.Class, "mid") {
			at[0] = float64(w.X)
		} else {
			at[1] = float64(w.Y) - 4 // the baseline of the figure
		}
		place[w.Text] = at
	}
	numbers := regexp.MustCompile(`[0-9.]+`).FindAllString(d.Paths[0].D, -1)
	var got []float64
	for _, n := range numbers {
		v, err := strconv.ParseFloat(n, 64)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	left, right, bottom, top := place["0"][0], place["0.5"][0], place["0"][1], place["2"][1]
	want := []float64{left, bottom, (left + right) / 2, bottom + (top-bottom)*1.9/2, right, (bottom + top) / 2}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 0.11 {
			t.Errorf("%s: number %d is %v, want %v", d.Paths[0].D, i, got[i], want[i])
		}
	}
}

func TestStripBins(t *testing.T) {
	s := Strip{Effects: []float64{-1, -1, -1, -1, 1, 0.02}, Values: []float64{0, 0.1, 0.1, math.NaN(), 1, math.NaN()}}
	got := s.bins(-1, 1)
	if len(got) != 3 || got[0].from != -1 || got[0].height != 1 || got[0].class != "v0" || got[1].class != "vn" || got[1].height != 0.5 || got[2].to != 1 || got[2].class != "v8" {
		t.Errorf("%+v", got)
	}
}

// Axes end at a whole number of round steps, at most five, that hold the value.
func TestAxisEnd(t *testing.T) {
	for v, want := range map[float64]float64{0: 0.2, 1: 1, 1.01: 1.25, 0.31: 0.4, 0.5: 0.5, 0.78: 0.8, 6.9: 8, 83: 100, 7e-5: 8e-5} {
		if got := axisEnd(v); math.Abs(got-want) > 1e-12*want {
			t.Errorf("an axis that holds %v ends at %v, want %v", v, got, want)
		}
	}
	if n := len(around(-1.3, 2.2, roundUp(3.5/mostSteps))); n != 4 { // −1, 0, 1, 2
		t.Errorf("%d ticks", n)
	}
}

func ExampleParseLang() {
	_, err := ParseLang("fr")
	fmt.Println(err)
	// Output: language "fr" is neither en nor zh
}
