package ranking

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"regulars/data"
	"regulars/data/interactions"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/training/metrics"
	"regulars/training/retailtest"
)

// retail is Online Retail II, with customers grouped by country.
func retail(t testing.TB) Data {
	t.Helper()
	shop := retailtest.Read(t)
	d := Data{Events: shop.Events, Dated: true, IDs: shop.Items, Users: shop.Users,
		Items: &interactions.Items{IDs: shop.Items.IDs(), Title: shop.Titles, Price: shop.Prices}}
	countries := matrix.NewVocabulary(shop.Countries)
	d.Group, d.Groups = make([]int32, len(shop.Countries)), countries.Len()
	for u, country := range shop.Countries {
		d.Group[u], _ = countries.Lookup(country)
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
