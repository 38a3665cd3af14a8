package ranking

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
	"regulars/data/interactions"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/training/metrics"
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
	Title     *string `parquet:"Description,optional"`
	Country   string  `parquet:"Country"`
}

// retail reads Online Retail II as interactions, one a customer, product and
// invoice, the title and price that a product was first sold with, and the
// country of each customer.
func retail(t testing.TB) Data {
	t.Helper()
	dir := dataDir(t)
	product := regexp.MustCompile(`^[0-9]{5}[A-Za-z]*$`)
	type purchase struct{ user, item, invoice string }
	days, earlier := map[purchase]int32{}, map[string]bool{}
	first, country := map[string]retailLine{}, map[string]string{}
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
			if _, ok := first[l.StockCode]; !ok && l.Title != nil {
				first[l.StockCode] = l
			}
			country[*l.Customer] = l.Country
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
	of := &interactions.Items{IDs: iv.IDs(), Title: make([]string, iv.Len()), Price: make([]float64, iv.Len())}
	for i, id := range iv.IDs() {
		of.Price[i] = math.NaN()
		if l, ok := first[id]; ok {
			of.Title[i], of.Price[i] = *l.Title, l.Price
		}
	}
	d := Data{Events: ev, Dated: true, Items: of, IDs: iv, Users: uv}
	countries := matrix.NewVocabulary(slices.Collect(maps.Values(country)))
	d.Group, d.Groups = make([]int32, uv.Len()), countries.Len()
	for u, id := range uv.IDs() {
		d.Group[u], _ = countries.Lookup(country[id])
	}
	return d
}

// BenchmarkRetailTable makes the rows of the table of Online Retail II that are
// models by themselves, on the slice that is reported; REGULARS_BENCH_CUT names
// the first day of another.
func BenchmarkRetailTable(b *testing.B) {
	cut, err := data.ParseDay(cmp.Or(os.Getenv("REGULARS_BENCH_CUT"), "2011-09-09"))
	if err != nil {
		b.Fatal(err)
	}
	s, err := NewSplitAt(retail(b), int32(cut), 30, true)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		report, err := Evaluate(b.Context(), Request{Split: s, Families: find(b, "blend", "tifuknn", "popular-group"), Ks: []int{10}, Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range report.Results {
			b.Logf("%s: ndcg@10 %.4f, recall@10 %.4f, new:recall@10 %.4f; fit %.1f s, rank %.1f s, %d MiB", r.Model, r.Metrics["ndcg@10"].Value,
				r.Metrics["recall@10"].Value, r.Metrics["new:recall@10"].Value, r.FitSeconds, r.ScoreSeconds, r.PeakRSSBytes>>20)
		}
	}
}

// TestBlendOfRetail blends the sources that are quick to fit, on the slice that
// options were chosen by: the blend is ahead of each of them, on the whole list
// and on what customers never had.
func TestBlendOfRetail(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	cut, err := data.ParseDay("2011-06-11")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSplitAt(retail(t), int32(cut), 30, true)
	if err != nil {
		t.Fatal(err)
	}
	m := blendOf(t, s, BlendOptions{Sources: "repeat,content,trending,popular-recent", Windows: 1})
	t.Log(noteOf(m, true))
	reached := func(m models.Recommender) (ndcg, fresh float64) {
		r, err := metrics.Evaluate(t.Context(), m, s.Events, s.Truth, s.Now, []int{10}, metrics.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ndcg, err = r.Mean("ndcg@10")
		fresh, err2 := r.Mean("new:recall@10")
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		return ndcg, fresh
	}
	ndcg, fresh := reached(m)
	for _, source := range m.Sources {
		if n, f := reached(source.Model); ndcg <= n || fresh <= f {
			t.Errorf("the blend reaches ndcg@10 %.4f and new:recall@10 %.4f, %s alone %.4f and %.4f", ndcg, fresh, source.Name, n, f)
		}
	}
}

// BenchmarkBlendList reports how long a list of 50 takes beside the scores of all
// its sources, which it cannot do without.
func BenchmarkBlendList(b *testing.B) {
	d := retail(b)
	now := slices.Max(d.Events.Day) + 1
	s := &Split{Data: d, Now: now}
	m := blendOf(b, s, BlendOptions{Sources: "repeat,itemknn,content,rules,ials,trending,popular-recent", Windows: 1})
	dst := make([]float32, d.Events.Items)
	var lists, sources time.Duration
	for n := 0; b.Loop(); n++ {
		h := d.Events.History(n % d.Events.Users)
		begun := time.Now()
		if _, err := m.Rank(h, now, 50, nil); err != nil {
			b.Fatal(err)
		}
		ranked := time.Now()
		for _, source := range m.Sources {
			if err := source.Model.Score(h, now, dst); err != nil && !errors.Is(err, models.ErrUnknown) {
				b.Fatal(err)
			}
		}
		lists, sources = lists+ranked.Sub(begun), sources+time.Since(ranked)
	}
	b.ReportMetric(float64(lists)/float64(sources), "×sources")
	b.ReportMetric(lists.Seconds()*1000/float64(b.N), "ms/list")
}
