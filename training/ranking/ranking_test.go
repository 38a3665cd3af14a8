package ranking

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/data/interactions"
	"regulars/models"
	"regulars/training/options"
)

// table makes a table of rows "user item day order weight"; a dash leaves the
// column out.
func table(t *testing.T, path string, rows ...string) *interactions.Table {
	t.Helper()
	out := &interactions.Table{Path: path}
	find := func(list *[]string, id string) int32 {
		if i := slices.Index(*list, id); i >= 0 {
			return int32(i)
		}
		*list = append(*list, id)
		return int32(len(*list) - 1)
	}
	for _, r := range rows {
		var user, item, day, order, weight string
		if _, err := fmt.Sscan(r, &user, &item, &day, &order, &weight); err != nil {
			t.Fatal(err)
		}
		out.User, out.Item = append(out.User, find(&out.Users, user)), append(out.Item, find(&out.Items, item))
		var n int32
		var w float32
		if _, err := fmt.Sscan(day, &n); err == nil {
			out.Day = append(out.Day, n)
		}
		if _, err := fmt.Sscan(order, &n); err == nil {
			out.Order = append(out.Order, n)
		}
		if _, err := fmt.Sscan(weight, &w); err == nil {
			out.Weight = append(out.Weight, w)
		}
	}
	return out
}

func newSplit(t *testing.T, train, test *interactions.Table, repeat bool) *Split {
	t.Helper()
	s, err := NewSplit(train, test, nil, nil, repeat)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSplit(t *testing.T) {
	train := table(t, "train", "b x 5 1 -", "b x 5 1 -", "b x 5 2 -", "b x 5 -1 -", "b x 5 -1 -", "b y 7 3 -", "a y 2 4 -")
	test := table(t, "test", "b y 9 1 -", "b y 10 1 -", "b x 9 1 -", "b z 9 1 -", "c x 9 1 -", "a z 9 1 -")
	s := newSplit(t, train, test, true)
	if want := [][]int32{nil, {0, 1}}; !reflect.DeepEqual(s.Truth, want) || s.Skipped != 2 || s.Now != 9 || s.horizon != 2 || s.mixed {
		t.Errorf("truth %v, skipped %d, now %d for %d days", s.Truth, s.Skipped, s.Now, s.horizon)
	}
	// Two lines of order 1 count once; rows of no order count one each.
	if h := s.Events.History(1); !slices.Equal(h.Weight, []float32{4, 1}) || !slices.Equal(h.Day, []int32{5, 7}) {
		t.Errorf("history of b is %+v", h)
	}
	train = table(t, "train", "b x 5 1 0.5", "b x 5 1 2", "b y 7 3 3e38", "b y 7 3 3e38", "a x 2 4 1")
	s = newSplit(t, train, table(t, "test", "b x 1 1 -", "a y 6 1 -", "a x 9 1 -"), false)
	if want := [][]int32{{1}, {}}; !reflect.DeepEqual(s.Truth, want) || s.Skipped != 1 || s.Now != 8 || !s.mixed {
		t.Errorf("without repeats: truth %v, skipped %d, now %d, mixed %v", s.Truth, s.Skipped, s.Now, s.mixed)
	}
	report, err := Evaluate(t.Context(), Request{Split: s, Ks: []int{1}})
	if err != nil || len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "test begins on 1970-01-02, before train ends on 1970-01-08") {
		t.Errorf("of a test file that is no later than train: %+v, %v", report, err)
	}
	if h := s.Events.History(1); !slices.Equal(h.Weight, []float32{2.5, math.MaxFloat32}) {
		t.Errorf("weights are %v", h.Weight)
	}
	undated := newSplit(t, table(t, "train", "a x - - -", "a x - - -", "a y - - -"), table(t, "test", "a y 9 - -"), true)
	if undated.Dated || undated.Now != 1 || !slices.Equal(undated.Events.Weight, []float32{2, 1}) {
		t.Errorf("without days: %+v", undated)
	}
	_, err = NewSplit(train, table(t, "later", "b z 9 1 1", "q x 9 1 1"), nil, nil, true)
	if err == nil || !strings.Contains(err.Error(), "later: nobody in it is known in train") || !strings.Contains(err.Error(), "2 users were skipped") {
		t.Errorf("no truth at all gives %v", err)
	}
}

// shop is a made-up shop of two tastes: users buy from their half of the items,
// popular ones more, over the given days (0 = undated).
func shop(t *testing.T, users, items, days int) *Split {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	train, test := &interactions.Table{Path: "train"}, &interactions.Table{Path: "test"}
	for i := range items {
		train.Items, test.Items = append(train.Items, fmt.Sprint("i", i)), append(test.Items, fmt.Sprint("i", i))
	}
	for u := range users {
		train.Users, test.Users = append(train.Users, fmt.Sprint("u", u)), append(test.Users, fmt.Sprint("u", u))
		for range 12 {
			item := int32(float64(items/2)*math.Pow(rng.Float64(), 1.5))*2 + int32(u%2)
			to, day := train, int32(rng.IntN(max(1, days)))
			if rng.Float64() < 0.2 {
				to, day = test, int32(days)+day/4
			}
			to.User, to.Item = append(to.User, int32(u)), append(to.Item, item)
			if days > 0 {
				to.Day = append(to.Day, day)
			}
		}
	}
	s, err := NewSplit(train, test, nil, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestValidationSlices(t *testing.T) {
	s := shop(t, 60, 30, 100)
	s.Repeat = true
	v, what, err := s.Validation(1)
	if err != nil {
		t.Fatal(err)
	}
	// The test file spans the 25 days from 100 on.
	if v.Now != 75 || what != "the 25 days of train from 1970-03-17 on" || slices.Max(v.Events.Day) >= 75 {
		t.Errorf("cut at %d (%s), the last day before is %d", v.Now, what, slices.Max(v.Events.Day))
	}
	for u, truth := range v.Truth {
		var want []int32
		for i, it := range s.Events.History(u).Item {
			if s.Events.History(u).Day[i] >= 75 && slices.Contains(v.Events.Item, it) {
				want = append(want, it)
			}
		}
		if want = slices.Compact(want); len(v.Events.History(u).Item) > 0 && !slices.Equal(want, truth) {
			t.Errorf("truth of user %d is %v, want %v", u, truth, want)
		}
	}
	s.horizon = 0 // test file without ts: the last 15% of the interactions
	if v, _, err = s.Validation(1); err != nil || float64(v.Events.Len()) < 0.8*float64(s.Events.Len()) || v.Events.Len() >= s.Events.Len() {
		t.Errorf("%d of %d interactions are left (%v)", v.Events.Len(), s.Events.Len(), err)
	}
}

func TestHoldOut(t *testing.T) {
	s := shop(t, 200, 40, 0)
	v, what, err := s.Validation(1)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(what, "15% of each user's train items") {
		t.Errorf("the slice is %s", what)
	}
	held := 0
	for u := range s.Events.Users {
		all, left := s.Events.History(u), v.Events.History(u)
		if len(all.Item) > 0 && len(left.Item) == 0 {
			t.Errorf("user %d is left without history", u)
		}
		for _, it := range v.Truth[u] {
			if slices.Contains(left.Item, it) || !slices.Contains(all.Item, it) {
				t.Errorf("user %d: item %d is in truth and train, or in neither", u, it)
			}
		}
		held += len(all.Item) - len(left.Item)
	}
	if share := float64(held) / float64(s.Events.Len()); math.Abs(share-heldOut) > 0.03 {
		t.Errorf("%.3f of the items are held out", share)
	}
	again, _, err := s.Validation(1)
	other, _, err2 := s.Validation(2)
	if err := errors.Join(err, err2); err != nil || !reflect.DeepEqual(again, v) || reflect.DeepEqual(other.Truth, v.Truth) {
		t.Errorf("the slice does not follow from the seed (%v)", err)
	}
	one := newSplit(t, table(t, "train", "a x - - -", "b x - - -", "a y - - -"), table(t, "test", "b y - - -"), false)
	one.Events = one.Events.Between(0, 0)
	if _, _, err := one.Validation(1); !errors.Is(err, models.ErrNoData) {
		t.Errorf("nothing to hold out gives %v", err)
	}
}

func TestThin(t *testing.T) {
	s := &Split{Truth: make([][]int32, 3*tuners)}
	for u := range s.Truth {
		if u%2 == 0 {
			s.Truth[u] = []int32{0}
		}
	}
	s.thin()
	n := 0
	for _, truth := range s.Truth {
		n += len(truth)
	}
	if n != tuners || s.Truth[len(s.Truth)-2] == nil {
		t.Errorf("%d users are left, want %d spread over all", n, tuners)
	}
}

// TestFamilies fits every family with its defaults and with what a search would
// try: whatever the space holds, the family must take.
func TestFamilies(t *testing.T) {
	s := shop(t, 60, 24, 120)
	s.Items = &interactions.Items{}
	for i := range 24 {
		s.Items.IDs = append(s.Items.IDs, fmt.Sprint("i", i))
		s.Items.Title = append(s.Items.Title, fmt.Sprintf("taste%d thing", i%2))
		s.Items.Price = append(s.Items.Price, float64(i))
	}
	s.Group, s.Groups = make([]int32, s.Events.Users), 3
	for u := range s.Group {
		s.Group[u] = int32(u%4) - 1
	}
	for _, f := range Families() {
		t.Run(f.Name, func(t *testing.T) {
			if learnsFromOthers := f.Name == "blend"; f.Tunable() == (f.Baseline || learnsFromOthers) {
				t.Errorf("a baseline is searched, or another family cannot be")
			}
			for n := range 12 {
				settings := f.draw(n, 9, true)
				if !reflect.DeepEqual(settings, f.draw(n, 9, true)) {
					t.Error("a trial does not follow from the seed")
				}
				if n > 0 && !f.Tunable() || testing.Short() && n > 2 {
					break
				}
				settings = append(settings, cheap(f)...)
				o, err := f.With(settings)
				if err != nil {
					t.Fatal(err)
				}
				m, err := f.Fit(t.Context(), &s.Data, s.Now, o, Run{Seed: 1, Workers: 2})
				if err != nil {
					t.Fatalf("%v: %v", settings, err)
				}
				if _, err := s.measure(t.Context(), m, []int{5}, 0, nil); err != nil {
					t.Fatalf("%v: %v", settings, err)
				}
			}
		})
	}
}

// cheap shortens what takes long, where an option says how long.
func cheap(f Family) []options.Setting {
	var out []options.Setting
	for option, value := range map[string]string{"epochs": "2", "iterations": "2", "factors": "8"} {
		if slices.Contains(options.Names(f.Options), option) {
			out = append(out, options.Setting{Model: f.Name, Option: option, Value: value})
		}
	}
	return out
}

func find(t testing.TB, names ...string) []Family {
	t.Helper()
	f, err := Find(names)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestEvaluate(t *testing.T) {
	s := shop(t, 80, 24, 120)
	report, err := Evaluate(t.Context(), Request{Split: s, Families: find(t, "itemknn", "content", "popular"), Ks: []int{5}, Seed: 1,
		Settings: []options.Setting{{Model: "itemknn", Option: "neighbours", Value: "7"}}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range report.Results {
		names = append(names, r.Model)
		if r.Users != report.Results[0].Users || r.PeakRSSBytes < 1<<20 || r.Metrics["ndcg@5"].Low == nil {
			t.Errorf("result %+v", r)
		}
	}
	if want := []string{"itemknn", "popular", "popular-recent", "personal"}; !slices.Equal(names, want) {
		t.Errorf("results of %v, want %v", names, want)
	}
	knn, popular := report.Results[0], report.Results[1]
	if knn.Options["neighbours"] != 7 || knn.Options["kind"] != "rp3beta" {
		t.Errorf("options are %v", knn.Options)
	}
	// Two tastes that share nothing: neighbours must beat popularity.
	d := knn.Differences["popular"]["recall@5"]
	if len(knn.Differences) != 3 || !(*d.Low > 0) || math.Abs(d.Value-(knn.Metrics["recall@5"].Value-popular.Metrics["recall@5"].Value)) > 1e-9 {
		t.Errorf("difference to popular is %+v of %v and %v", d, knn.Metrics["recall@5"], popular.Metrics["recall@5"])
	}
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "content is left out: there is no file of what items are like") {
		t.Errorf("notes %q", report.Notes)
	}
	_, err = Evaluate(t.Context(), Request{Split: s, Families: find(t, "content"), Ks: []int{5}, Must: true})
	if err == nil || !strings.Contains(err.Error(), "content cannot be measured") {
		t.Errorf("content by name without items gives %v", err)
	}
}

func TestFindAndSettings(t *testing.T) {
	if _, err := Find([]string{"svd"}); err == nil || !strings.Contains(err.Error(), `no model "svd": the models are popular, `) {
		t.Errorf("an unknown model gives %v", err)
	}
	if got := find(t, "ials", "popular", "ials"); len(got) != 2 || got[0].Name != "ials" {
		t.Errorf("found %d families", len(got))
	}
	for want, s := range map[string]options.Setting{
		`no model "svd"`:                 {Model: "svd", Option: "x", Value: "1"},
		`ials has no option "depth"`:     {Model: "ials", Option: "depth", Value: "1"},
		"ials.factors=x: not a whole nu": {Model: "ials", Option: "factors", Value: "x"},
	} {
		if err := CheckSettings([]options.Setting{s}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v gives %v", s, err)
		}
	}
}

func tuning(t *testing.T, file string, names ...string) (Tuning, *[]Trial) {
	var tried []Trial
	return Tuning{Families: find(t, names...), Metric: func(string) string { return "ndcg@5" }, Slice: "a slice", Budget: time.Hour, Trials: 6,
		Seed: 11, File: file, Tried: func(tr Trial) { tried = append(tried, tr) }}, &tried
}

// same compares trials without what differs from run to run.
func same(a, b []Trial) bool {
	strip := func(list []Trial) string {
		var out []string
		for _, t := range list {
			out = append(out, fmt.Sprint(t.Model, t.Number, t.Options, t.Value, t.Failed))
		}
		return strings.Join(out, "\n")
	}
	return strip(a) == strip(b)
}

// TestTune interrupts a search after every number of trials and goes on: what
// was tried and what won must be as if nothing had happened.
func TestTune(t *testing.T) {
	s := shop(t, 60, 24, 120)
	dir := t.TempDir()
	whole, tried := tuning(t, filepath.Join(dir, "whole.json"), "itemknn", "rules")
	want, err := Tune(t.Context(), s, whole)
	if err != nil {
		t.Fatal(err)
	}
	if len(*tried) != 12 || (*tried)[0].Model != "itemknn" || (*tried)[1].Model != "rules" || len((*tried)[0].Options) != 0 {
		t.Fatalf("tried %+v", *tried)
	}
	best := want.Models["itemknn"]
	for _, tr := range *tried {
		if tr.Model == "itemknn" && (tr.Value > best.Value || tr.Number == 0 && tr.Value != best.Default) {
			t.Errorf("trial %+v and winner %+v", tr, best)
		}
	}
	for stop := 1; stop < 12; stop += 3 {
		file := filepath.Join(dir, fmt.Sprint(stop, ".json"))
		ctx, cancel := context.WithCancel(t.Context())
		half, _ := tuning(t, file, "itemknn", "rules")
		n := 0
		half.Tried = func(Trial) {
			if n++; n == stop {
				cancel()
			}
		}
		if _, err := Tune(ctx, s, half); !errors.Is(err, context.Canceled) {
			t.Fatalf("an interrupted search gives %v", err)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Error("an interrupted search has written a winner")
		}
		rest, again := tuning(t, file, "itemknn", "rules")
		got, err := Tune(t.Context(), s, rest)
		if err != nil {
			t.Fatal(err)
		}
		if !same(*again, *tried) || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("interrupted after %d trials: %v, want %v", stop, got, want)
		}
	}
	back, err := ReadTuned(whole.File)
	if err != nil || fmt.Sprint(back.Settings()) != fmt.Sprint(want.Settings()) {
		t.Errorf("read back %v, want %v (%v)", back.Settings(), want.Settings(), err)
	}
	o, err := find(t, "itemknn")[0].With(back.Settings())
	if err != nil || fmt.Sprint(options.Describe(o)) != fmt.Sprint(best.Options) {
		t.Errorf("the winner's options %v become %v (%v)", best.Options, options.Describe(o), err)
	}
}

// What would compete without a search is tried right after the defaults, once
// each, however few trials there are, and the winner is no worse than any of it.
func TestTuneTriesCandidatesFirst(t *testing.T) {
	s := shop(t, 60, 24, 120)
	search, tried := tuning(t, "", "itemknn", "rules")
	search.Trials = 3
	set := func(option, value string) []options.Setting {
		return []options.Setting{{Model: "itemknn", Option: option, Value: value}}
	}
	search.Fixed = set("beta", "0.3")
	search.Candidates = func(family string) [][]options.Setting {
		if family != "itemknn" {
			return nil
		}
		return [][]options.Setting{nil, set("kind", "cosine"), set("beta", "0.9"), set("kind", "bm25"), set("kind", "cosine")}
	}
	found, err := Tune(t.Context(), s, search)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []any
	for _, tr := range *tried {
		if tr.Model == "itemknn" {
			kinds = append(kinds, tr.Options["kind"])
		}
		if w := found.Models[tr.Model]; tr.Value > w.Value {
			t.Errorf("trial %+v is above the winner %+v", tr, w)
		}
	}
	if len(kinds) != 5 || !reflect.DeepEqual(kinds[:3], []any{nil, "cosine", "bm25"}) || !found.Models["itemknn"].Full {
		t.Errorf("trials of kinds %v, winner %+v", kinds, found.Models["itemknn"])
	}
}

func TestTuneKeepsOtherWinnersAndKnowsItsData(t *testing.T) {
	s := shop(t, 60, 24, 120)
	file := filepath.Join(t.TempDir(), "tuned.json")
	first, _ := tuning(t, file, "itemknn")
	if _, err := Tune(t.Context(), s, first); err != nil {
		t.Fatal(err)
	}
	second, tried := tuning(t, file, "rules", "popular")
	second.Trials = 2
	found, err := Tune(t.Context(), s, second)
	if err != nil {
		t.Fatal(err)
	}
	both, err := ReadTuned(file)
	if err != nil || len(both.Models) != 2 || len(found.Models) != 1 || len(*tried) != 2 {
		t.Errorf("the file holds %v, found %v after %d trials (%v)", both, found, len(*tried), err)
	}
	// Another model's search leaves the trials of the first; another slice does not.
	begun := 0
	again, _ := tuning(t, file, "itemknn")
	again.Progress = func(stage string, done, total int) {
		if done == 0 && total == 0 {
			begun++
		}
	}
	if _, err := Tune(t.Context(), s, again); err != nil || begun != 0 {
		t.Errorf("%d trials were made again (%v)", begun, err)
	}
	s.Truth[slices.IndexFunc(s.Truth, func(x []int32) bool { return len(x) > 0 })] = nil
	if _, err := Tune(t.Context(), s, again); err != nil || begun != 6 {
		t.Errorf("%d trials on another slice, want 6 (%v)", begun, err)
	}
}

// A search that would draw otherwise, or begin with other candidates, does not go
// on with the trials of another.
func TestFingerprintOfASearch(t *testing.T) {
	s := shop(t, 30, 12, 60)
	search, _ := tuning(t, "", "itemknn")
	was := s.fingerprint(search)
	if again := s.fingerprint(search); again != was {
		t.Error("the same search has two fingerprints")
	}
	other := search
	other.Candidates = func(string) [][]options.Setting {
		return [][]options.Setting{{{Model: "ials", Option: "factors", Value: "8"}}}
	}
	if s.fingerprint(other) == was {
		t.Error("candidates make no difference")
	}
	f := find(t, "itemknn")[0]
	wider := f
	wider.Space = append(slices.Clone(f.Space[1:]), between("k1", 0.3, 6))
	if f.space() == wider.space() || f.space() != find(t, "itemknn")[0].space() {
		t.Error("the space makes no difference")
	}
}

func TestTuneFixedAndRefusals(t *testing.T) {
	s := shop(t, 60, 24, 0)
	fixed, tried := tuning(t, "", "itemknn")
	fixed.Fixed = []options.Setting{{Model: "itemknn", Option: "kind", Value: "cosine"}}
	fixed.Metric = func(string) string { return "recall@3" }
	if _, err := Tune(t.Context(), s, fixed); err != nil {
		t.Fatal(err)
	}
	varied := 0
	for _, tr := range *tried {
		if tr.Options["kind"] != nil {
			t.Errorf("what is fixed is searched: %v", tr.Options)
		}
		if _, dated := tr.Options["half_life_days"]; dated {
			t.Error("decay is searched without days")
		}
		if tr.Options["alpha"] != nil {
			varied++
		}
	}
	if varied != 5 {
		t.Errorf("%d of 6 trials vary alpha, want all but the first", varied)
	}
	for want, change := range map[string]func(*Tuning){
		"has options to search":   func(t *Tuning) { t.Families = t.Families[:0] },
		"give more minutes":       func(t *Tuning) { t.Budget = time.Nanosecond },
		"has no length of list":   func(t *Tuning) { t.Metric = func(string) string { return "auc" } },
		`no metric "hits@3"`:      func(t *Tuning) { t.Metric = func(string) string { return "hits@3" } },
		"no trial was finished":   func(t *Tuning) { t.Fixed = []options.Setting{{Model: "itemknn", Option: "shrink", Value: "-1"}} },
		`has no option "nothing"`: func(t *Tuning) { t.Fixed = []options.Setting{{Model: "itemknn", Option: "nothing", Value: "-1"}} },
	} {
		bad, _ := tuning(t, "", "itemknn")
		change(&bad)
		if _, err := Tune(t.Context(), s, bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestReadTuned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tuned.json")
	if found, err := ReadTuned(path); found != nil || err != nil {
		t.Errorf("no file gives %v, %v", found, err)
	}
	if got := (*Tuned)(nil).Settings(); got != nil {
		t.Errorf("nothing tuned is %v", got)
	}
	for content, want := range map[string]string{
		`{"format_version":1,"mod`:                                             "is damaged",
		`{"format_version":2,"models":{}}`:                                     "format version 2",
		`{"format_version":1,"models":{"svd":{"options":{"x":1}}}}`:            `no model "svd"`,
		`{"format_version":1,"models":{"ials":{"options":{"factors":1.5}}}}`:   "not a whole number",
		`{"format_version":1,"models":{"ials":{"options":{"factors":[1]}}}}`:   "not a whole number",
		`{"format_version":1,"models":{"ials":{"options":{"workers":"all"}}}}`: `no option "workers"`,
	} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadTuned(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s gives %v, want %q", content, err, want)
		}
	}
	ok := `{"format_version":1,"models":{"ials":{"options":{"alpha":0.5,"factors":500}}}}`
	if err := os.WriteFile(path, []byte(ok), 0o644); err != nil {
		t.Fatal(err)
	}
	found, err := ReadTuned(path)
	if want := "[ials.alpha=0.5 ials.factors=500]"; err != nil || fmt.Sprint(found.Settings()) != want {
		t.Errorf("settings %v (%v), want %s", found.Settings(), err, want)
	}
}
