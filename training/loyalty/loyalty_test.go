package loyalty_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"regulars/data"
	"regulars/features"
	"regulars/features/duck"
	"regulars/training/loyalty"
	"regulars/training/page"
)

var update = flag.Bool("update", false, "write the golden file anew")

// The shop, at 2024-07-01. In words:
//
//	ann  2023-01-10, 03-01, then nothing for 467 days, then 2024-06-10 and 06-20: revived
//	bob  2024-05-15: activation
//	cat  2024-01-15, sent back on the 18th, complained on the 20th: decline
//	dan  2024-03-20 and 03-25, both at a discount: decline
//	eve  on the 10th of February to June 2024: maturity
//	fay  2023-06-15: lost
//	ivy  2023-02-01, 2023-12-01 (303 days later), 2024-01-20, which came late: decline
//	gus, jan  signed up and never ordered: introduction
//
// What lies at and after as_of must not show anywhere.
const (
	orders = `('a1','ann','tea','2023-01-10',10,0,false), ('a2','ann','tea','2023-03-01',20,0,false), ('a3','ann','tea','2024-06-10',30,0,false),
		('a4','ann','tea','2024-06-20',40,0,false), ('b1','bob','cup','2024-05-15',100,0,false), ('c1','cat','cup','2024-01-15',10,0,false),
		('c2','cat','cup','2024-01-18',10,0,true), ('d1','dan','cup','2024-03-20',5,1,false), ('d2','dan','cup','2024-03-25',5,1,false),
		('e1','eve','cup','2024-02-10',20,0,false), ('e2','eve','cup','2024-03-10',20,0,false), ('e3','eve','cup','2024-04-10',20,0,false),
		('e4','eve','cup','2024-05-10',20,0,false), ('e5','eve','cup','2024-06-10',20,0,false), ('f1','fay','cup','2023-06-15',50,0,false),
		('i1','ivy','cup','2023-02-01',1,0,false), ('i2','ivy','cup','2023-12-01',1,0,false), ('i3','ivy','cup','2024-01-20',1,0,false),
		('z1','cat','tea','2024-07-01',999,0,false), ('z2','new','tea','2024-07-02',999,0,false)`
	users  = `('gus','2024-05-01','eve'), ('bob','2024-05-10','ann'), ('eve','2024-02-01',NULL), ('jan','2024-06-20',NULL), ('late','2024-07-01','ann')`
	events = `('gus','2024-05-02','onboarding_step','profile'), ('bob','2024-05-11','onboarding_step','profile'), ('bob','2024-05-12','onboarding_step','<i>cart</i>'),
		('ivy','2024-01-25','late_delivery',NULL), ('eve','2024-07-01','onboarding_step','profile')`
	feedback = `('ann','2024-06-25','nps',10,NULL), ('eve','2024-03-01','nps',9,NULL), ('eve','2024-06-01','nps',5,NULL), ('bob','2024-05-20','nps',8,NULL),
		('fay','2023-06-20','nps',0,NULL), ('bob','2024-07-01','nps',0,NULL), ('cat','2024-01-20','complaint',NULL,'Late: the parcel'),
		('fay','2024-06-01','complaint',NULL,'late again'), ('bob','2024-06-15','complaint',NULL,'价格，太高'),
		('eve','2024-05-01','complaint',NULL,'<script>alert(1)</script> here'), ('ann','2024-07-03','complaint',NULL,'unseen')`
	promotions = `('<b>P1</b>','2024-06-08','2024-06-12','discount','tea',NULL), ('P2','2024-06-08','2024-06-12','gift',NULL,NULL),
		('P3','2024-06-18','2024-07-20','points',NULL,'drink'), ('P4','2024-07-05','2024-07-09','gift',NULL,NULL)`
	items = `('tea','drink'), ('cup','ware')`
)

func lakeOf(t *testing.T, tables map[data.Table]string) map[data.Table][]string {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	out := map[data.Table][]string{}
	for table, query := range tables {
		path := filepath.Join(t.TempDir(), string(table)+".parquet")
		if _, err := db.Exec("COPY (" + query + ") TO '" + path + "' (FORMAT parquet)"); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		out[table] = []string{path}
	}
	return out
}

const ordersQuery = `SELECT o AS order_id, u AS user_id, i AS item_id, CAST(d || ' 12:00:00+00' AS TIMESTAMPTZ) AS ts, CAST(1 AS BIGINT) AS quantity,
	CAST(p AS DECIMAL(18,4)) AS unit_price, CAST(c AS DECIMAL(18,4)) AS discount, r AS is_return FROM (VALUES ` + orders + `) v(o, u, i, d, p, c, r)`

func wholeShop(t *testing.T) map[data.Table][]string {
	return lakeOf(t, map[data.Table]string{
		data.Orders:     ordersQuery,
		data.Users:      `SELECT u AS user_id, CAST(d || ' 09:00:00+00' AS TIMESTAMPTZ) AS signed_up_at, CAST(r AS VARCHAR) AS referrer_id FROM (VALUES ` + users + `) v(u, d, r)`,
		data.Events:     `SELECT u AS user_id, CAST(d || ' 10:00:00+00' AS TIMESTAMPTZ) AS ts, y AS type, CAST(p AS VARCHAR) AS placement FROM (VALUES ` + events + `) v(u, d, y, p)`,
		data.Feedback:   `SELECT u AS user_id, CAST(d || ' 10:00:00+00' AS TIMESTAMPTZ) AS ts, k AS kind, CAST(s AS DOUBLE) AS score, CAST(x AS VARCHAR) AS text FROM (VALUES ` + feedback + `) v(u, d, k, s, x)`,
		data.Promotions: `SELECT p AS promotion_id, CAST(a || ' 00:00:00+00' AS TIMESTAMPTZ) AS starts_at, CAST(b || ' 00:00:00+00' AS TIMESTAMPTZ) AS ends_at, k AS kind, CAST(i AS VARCHAR) AS item_id, CAST(c AS VARCHAR) AS category FROM (VALUES ` + promotions + `) v(p, a, b, k, i, c)`,
		data.Items:      `SELECT i AS item_id, c AS category FROM (VALUES ` + items + `) v(i, c)`,
	})
}

func reportOf(t *testing.T, lake map[data.Table][]string, asOf string, parameters map[string]float64) *loyalty.Report {
	t.Helper()
	groups, err := features.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	if groups, err = features.WithParameters(groups, parameters); err != nil {
		t.Fatal(err)
	}
	day, err := data.ParseDay(asOf)
	if err != nil {
		t.Fatal(err)
	}
	report, err := loyalty.Make(context.Background(), duck.New(), features.Request{Lake: lake, AsOf: []data.Day{day}, Groups: groups, Root: t.TempDir(), Threads: 2}, "EUR")
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestShop compares every figure with the golden file, which was worked out by
// hand from the shop above (rates are part / whole).
func TestShop(t *testing.T) {
	report := reportOf(t, wholeShop(t), "2024-07-01", nil)
	got, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/report.json"
	if *update {
		if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(append(got, '\n'), want) {
		t.Errorf("the report is not %s:\n%s", golden, got)
	}
}

// figure looks a value up in a report as JSON, by keys and positions.
func figure(t *testing.T, report *loyalty.Report, path ...any) any {
	t.Helper()
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var at any
	if err := json.Unmarshal(text, &at); err != nil {
		t.Fatal(err)
	}
	for _, step := range path {
		switch s := step.(type) {
		case string:
			at = at.(map[string]any)[s]
		case int:
			at = at.([]any)[s]
		}
	}
	return at
}

// TestThreshold: at 0.6, ann (2 of 3 order days followed by another) is loyal too.
func TestThreshold(t *testing.T) {
	lake := wholeShop(t)
	for threshold, want := range map[float64]float64{0.75: 1, 0.6: 2, 0.3: 4} {
		report := reportOf(t, lake, "2024-07-01", map[string]float64{"loyal_customers.threshold": threshold})
		if got := figure(t, report, "loyal", "all", "part"); got != want || figure(t, report, "loyal", "threshold") != threshold {
			t.Errorf("threshold %v: %v loyal customers, want %v", threshold, got, want)
		}
	}
}

// TestOrdersAlone: what has no table is absent with a reason and shows no zeros.
func TestOrdersAlone(t *testing.T) {
	report := reportOf(t, lakeOf(t, map[data.Table]string{data.Orders: ordersQuery}), "2024-07-01", nil)
	for section, table := range map[string]string{"nps": "feedback", "funnel": "users", "onboarding": "events", "referrals": "users", "complaints": "feedback", "promotions": "promotions"} {
		if got := report.Absent[section]; !strings.HasPrefix(got, "the lake has no ") || !strings.Contains(got, table) {
			t.Errorf("%s: absent because %q, want no %s", section, got, table)
		}
	}
	if report.NPS != nil || report.Funnel != nil || report.Onboarding != nil || report.Referrals != nil || report.Complaints != nil || report.Promotions != nil {
		t.Errorf("figures without a table: %+v", report)
	}
	for _, l := range report.Leavers {
		for _, r := range l.Reasons {
			if r.Reason == "complaint" || r.Reason == "late" {
				t.Errorf("leavers: %s is told although no table knows of it", r.Reason)
			}
		}
	}
	for _, lang := range []page.Lang{page.English, page.Chinese} {
		for _, s := range report.View(lang) {
			if (s.Absent == "") == (len(s.Tables) == 0) {
				t.Errorf("section %s: absent %q with %d tables", s.ID, s.Absent, len(s.Tables))
			}
		}
	}
	if got := report.View(page.Chinese)[2].Absent; got != "暂无：数据湖中没有表：feedback" {
		t.Errorf("in Chinese: %q", got)
	}
}

// TestBeforeHistory: a date before the first order yields a report that says so.
func TestBeforeHistory(t *testing.T) {
	report := reportOf(t, lakeOf(t, map[data.Table]string{data.Orders: ordersQuery}), "2022-01-01", nil)
	if report.Windows != nil || report.Value != nil || report.Loyal != nil || report.Stages != nil {
		t.Errorf("figures before the first order: %+v", report)
	}
	for _, s := range report.View(page.English) {
		if s.Absent == "" {
			t.Errorf("section %s is empty and does not say why", s.ID)
		}
	}
}

func TestHTML(t *testing.T) {
	report := reportOf(t, wholeShop(t), "2024-07-01", nil)
	for _, lang := range []page.Lang{page.English, page.Chinese} {
		var written bytes.Buffer
		if err := report.WriteHTML(&written, lang); err != nil {
			t.Fatal(err)
		}
		text := written.String()
		for _, bad := range []string{"<script", "<b>P1", "<i>cart", "http:", "https:", "src=", "ZgotmplZ", "NaN", "%!"} {
			if strings.Contains(text, bad) {
				t.Errorf("the page holds %q", bad)
			}
		}
		for _, want := range []string{"&lt;b&gt;P1&lt;/b&gt;", "&lt;script&gt;alert(1)", "&lt;i&gt;cart&lt;/i&gt;", "<svg", "价格", "EUR"} {
			if !strings.Contains(text, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		checkNesting(t, text)
	}
}

// checkNesting reads the page as XML, in which every element that is opened is closed.
func checkNesting(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
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
			if len(open) > 0 && e.Name.Local == open[len(open)-1] {
				open = open[:len(open)-1]
			} else if e.Name.Local != "line" && e.Name.Local != "path" && e.Name.Local != "meta" {
				t.Fatalf("</%s> closes %v", e.Name.Local, open)
			}
		}
	}
	if len(open) > 0 {
		t.Errorf("%v stay open", open)
	}
}

// TestIdentities: two ids of one person count as one, also in the look a span earlier.
func TestIdentities(t *testing.T) {
	groups, err := features.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	asOf, _ := data.ParseDay("2024-07-01")
	report, err := loyalty.Make(context.Background(), duck.New(), features.Request{Lake: lakeOf(t, map[data.Table]string{data.Orders: ordersQuery}),
		AsOf: []data.Day{asOf}, Groups: groups, Root: t.TempDir(), Threads: 2,
		Identities: map[data.Day][]features.Identity{asOf: {{From: "fay", To: "eve"}}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := figure(t, report, "lifetime_value", "customers"); got != 6. {
		t.Errorf("%v customers, want 6", got)
	}
	var lost int64
	for _, s := range report.Stages.Stages {
		if s.State == "lost" {
			lost = s.Customers + s.Before
		}
	}
	if lost != 1 { // ann, a span earlier; fay is eve now
		t.Errorf("%d customers in lost, now and earlier, want 1", lost)
	}
}
