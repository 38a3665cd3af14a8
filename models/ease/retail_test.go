package ease_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/ease"
	"regulars/training/metrics"
	"regulars/training/split"
)

// dataDir finds the folder of public data sets beside the project, or skips.
func dataDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			dir = filepath.Join(dir, "..", "shared", "data")
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
	if _, err := os.Stat(filepath.Join(dir, "online_retail_2009_2010.parquet")); err != nil {
		t.Skip("real data is not here: ", err)
	}
	return dir
}

type retailLine struct {
	Invoice   string  `parquet:"Invoice"`
	StockCode string  `parquet:"StockCode"`
	Quantity  int64   `parquet:"Quantity"`
	Date      int64   `parquet:"InvoiceDate"`
	Price     float64 `parquet:"Price"`
	Customer  *string `parquet:"Customer ID,optional"`
}

// retail reads Online Retail II as interactions: one a customer, product and day,
// weighted by the number of invoices.
func retail(t testing.TB) *matrix.Events {
	t.Helper()
	dir := dataDir(t)
	product := regexp.MustCompile(`^[0-9]{5}[A-Za-z]*$`)
	type purchase struct{ user, item, invoice string }
	days, earlier := map[purchase]int32{}, map[string]bool{}
	for _, name := range []string{"online_retail_2009_2010.parquet", "online_retail_2010_2011.parquet"} {
		lines, err := parquet.ReadFile[retailLine](filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		held := map[string]bool{}
		for _, l := range lines {
			held[l.Invoice] = true
			if earlier[l.Invoice] || l.Customer == nil || l.Price <= 0 || l.Quantity <= 0 ||
				strings.HasPrefix(l.Invoice, "C") || !product.MatchString(l.StockCode) {
				continue
			}
			days[purchase{*l.Customer, l.StockCode, l.Invoice}] = int32(data.DayOfMicros(l.Date))
		}
		earlier = held
	}
	var users, items []string
	for p := range days {
		users, items = append(users, p.user), append(items, p.item)
	}
	uv, iv := matrix.NewVocabulary(users), matrix.NewVocabulary(items)
	list := make([]matrix.Event, 0, len(days))
	for p, day := range days {
		u, _ := uv.Lookup(p.user)
		i, _ := iv.Lookup(p.item)
		list = append(list, matrix.Event{User: u, Item: i, Day: day, Weight: 1})
	}
	ev, err := matrix.NewEvents(uv.Len(), iv.Len(), list)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func day(t testing.TB, s string) int32 {
	d, err := data.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return int32(d)
}

func evaluate(t testing.TB, rec models.Recommender, train *matrix.Events, truth [][]int32, now int32) *metrics.Ranking {
	t.Helper()
	r, err := metrics.Evaluate(t.Context(), rec, train, truth, now, []int{10}, metrics.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func meanOf(t testing.TB, r *metrics.Ranking, key string) float64 {
	t.Helper()
	values, err := r.Column(key)
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0.0, 0
	for _, v := range values {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	return sum / float64(n)
}

// TestRetail holds the figures of the reference (numpy, the same rows): trained
// before 2011-09-09, truth the distinct items of the next 30 days. They are
// published to four digits.
func TestRetail(t *testing.T) {
	ev := retail(t)
	now := day(t, "2011-09-09")
	train, truth, _, err := split.Ranking(ev, now, 30)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    ease.Options
		want [4]float64
	}{
		{ease.Options{L2: 300, Neighbours: 10_000}, [4]float64{0.1089, 0.2308, 0.0517, 0.0797}},
		{ease.Options{L2: 1000, Neighbours: 10_000}, [4]float64{0.1056, 0.2318, 0.0525, 0.0807}},
	} {
		m, err := ease.Fit(t.Context(), train, now, c.o, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := evaluate(t, m, train, truth, now)
		for i, key := range []string{"recall@10", "ndcg@10", "new:recall@10", "new:ndcg@10"} {
			if got := meanOf(t, r, key); math.Abs(got-c.want[i]) > 1e-4 {
				t.Errorf("L2 %v: %s is %.5f, want %.4f", c.o.L2, key, got, c.want[i])
			}
		}
	}
}
