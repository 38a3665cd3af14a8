package repeat_test

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
	"regulars/models/repeat"
	"regulars/models/tifuknn"
	"regulars/training/metrics"
	"regulars/training/split"
)

// dataDir finds the folder of public data sets beside the project, or skips.
func dataDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	for err == nil && dir != filepath.Dir(dir) {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(dir, "..", "shared", "data")
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

// retail reads Online Retail II as interactions: one a customer, product and
// invoice.
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

// measure fits on what lies before the day and returns recall@10 and ndcg@10 of
// the 30 days after it.
func measure(t testing.TB, ev *matrix.Events, cut string, fit func(*matrix.Events, int32) (models.Recommender, error)) (recall, ndcg float64) {
	t.Helper()
	d, err := data.ParseDay(cut)
	if err != nil {
		t.Fatal(err)
	}
	now := int32(d)
	train, truth, _, err := split.Ranking(ev, now, 30)
	if err != nil {
		t.Fatal(err)
	}
	m, err := fit(train, now)
	if err != nil {
		t.Fatal(err)
	}
	r, err := metrics.Evaluate(t.Context(), m, train, truth, now, []int{10}, metrics.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return mean(t, r, "recall@10"), mean(t, r, "ndcg@10")
}

func mean(t testing.TB, r *metrics.Ranking, key string) float64 {
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

// TestRetail reports on the 30 days after 2011-09-09; every option was chosen on
// the 30 days after 2011-06-11 and on months before that. The bars of the first
// are the goal for this shop, above the .1639 and .3394 of counts decayed over
// 240 days; the second is there to compare with the literature.
func TestRetail(t *testing.T) {
	ev := retail(t)
	for _, c := range []struct {
		name         string
		recall, ndcg float64
		fit          func(*matrix.Events, int32) (models.Recommender, error)
	}{
		{"repeat", 0.168, 0.345, func(ev *matrix.Events, now int32) (models.Recommender, error) {
			return repeat.Fit(t.Context(), ev, now, repeat.Options{}, nil)
		}},
		{"tifuknn", 0.1606, 0.3311, func(ev *matrix.Events, now int32) (models.Recommender, error) {
			return tifuknn.Fit(t.Context(), ev, now, tifuknn.Options{}, nil)
		}},
	} {
		recall, ndcg := measure(t, ev, "2011-09-09", c.fit)
		t.Logf("%s: recall@10 %.4f, ndcg@10 %.4f", c.name, recall, ndcg)
		if recall < c.recall || ndcg < c.ndcg {
			t.Errorf("%s: recall@10 is %.4f and ndcg@10 %.4f, want %.4f and %.4f", c.name, recall, ndcg, c.recall, c.ndcg)
		}
	}
}
