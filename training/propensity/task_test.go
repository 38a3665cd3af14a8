package propensity

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"regulars/data/frame"
	"regulars/models"
)

// table reads CSV text.
func table(t testing.TB, text string, like ...frame.Column) *frame.Table {
	t.Helper()
	path := filepath.Join(t.TempDir(), "table.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := frame.Read(t.Context(), path, frame.Options{Like: like, LikePath: "train.csv"})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func task(t testing.TB, train *frame.Table, ignore ...string) *Task {
	t.Helper()
	got, err := NewTask(train, "y", ignore)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhichColumnsAreFeatures(t *testing.T) {
	var b strings.Builder
	b.WriteString("row_number,customer_id,code,comment,same,empty,sometimes,amount,as_of,sorted,kind,y\n")
	for i := range 40 {
		comment, sometimes := "", ""
		if i%2 == 0 {
			comment, sometimes = fmt.Sprintf("text %d", i), "x"
		}
		fmt.Fprintf(&b, "%d,%d,c%d,%s,7,,%s,%d,2011-01-%02d,%d,%s,%d\n", i+5, 900-i*i, i, comment, sometimes, i*i%17, 1+i/2, i*i*i, []string{"a", "b"}[i%2], i%2)
	}
	got := task(t, table(t, b.String()))
	var features []string
	for _, f := range got.features {
		name := got.Train.Columns[f.place].Name
		if f.presence {
			name += " there"
		}
		features = append(features, name)
	}
	if want := []string{"comment there", "sometimes", "amount", "sorted", "kind"}; !slices.Equal(features, want) {
		t.Errorf("features are %v, want %v", features, want)
	}
	notes := strings.Join(got.Notes, "\n")
	for _, want := range []string{"as_of orders the rows", "single value are left out: same, empty", "only name the row are left out: row_number, customer_id, code",
		"only whether there is a value is learned: comment"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes lack %q:\n%s", want, notes)
		}
	}
	if e, _ := task(t, got.Train, "kind", "as_of").learnCodes([]int{0, 1, 2}); slices.Contains(e.names, "kind") || slices.Contains(e.names, "as_of") {
		t.Errorf("ignored columns are features: %v", e.names)
	}
}

func TestLabels(t *testing.T) {
	want := []bool{true, false, true}
	for _, words := range [][3]string{{"1", "0", "1"}, {"true", "false", "TRUE"}, {"yes", "no", "Yes"}, {"1.0", "0.0", "1"}, {"t", "f", "t"}} {
		got := task(t, table(t, fmt.Sprintf("x,y\n1,%s\n2,%s\n4,%s\n", words[0], words[1], words[2])))
		if !slices.Equal(got.Y, want) {
			t.Errorf("%v are read as %v", words, got.Y)
		}
	}
	for text, want := range map[string]string{
		"x,z\n1,1\n":                        "has no column y for the label; its columns are x, z",
		"x,y\n1,0\n2,2\n":                   "the label y is 2 in row 2: it must be true or false, or 0 or 1",
		"x,y\n1,maybe\n2,yes\n":             `the label y is "maybe" in row 1`,
		"x,y\n1,1\n2,\n3,0\n4,\n":           "the label y is missing in 2 of 4 rows, the first of them row 2",
		"x,y\n1,1\n2,1\n":                   "the label y is true in all 2 rows",
		"x,y\n1,0\n2,0\n":                   "the label y is false in all 2 rows",
		"x,y\n1,2011-01-01\n2,2011-01-02\n": "the label y is a time",
		"x,y\n1,0\n1,1\n":                   "has no column to learn from",
	} {
		if _, err := NewTask(table(t, text), "y", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", text, err, want)
		}
	}
	if _, err := NewTask(table(t, "x,y\n1,0\n2,0\n"), "y", nil); !errors.Is(err, models.ErrNoData) {
		t.Errorf("one class gives %v, want ErrNoData", err)
	}
	if _, err := NewTask(table(t, "x,y\n1,0\n2,1\n"), "y", []string{"none"}); err == nil || !strings.Contains(err.Error(), "no column none to ignore") {
		t.Errorf("an ignored column that is not there gives %v", err)
	}
}

// The later rows are later than all others, or a share of each class.
func TestCut(t *testing.T) {
	var b strings.Builder
	b.WriteString("ts,x,y\n")
	for i := range 200 {
		fmt.Fprintf(&b, "2011-01-%02d,%d,%d\n", 1+i*7%10, i*i%31, i/3%2)
	}
	dated := task(t, table(t, b.String()))
	early, later, ok := dated.cut(1)
	if !ok || len(early) != 160 || len(later) != 40 {
		t.Fatalf("%d early and %d later rows, dated %v; want 160, 40 and true", len(early), len(later), ok)
	}
	for _, r := range early {
		if dated.order[r] >= dated.order[later[0]] {
			t.Errorf("early row %d is of %v, later ones begin at %v", r, dated.order[r], dated.order[later[0]])
		}
	}
	drawn := task(t, dated.Train, "ts")
	early, later, ok = drawn.cut(1)
	if all := slices.Sorted(slices.Values(slices.Concat(early, later))); ok || !slices.Equal(all, every(200)) {
		t.Errorf("dated %v; early and later rows are not all rows", ok)
	}
	if n, all := count(pick(drawn.Y, later)), count(drawn.Y); n != all/5 {
		t.Errorf("%d of %d true labels are held back, want a fifth", n, all)
	}
	if _, later, _ := task(t, table(t, "x,y\n1,0\n2,1\n3,0\n5,1\n")).cut(1); later != nil {
		t.Errorf("of four rows %v are held back", later)
	}
}
