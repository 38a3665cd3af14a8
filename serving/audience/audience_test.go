package audience

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"regulars/data/durable"
	"regulars/models/snapshot"
	"regulars/serving"
	"regulars/serving/filter"
)

// person is a customer of the tests, written down twice: as a snapshot holds
// them and as the tests reckon with them.
type person struct {
	id     string
	churn  float64 // NaN: not scored
	value  float64 // at risk; NaN: not known
	region string
	tier   string
	email  filter.Truth
	optOut bool
	wecom  []string
}

func (p person) user() snapshot.User {
	u := snapshot.User{Profile: []snapshot.Value{text(p.region), {}, snapshot.BoolValue(p.optOut), snapshot.NumberValue(7), text(p.tier)}}
	if p.email != filter.Unknown {
		u.Profile[1] = snapshot.BoolValue(p.email == filter.Yes)
	}
	for _, id := range p.wecom {
		u.Aliases = append(u.Aliases, snapshot.Alias{Source: "wecom", ID: id})
	}
	if math.IsNaN(p.churn) {
		return u
	}
	u.Scores = &snapshot.Scores{Churn: &snapshot.Churn{Probability: p.churn, Percentile: .5, Band: "low"}, ReturnProbability: 1 - p.churn, Stage: "growth",
		RFM: &snapshot.RFM{RecencyDays: 3, Orders: 2, Spend: 9.5}, Course: []float32{.9, .1}}
	if !math.IsNaN(p.value) {
		u.Scores.ValueAtRisk = &p.value
	}
	return u
}

func text(s string) snapshot.Value {
	if s == "" {
		return snapshot.Value{}
	}
	return snapshot.StringValue(s)
}

func publish(t testing.TB, root string, people []person) string {
	t.Helper()
	return publishAsOf(t, root, people, "2011-12-08T00:00:00Z")
}

func publishAsOf(t testing.TB, root string, people []person, asOf string) string {
	t.Helper()
	v, err := snapshot.Publish(root, durable.FS{}, snapshot.Info{CreatedAt: "2011-12-08T03:00:00Z", AsOf: asOf,
		Models: map[string]string{"churn": "c1"}, Propensity: "churn", HorizonDays: 90, Currency: "GBP", Strategies: []string{"s"}, CourseDays: []int{10, 100},
		Features: []snapshot.Feature{{Name: "x"}},
		UserFields: []snapshot.Field{{Name: "region", Kind: snapshot.String}, {Name: "consent_email", Kind: snapshot.Bool}, {Name: "opt_out", Kind: snapshot.Bool},
			{Name: "orders", Kind: snapshot.Number}, {Name: "tier", Kind: snapshot.String}}}, func(w *snapshot.Writer) error {
		errs := []error{w.Items([]snapshot.Item{{ID: "a", InStock: true, Price: math.NaN(), From: snapshot.Undated, AvailableFrom: snapshot.Undated}})}
		for _, p := range people {
			errs = append(errs, w.User(p.id, p.user()))
		}
		return errors.Join(append(errs, w.Popular(nil))...)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := snapshot.SetCurrent(root, durable.FS{}, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// shop publishes people, by ascending id, and returns an engine over them.
func shop(t testing.TB, people []person, o Options) (*Engine, string) {
	t.Helper()
	root := t.TempDir()
	publish(t, root, people)
	o.Store = serving.NewStore(root, serving.Options{Now: func() time.Time { return time.Date(2011, 12, 9, 12, 0, 0, 0, time.UTC) }})
	if err := o.Store.Refresh(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Store.Close)
	if o.TempDir == "" {
		o.TempDir = filepath.Join(t.TempDir(), "tmp")
	}
	return New(o), root
}

// crowd is people of whom much is not known, and many are alike.
func crowd(n int) []person {
	var out []person
	for i := range n {
		p := person{id: fmt.Sprintf("u%05d", i), churn: float64(i*7919%100) / 100, value: float64(i * 104729 % 50), region: []string{"north", "south", ""}[i%3],
			tier: []string{"gold", "gold\x00x", "g", "", "silver"}[i%5], email: filter.Truth(i % 3), optOut: i%11 == 0}
		if i%7 == 0 {
			p.churn = math.NaN()
		}
		if i%4 == 0 || i%7 == 0 {
			p.value = math.NaN()
		}
		if i%5 == 0 {
			p.wecom = []string{fmt.Sprintf("w%d", i), fmt.Sprintf("x%d", i)}
		}
		out = append(out, p)
	}
	return out
}

// written returns an export as text.
func written(t testing.TB, e *Engine, spec Spec, since string, format Format) string {
	t.Helper()
	x, err := e.Open(spec, since)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	var b bytes.Buffer
	n, err := x.Write(context.Background(), &b, format)
	if err != nil {
		t.Fatal(err)
	}
	counted, err := x.Count(context.Background())
	if err != nil || counted != n {
		t.Fatalf("counted %+v, wrote %+v, error %v", counted, n, err)
	}
	return b.String()
}

// records reads CSV back by the standard library; the first are the headers.
func records(t testing.TB, text string) [][]string {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func ids(t testing.TB, e *Engine, spec Spec) []string {
	t.Helper()
	spec.Columns = []string{"user_id"}
	out := []string{}
	for _, r := range records(t, written(t, e, spec, "", CSV))[1:] {
		out = append(out, r[0])
	}
	return out
}

// chosen reckons who is in an audience by looking at everybody.
func chosen(people []person, in func(person) bool) []string {
	out := []string{}
	for _, p := range people {
		if in(p) {
			out = append(out, p.id)
		}
	}
	return out
}

func TestWhoIsInIt(t *testing.T) {
	people := crowd(1000)
	e, _ := shop(t, people, Options{})
	for name, c := range map[string]struct {
		spec Spec
		in   func(person) bool
	}{
		"everybody":             {Spec{}, func(p person) bool { return !p.optOut }},
		"the opted out as well": {Spec{Include: []string{OptedOut}}, func(p person) bool { return true }},
		"by a filter": {Spec{Filter: `score.churn > 0.6 and user.region == "north"`},
			func(p person) bool { return !p.optOut && p.churn > .6 && p.region == "north" }},
		"what is not known does not pass": {Spec{Filter: `not (score.value_at_risk > 10)`}, func(p person) bool { return !p.optOut && p.value <= 10 }},
		"of a channel":                    {Spec{Channel: "email"}, func(p person) bool { return !p.optOut && p.email == filter.Yes }},
		"of a channel, all":               {Spec{Channel: "email", Include: []string{Suppressed, OptedOut}}, func(p person) bool { return true }},
		"of a channel, the opted out too": {Spec{Channel: "email", Include: []string{OptedOut}}, func(p person) bool { return p.email == filter.Yes }},
	} {
		if got, want := ids(t, e, c.spec), chosen(people, c.in); !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s: %d, want %d", name, len(got), len(want))
		}
	}
}

// told is what is known beyond the snapshot.
type told struct {
	out    map[string]bool
	erased map[string]bool
	gone   map[string]time.Time // from e-mail, by any id
}

func (l told) OptedOut(id string) (bool, bool) { out, known := l.out[id]; return out, known }
func (l told) Erased(id string) bool           { return l.erased[id] }
func (l told) Unsubscribed(id, channel string) time.Time {
	if channel != "email" {
		return time.Time{}
	}
	return l.gone[id]
}

// Who has unsubscribed since the snapshot, by any of their ids, is written to by that
// channel no more, and does not pass a filter for it.
func TestUnsubscribedSince(t *testing.T) {
	people := crowd(60)
	agreed := chosen(people, func(p person) bool { return !p.optOut && p.email == filter.Yes })
	i := slices.IndexFunc(people, func(p person) bool { return len(p.wecom) > 0 && slices.Contains(agreed, p.id) })
	byAlias, others := people[i].id, slices.DeleteFunc(slices.Clone(agreed), func(id string) bool { return id == people[i].id })
	since, before := others[0], others[1]
	asOf := time.Date(2011, 12, 8, 0, 0, 0, 0, time.UTC)
	e, _ := shop(t, people, Options{Live: told{gone: map[string]time.Time{since: asOf, before: asOf.AddDate(0, 0, -2), people[i].wecom[0]: asOf.Add(time.Hour)}}})
	want := slices.DeleteFunc(slices.Clone(agreed), func(id string) bool { return id == since || id == byAlias })
	for name, spec := range map[string]Spec{"a channel": {Channel: "email"}, "a filter": {Filter: "user.consent_email"}} {
		if got := ids(t, e, spec); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// A snapshot of a day that goes on knows what was told before it was made alone: by
// default as_of is the day after the last order, which may be of today.
func TestUnsubscribedOnTheDayOfTheSnapshot(t *testing.T) {
	people := crowd(60) // of a snapshot of 2011-12-08T03:00:00Z
	agreed := chosen(people, func(p person) bool { return !p.optOut && p.email == filter.Yes })
	asOf := time.Date(2011, 12, 9, 0, 0, 0, 0, time.UTC)
	root := t.TempDir()
	publishAsOf(t, root, people, asOf.Format(time.RFC3339))
	store := serving.NewStore(root, serving.Options{})
	if err := store.Refresh(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	e := New(Options{Store: store, TempDir: t.TempDir(), Live: told{gone: map[string]time.Time{agreed[0]: asOf.Add(-14 * time.Hour),
		agreed[1]: asOf.Add(-22 * time.Hour), agreed[2]: asOf.Add(-5 * 24 * time.Hour)}}})
	if got := ids(t, e, Spec{Channel: "email"}); !slices.Equal(got, agreed[2:]) {
		t.Errorf("%v, want all of %v but two", got, agreed)
	}
}

func TestWhatWasToldSinceCounts(t *testing.T) {
	people := crowd(40) // of whom 0, 11, 22 and 33 have opted out
	e, _ := shop(t, people, Options{Live: told{out: map[string]bool{"u00001": true, "u00011": false}, erased: map[string]bool{"u00002": true}}})
	got := ids(t, e, Spec{})
	for id, want := range map[string]bool{"u00001": false, "u00011": true, "u00002": false, "u00022": false, "u00003": true} {
		if slices.Contains(got, id) != want {
			t.Errorf("%s is in it: %v", id, !want)
		}
	}
	if slices.Contains(ids(t, e, Spec{Include: []string{OptedOut, Suppressed}}), "u00002") {
		t.Error("one who was erased is in it")
	}
}

// However little fits into memory, customers come in the order asked for.
func TestOrder(t *testing.T) {
	people := crowd(300)
	e, _ := shop(t, people, Options{})
	type key struct {
		name string
		of   func(a, b person, sign int) int
	}
	number := func(of func(person) float64) func(a, b person, sign int) int {
		return func(a, b person, sign int) int {
			x, y := of(a), of(b)
			if math.IsNaN(x) || math.IsNaN(y) {
				return cmp.Compare(btoi(math.IsNaN(x)), btoi(math.IsNaN(y)))
			}
			return sign * cmp.Compare(x, y)
		}
	}
	word := func(of func(person) string) func(a, b person, sign int) int {
		return func(a, b person, sign int) int {
			x, y := of(a), of(b)
			if x == "" || y == "" {
				return cmp.Compare(btoi(x == ""), btoi(y == ""))
			}
			return sign * strings.Compare(x, y)
		}
	}
	keys := []key{{"score.churn", number(func(p person) float64 { return p.churn })}, {"value_at_risk", number(func(p person) float64 { return p.value })},
		{"user.region", word(func(p person) string { return p.region })}, {"tier", word(func(p person) string { return p.tier })},
		{"opt_out", number(func(p person) float64 { return float64(btoi(p.optOut)) })}}
	rapid.Check(t, func(t *rapid.T) {
		by := rapid.SliceOfN(rapid.SampledFrom(keys), 1, 4).Draw(t, "keys")
		signs := rapid.SliceOfN(rapid.SampledFrom([]int{1, -1}), len(by), len(by)).Draw(t, "signs")
		spec := Spec{Include: []string{OptedOut}, Limit: rapid.SampledFrom([]int{0, 1, 7, 120, 299, 300, 1000}).Draw(t, "limit"), Columns: []string{"user_id"}}
		for i, k := range by {
			spec.Sort = append(spec.Sort, map[int]string{1: "", -1: "-"}[signs[i]]+k.name)
		}
		want := slices.Clone(people)
		slices.SortFunc(want, func(a, b person) int {
			for i, k := range by {
				if c := k.of(a, b, signs[i]); c != 0 {
					return c
				}
			}
			return strings.Compare(a.id, b.id)
		})
		if spec.Limit > 0 {
			want = want[:min(spec.Limit, len(want))]
		}
		e.room.rows = rapid.SampledFrom([]int{1, 17, 299, 300, 100_000}).Draw(t, "rows in memory")
		e.room.bytes = rapid.SampledFrom([]int{1, 500, 1 << 20}).Draw(t, "bytes in memory")
		x, err := e.Open(spec, "")
		if err != nil {
			t.Fatal(err)
		}
		defer x.Close()
		var got []string
		err = x.rows(context.Background(), func(c []Cell) error { got = append(got, c[0].Text); return nil })
		if err != nil || !slices.Equal(got, chosen(want, func(person) bool { return true })) {
			t.Fatalf("sorted by %v: %v, error %v", spec.Sort, got, err)
		}
	})
	if left, _ := os.ReadDir(e.room.dir); len(left) != 0 {
		t.Errorf("sorting left %d files behind", len(left))
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestNothingIsLeftOfAnExportThatEnds(t *testing.T) {
	e, _ := shop(t, crowd(500), Options{})
	e.room.rows = 10
	x, err := e.Open(Spec{Sort: []string{"-score.churn"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	err = x.rows(ctx, func([]Cell) error {
		if n++; n == 100 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n != 100 {
		t.Errorf("cancelled after 100 rows: %d, error %v", n, err)
	}
	if left, _ := os.ReadDir(e.room.dir); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
	e.room.dir = filepath.Join(e.room.dir, "file", "below")
	if err := os.WriteFile(filepath.Dir(e.room.dir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if x.room = e.room; x.rows(context.Background(), func([]Cell) error { return nil }) == nil {
		t.Error("a sort that has no room says nothing")
	}
}

func awkward() []person {
	return []person{
		{id: "-5", region: "-3.5e2", churn: .25, value: 41.2, wecom: []string{"+86"}},
		{id: "=1+1", region: "=HYPERLINK(\"http://x\")", churn: .5, value: math.NaN(), tier: "@SUM(A1)"},
		{id: "a,b\"c", region: "two\nlines", churn: math.NaN(), tier: "\tx"},
		{id: "客户", region: "北京", churn: 1e-7, value: 0, tier: "-x", email: filter.Yes, wecom: []string{"企1", "企2"}},
	}
}

// The next order: ln S falls from 0 to ln .9 in 10 days and to ln .1 in 100. Seen
// after one day it is half as likely as then on day 10 + 90·(.7037−.1054)/2.1972
// = 34.5, which is 2012-01-11.
func TestCSV(t *testing.T) {
	e, _ := shop(t, awkward(), Options{})
	text := written(t, e, Spec{IDs: []string{"wecom"}, Columns: []string{"churn_probability", "score.value_at_risk", "currency", "region", "tier", "consent_email", "expected_next_order_date", "as_of"}}, "", CSV)
	want := [][]string{
		{"user_id", "wecom", "churn_probability", "value_at_risk", "currency", "region", "tier", "consent_email", "expected_next_order_date", "as_of"},
		{"-5", "+86", "0.25", "41.2", "GBP", "-3.5e2", "", "", "2012-01-11", "2011-12-08"},
		{"'=1+1", "", "0.5", "", "GBP", `'=HYPERLINK("http://x")`, "'@SUM(A1)", "", "2012-01-11", "2011-12-08"},
		{`a,b"c`, "", "", "", "GBP", "two\nlines", "'\tx", "", "", "2011-12-08"},
		{"客户", "企1;企2", "0.0000001", "0", "GBP", "北京", "'-x", "true", "2012-01-11", "2011-12-08"},
	}
	if got := records(t, text); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if !strings.HasSuffix(text, "\r\n") || strings.HasPrefix(text, byteOrderMark) {
		t.Error("lines end otherwise than RFC 4180 says, or there is a mark that nobody asked for")
	}
}

func TestChineseCSV(t *testing.T) {
	e, _ := shop(t, awkward(), Options{})
	text := written(t, e, Spec{Lang: serving.Chinese, Columns: []string{"churn_probability", "consent_email", "region", "stage_text"}}, "", CSV)
	rest, marked := strings.CutPrefix(text, "\xef\xbb\xbf")
	if !marked {
		t.Error("Excel would not know that it is UTF-8")
	}
	all := records(t, rest)
	if want := []string{"客户编号", "流失概率", "同意邮件触达", "地区", "生命周期阶段名称"}; !slices.Equal(all[0], want) {
		t.Errorf("headers %q", all[0])
	}
	if !slices.ContainsFunc([]rune(all[1][4]), func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		t.Errorf("the stage is not told in Chinese: %q", all[1])
	}
	// All columns there are have headers of their own.
	all = records(t, strings.TrimPrefix(written(t, e, Spec{Lang: serving.Chinese}, "", CSV), byteOrderMark))
	seen := map[string]bool{}
	for _, h := range all[0] {
		if h == "" || seen[h] {
			t.Errorf("the header %q comes twice or is empty", h)
		}
		seen[h] = true
	}
}

// Nor in a spreadsheet that expects other signs between cells than commas.
func TestAFormulaNeverBegins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching("[=+\\-@＝＋－＠\t\r\n;,0-9a.e茶]{0,8}").Draw(t, "cell")
		out := inert(s)
		if strings.ReplaceAll(out, "'", "") != s {
			t.Fatalf("%q became %q", s, out)
		}
		if out != "" && strings.ContainsAny(out[:1], "\t\r\n") {
			t.Fatalf("%q became %q, which begins with what is passed over", s, out)
		}
		needed := false
		for _, cell := range strings.FieldsFunc(out, func(r rune) bool { return strings.ContainsRune(";\t\r\n", r) }) {
			if _, err := strconv.ParseFloat(cell, 64); err != nil && strings.ContainsRune("=+-@＝＋－＠", []rune(cell)[0]) {
				t.Fatalf("%q became %q, in which %q begins a formula", s, out, cell)
			}
			needed = needed || cell[0] == '\''
		}
		if out != s && !needed && out[0] != '\'' {
			t.Fatalf("%q became %q for nothing", s, out)
		}
	})
	for s, want := range map[string]string{"wm_1;=x": "wm_1;'=x", "+86;-5": "+86;-5", "＝1+1": "'＝1+1", "a=b;c": "a=b;c", "x\r\n=1": "x\r\n'=1", "5-3": "5-3"} {
		if out := inert(s); out != want {
			t.Errorf("%q became %q, want %q", s, out, want)
		}
	}
}

// What a customer has said since the snapshot is what filters and columns say.
func TestOptOutsAreToldAsTheyAre(t *testing.T) {
	e, _ := shop(t, []person{{id: "allows", optOut: true}, {id: "refuses"}, {id: "said nothing", optOut: true}}, Options{
		Live: told{out: map[string]bool{"allows": false, "refuses": true}}})
	want := [][]string{{"user_id", "opt_out"}, {"allows", "false"}, {"refuses", "true"}, {"said nothing", "true"}}
	if got := records(t, written(t, e, Spec{Include: []string{OptedOut}, Columns: []string{"opt_out"}}, "", CSV)); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := ids(t, e, Spec{Include: []string{OptedOut}, Filter: "user.opt_out", Sort: []string{"-opt_out"}}); !slices.Equal(got, []string{"refuses", "said nothing"}) {
		t.Errorf("who refuses is told to be %q", got)
	}
	if got := ids(t, e, Spec{}); !slices.Equal(got, []string{"allows"}) {
		t.Errorf("who may be written to is told to be %q", got)
	}
}

func TestJSONLines(t *testing.T) {
	e, _ := shop(t, awkward(), Options{})
	lines := strings.Split(strings.TrimSpace(written(t, e, Spec{IDs: []string{"wecom"}}, "", JSONL)), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines", len(lines))
	}
	var first, third map[string]any
	for i, into := range map[int]*map[string]any{0: &first, 2: &third} {
		if err := json.Unmarshal([]byte(lines[i]), into); err != nil {
			t.Fatalf("%s: %v", lines[i], err)
		}
	}
	for name, want := range map[string]any{"user_id": "-5", "wecom": "+86", "churn_probability": .25, "return_probability": .75, "value_at_risk": 41.2, "lapsed": false, "currency": "GBP",
		"orders": 2.0, "total_spend": 9.5, "region": "-3.5e2", "opt_out": false, "as_of": "2011-12-08", "expected_next_order_low": "2011-12-18"} {
		if first[name] != want {
			t.Errorf("%s is %v, want %v", name, first[name], want)
		}
	}
	for _, name := range []string{"tier", "consent_email", "predicted_clv", "recall_score"} {
		if v, there := first[name]; there {
			t.Errorf("%s is not known and said to be %v", name, v)
		}
	}
	if third["user_id"] != `a,b"c` || third["region"] != "two\nlines" || third["churn_probability"] != nil {
		t.Errorf("third: %v", third)
	}
	if !strings.HasPrefix(lines[0], `{"user_id":"-5","wecom":"+86","churn_probability":0.25,`) {
		t.Errorf("columns come in another order: %s", lines[0])
	}
}

func TestParquet(t *testing.T) {
	people := crowd(25_000) // several row groups
	e, _ := shop(t, people, Options{})
	text := written(t, e, Spec{Include: []string{OptedOut}, Columns: []string{"value_at_risk", "region", "lapsed", "as_of"}}, "", Parquet)
	f, err := parquet.OpenFile(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range f.Root().Columns() {
		names = append(names, c.Name())
	}
	if !slices.Equal(names, []string{"user_id", "value_at_risk", "region", "lapsed", "as_of"}) || len(f.RowGroups()) < 3 {
		t.Errorf("columns %v, %d row groups", names, len(f.RowGroups()))
	}
	type row struct {
		UserID string   `parquet:"user_id,optional"`
		Value  *float64 `parquet:"value_at_risk,optional"`
		Region *string  `parquet:"region,optional"`
		Lapsed *bool    `parquet:"lapsed,optional"`
		AsOf   int32    `parquet:"as_of,optional,date"`
	}
	rows, err := parquet.Read[row](strings.NewReader(text), int64(len(text)))
	if err != nil || len(rows) != len(people) {
		t.Fatalf("%d rows, error %v", len(rows), err)
	}
	day := int32(time.Date(2011, 12, 8, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	for i, p := range people {
		r := rows[i]
		if r.UserID != p.id || (r.Value == nil) != math.IsNaN(p.value) || r.Value != nil && *r.Value != p.value ||
			(r.Region == nil) != (p.region == "") || r.Region != nil && *r.Region != p.region || (r.Lapsed == nil) != math.IsNaN(p.churn) || r.AsOf != day {
			t.Fatalf("row %d: %+v, want %+v", i, r, p)
		}
	}
}

func TestChanges(t *testing.T) {
	before := crowd(500)
	e, root := shop(t, before, Options{Live: told{erased: map[string]bool{"u00004": true, "u00499": true}}})
	old, _, err := snapshot.Current(root)
	if err != nil {
		t.Fatal(err)
	}
	var after []person
	for i, p := range before {
		switch i % 10 {
		case 3:
			p.region = "west" // changes, or leaves where the filter asks for the region
		case 5:
			p.value++ // not among the columns
		case 9:
			continue // gone
		}
		after = append(after, p)
	}
	after = append(after, person{id: "v", churn: .5, value: 3, region: "north"})
	publish(t, root, after)
	if err := e.opts.Store.Refresh(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spec Spec
		in   func(p person) bool
	}{
		"everybody":   {Spec{}, func(person) bool { return true }},
		"by a filter": {Spec{Filter: `user.region == "north"`}, func(p person) bool { return p.region == "north" }},
	} {
		c.spec.IDs, c.spec.Columns = []string{"wecom"}, []string{"region", "as_of"}
		was, is := map[string]person{}, map[string]person{}
		for _, p := range before {
			if c.in(p) && !p.optOut {
				was[p.id] = p
			}
		}
		want := [][]string{{"user_id", "change", "wecom", "region", "as_of"}}
		for _, p := range after {
			if !c.in(p) || p.optOut || p.id == "u00004" || p.id == "u00499" {
				continue
			}
			is[p.id] = p
			if old, there := was[p.id]; !there {
				want = append(want, []string{p.id, "entered", strings.Join(p.wecom, ";"), p.region, "2011-12-08"})
			} else if old.region != p.region {
				want = append(want, []string{p.id, "changed", strings.Join(p.wecom, ";"), p.region, "2011-12-08"})
			}
		}
		for id, p := range was {
			if _, there := is[id]; !there && id != "u00004" && id != "u00499" {
				want = append(want, []string{id, "left", strings.Join(p.wecom, ";"), "", ""})
			}
		}
		slices.SortFunc(want[1:], slices.Compare)
		got := records(t, written(t, e, c.spec, old, CSV))
		if !slices.EqualFunc(got, want, slices.Equal) || len(want) < 30 {
			t.Errorf("%s: %d rows, want %d", name, len(got), len(want))
			for i := range min(len(got), len(want)) {
				if !slices.Equal(got[i], want[i]) {
					t.Fatalf("row %d is %q, want %q", i, got[i], want[i])
				}
			}
		}
	}
	// Of the best ten, those who are no longer among them leave.
	spec := Spec{Sort: []string{"user_id"}, Limit: 10, Columns: []string{"region"}}
	var changes []string
	for _, r := range records(t, written(t, e, spec, old, CSV))[1:] {
		changes = append(changes, r[0]+" "+r[1])
	}
	if want := []string{"u00003 changed", "u00009 left", "u00012 entered", "u00013 entered"}; !slices.Equal(changes, want) {
		t.Errorf("changes of the first ten: %q, want %q", changes, want)
	}
}

func TestOlderSnapshotsThatAreGone(t *testing.T) {
	e, root := shop(t, crowd(5), Options{})
	for _, since := range []string{"2010-01-01-00000000", "../../etc", "", "x"} {
		if since == "" {
			continue
		}
		var older *OlderError
		if _, err := e.Open(Spec{}, since); !errors.As(err, &older) || !errors.Is(err, serving.ErrNoVersion) {
			t.Errorf("%q: %v", since, err)
		}
	}
	current, _, _ := snapshot.Current(root)
	var spec *SpecError
	if _, err := e.Open(Spec{Limit: sortRows + 1}, current); !errors.As(err, &spec) || spec.Part != "limit" {
		t.Error(err)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	e, _ := shop(t, crowd(5), Options{})
	many := strings.Split(strings.Repeat("x,", 300), ",")
	for part, specs := range map[string][]Spec{
		"filter":  {{Filter: "score.chrun > 1"}, {Filter: "item.price > 1"}, {Filter: " "}, {Filter: strings.Repeat("x", 9999)}},
		"sort":    {{Sort: []string{"-score.nope"}}, {Sort: []string{"-"}}, {Sort: []string{""}}, {Sort: many}, {Sort: []string{"reasons"}}},
		"limit":   {{Limit: -1}},
		"columns": {{Columns: []string{"nope"}}, {Columns: many}, {Columns: []string{"region", "user.region"}}, {Columns: []string{"item.price"}}},
		"ids":     {{IDs: many}, {IDs: []string{""}}},
		"channel": {{Channel: "fax"}},
		"include": {{Include: []string{"erased"}}},
	} {
		for _, s := range specs {
			var wrong *SpecError
			if _, err := e.Open(s, ""); !errors.As(err, &wrong) || wrong.Part != part {
				t.Errorf("%+v: %v, want an error of %s", s, err, part)
			}
		}
	}
	var at *filter.Error
	if _, err := e.Open(Spec{Filter: "score.chrun > 1"}, ""); !errors.As(err, &at) || at.Column != 7 {
		t.Errorf("the error does not point at the character: %v", err)
	}
	if err := (Spec{Filter: "score.churn >"}).Check(); err == nil {
		t.Error("a filter that cannot be read passes without a snapshot")
	}
	if err := (Spec{Filter: "user.of_the_shops_own > 3", Sort: []string{"x"}}).Check(); err != nil {
		t.Error(err)
	}
	empty := New(Options{Store: serving.NewStore(t.TempDir(), serving.Options{})})
	if _, err := empty.Open(Spec{}, ""); !errors.Is(err, serving.ErrNotReady) {
		t.Error(err)
	}
}

// Rows a second of whole exports, and what they leave on the heap at most.
func BenchmarkExport(b *testing.B) {
	const n = 100_000
	e, _ := shop(b, crowd(n), Options{})
	e.room.rows = n / 10 // so that sorting goes to disk
	for name, c := range map[string]struct {
		spec   Spec
		format Format
	}{
		"csv":     {Spec{Include: []string{OptedOut}}, CSV},
		"jsonl":   {Spec{Include: []string{OptedOut}}, JSONL},
		"parquet": {Spec{Include: []string{OptedOut}}, Parquet},
		"sorted":  {Spec{Include: []string{OptedOut}, Sort: []string{"-score.value_at_risk"}}, CSV},
		"best":    {Spec{Include: []string{OptedOut}, Sort: []string{"-score.value_at_risk"}, Limit: 1000}, CSV},
		"filter":  {Spec{Include: []string{OptedOut}, Filter: "score.churn > 0.98"}, CSV},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x, err := e.Open(c.spec, "")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := x.Write(context.Background(), io.Discard, c.format); err != nil {
					b.Fatal(err)
				}
				x.Close()
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "customers/s")
		})
	}
}
