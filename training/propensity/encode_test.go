package propensity

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/data/frame"
)

func TestCodes(t *testing.T) {
	train := table(t, "s,n,b,y\nred,1,true,0\nblue,,false,1\nred,3,,1\n,4,true,0\ngreen,2,true,1\n")
	k := task(t, train)
	e, rows := k.learnCodes([]int{0, 1, 2, 3}) // green is not among them
	if !slices.Equal(e.names, []string{"s", "n", "b"}) || !slices.Equal(rows.Categorical, []int{0}) || !slices.Equal(rows.levels(0), []string{"red", "blue"}) {
		t.Errorf("columns %v, categories %v, %v", e.names, rows.Categorical, rows.Levels)
	}
	test := table(t, "y,b,n,s\n0,true,9,green\n0,,8,blue\n0,false,,\n", k.Columns()...)
	got := e.apply(test, every(3)).Data
	want := []float64{math.NaN(), 9, 1, 1, 8, math.NaN(), math.NaN(), math.NaN(), 0}
	if !slices.EqualFunc(got, want, func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }) {
		t.Errorf("test is encoded as %v, want %v", got, want)
	}
}

func TestIndicators(t *testing.T) {
	train := table(t, "s,y\nred,0\nblue,1\nred,1\n,0\n")
	e, rows := task(t, train).learnNumbers(every(4), 1)
	if want := []string{"s=red", "s=blue", "s is missing"}; !slices.Equal(e.names, want) {
		t.Errorf("columns %v, want %v", e.names, want)
	}
	if want := []float64{1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1}; !slices.Equal(rows.X.Data, want) {
		t.Errorf("rows %v, want %v", rows.X.Data, want)
	}
	test := table(t, "s,y\ngreen,0\nblue,1\n", task(t, train).Columns()...)
	if got, want := e.apply(test, every(2)).Data, []float64{0, 0, 0, 0, 1, 0}; !slices.Equal(got, want) {
		t.Errorf("test is %v, want %v", got, want)
	}
}

// shops draws rows of a text with many values and a number.
func shops(rows, values int, seed uint64) string {
	rng := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	b.WriteString("shop,x,y\n")
	for i := range rows {
		shop := fmt.Sprint("s", rng.IntN(values))
		if rng.IntN(10) == 0 {
			shop = ""
		}
		fmt.Fprintf(&b, "%s,%.3f,%d\n", shop, rng.Float64(), (i+rng.IntN(3))%2)
	}
	return b.String()
}

// Of many categories the rate is (positives + 20·overall) / (rows + 20).
func TestRates(t *testing.T) {
	k := task(t, table(t, shops(400, 30, 1)))
	e, _ := k.learnNumbers(every(400), 1)
	shop := &k.Train.Columns[0]
	got := e.apply(k.Train, every(400))
	overall := float64(count(k.Y)+1) / 402
	for i := range 400 {
		n, p := 0.0, 0.0
		for j := range 400 {
			if shop.Code[j] == shop.Code[i] {
				if n++; k.Y[j] {
					p++
				}
			}
		}
		if want := (p + 20*overall) / (n + 20); math.Abs(got.Row(i)[0]-want) > 1e-12 {
			t.Fatalf("row %d has rate %v, want %v", i, got.Row(i)[0], want)
		}
	}
	unknown := table(t, "shop,x,y\nnowhere,1,0\n", k.Columns()...)
	if got := e.apply(unknown, []int{0}).Row(0)[0]; got != overall {
		t.Errorf("an unknown category has rate %v, want %v", got, overall)
	}
}

// No row of train is encoded by its own label, and none by rows that were not
// learned from.
func TestNoRowKnowsItsLabel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		k := task(t, table(t, shops(120, 40, rapid.Uint64Range(1, 1000).Draw(r, "seed"))))
		learned := every(100)
		_, before := k.learnNumbers(learned, 3)
		row := rapid.IntRange(0, 119).Draw(r, "row")
		k.Y[row] = !k.Y[row]
		_, after := k.learnNumbers(learned, 3)
		if row >= len(learned) {
			if !slices.Equal(before.X.Data, after.X.Data) {
				r.Fatalf("the label of row %d, which is not learned from, changes the encoding", row)
			}
			return
		}
		if !slices.Equal(before.X.Row(row), after.X.Row(row)) {
			r.Fatalf("row %d changes with its own label from %v to %v", row, before.X.Row(row), after.X.Row(row))
		}
	})
}

// Random labels must not look predictable by a text with many values, which they
// do when rows are encoded by their own labels.
func TestRandomLabelsStayRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var b strings.Builder
	b.WriteString("shop,x,y\n")
	for range 2000 {
		fmt.Fprintf(&b, "s%d,%d,%d\n", rng.IntN(400), rng.IntN(9), rng.IntN(2))
	}
	k := task(t, table(t, b.String()))
	e, rows := k.learnNumbers(every(2000), 1)
	if got := auc(rows.X.Column(0), k.Y); got > 0.53 {
		t.Errorf("AUC of the encoded train rows is %.3f on random labels", got)
	}
	if naive := auc(e.apply(k.Train, every(2000)).Column(0), k.Y); naive < 0.6 {
		t.Errorf("encoding rows by their own labels gives only %.3f: the test shows nothing", naive)
	}
}

func TestManyCodesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("s,y\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "s%d,%d\n", i%(maxCodes+50), i/7%2)
	}
	k := task(t, table(t, b.String()))
	_, rows := k.learnCodes(every(k.Train.Rows))
	for i := range rows.X.Rows {
		if v := rows.X.Row(i)[0]; v >= maxCodes {
			t.Fatalf("row %d has code %v", i, v)
		}
	}
	if k.Train.Columns[0].Kind != frame.Text {
		t.Error("the column is no text")
	}
}
