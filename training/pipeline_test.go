package training

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
	"regulars/data/synth"
	"regulars/features"
	"regulars/features/duck"
	"regulars/features/read"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/models/snapshot"
)

// testShop is small enough to train on in seconds.
var testShop = synth.Options{Users: 1500, Items: 150, Months: 18, Seed: 11}

// fillLake imports the rows of a simulated shop that keep lets through.
func fillLake(t *testing.T, l *lake.Lake, shop *synth.Shop, keep func(data.Schema, data.Row) bool) {
	t.Helper()
	im, err := l.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []data.Table{data.Users, data.Items, data.Orders, data.Events, data.Contacts} {
		reader, schema, err := shop.Table(table)
		if err != nil {
			t.Fatal(err)
		}
		rows := make([]data.Row, 1000)
		for {
			n, err := reader.Read(rows)
			var kept []data.Row
			for _, row := range rows[:n] {
				if keep(schema, row) {
					kept = append(kept, row)
				}
			}
			if len(kept) > 0 {
				if err := im.Write(lake.Batch{Schema: schema, Source: "test", First: 1, Rows: kept}); err != nil {
					t.Fatal(err)
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := im.Commit(); err != nil {
		t.Fatal(err)
	}
}

func everything(data.Schema, data.Row) bool { return true }

// newPipeline returns a pipeline over a lake that holds the rows kept of testShop.
func newPipeline(t *testing.T, asOf data.Day, keep func(data.Schema, data.Row) bool) *Pipeline {
	t.Helper()
	return newPipelineOf(t, testShop, asOf, keep)
}

func newPipelineOf(t *testing.T, options synth.Options, asOf data.Day, keep func(data.Schema, data.Row) bool) *Pipeline {
	t.Helper()
	dir := t.TempDir()
	l, err := lake.Open(dir, durable.FS{})
	if err != nil {
		t.Fatal(err)
	}
	shop, err := synth.New(options)
	if err != nil {
		t.Fatal(err)
	}
	fillLake(t, l, shop, keep)
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	return &Pipeline{Workspace: dir, Lake: l, Engine: duck.New(), Now: now, Groups: allGroups(t),
		Models: artifact.NewStore(filepath.Join(dir, "models"), durable.FS{}, now),
		Options: Options{AsOf: asOf, HorizonDays: 90, ActiveDays: 365, RankingDays: 30, TrainDates: 4, Horizons: []int{30, 90}, ValueDays: 365, ValueDiscount: 0.1, Candidates: 30,
			SimilarItems: 10, KeepSnapshots: 2, KeepModels: 3, Seed: 1, Memory: "500MB", Overrides: mustOverrides(t, "ials.factors=8", "ials.iterations=3", "forest.trees=10")}}
}

func allGroups(t *testing.T) []features.Group {
	t.Helper()
	groups, err := features.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func mustOverrides(t *testing.T, words ...string) Overrides {
	t.Helper()
	o, err := ParseOverrides(words)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestScoresAgainstTheTruth compares what is published with the probabilities
// that the simulated customers really order with.
func TestScoresAgainstTheTruth(t *testing.T) {
	shop, err := synth.New(testShop)
	if err != nil {
		t.Fatal(err)
	}
	asOf := shop.Options().End - 90
	p := newPipeline(t, asOf, everything)
	report, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(filepath.Join(p.snapshotRoot(), report.Snapshot.Version))
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	var said, truth []float64
	for customer := range shop.Truth() {
		u, ok, err := snap.User(customer.UserID)
		if err != nil {
			t.Fatal(err)
		}
		want, alive := customer.ReturnProbability(asOf, 90)
		if !ok || u.Scores == nil || u.Scores.Churn == nil || !alive {
			continue
		}
		said, truth = append(said, u.Scores.ReturnProbability), append(truth, want)
	}
	if len(said) < 800 {
		t.Fatalf("only %d customers can be compared", len(said))
	}
	// The model cannot see who has silently left, the truth can: so means agree,
	// and the correlation is well above none, but not near 1.
	if d := mean(said) - mean(truth); math.Abs(d) > 0.05 {
		t.Errorf("mean return probability is %.3f, in truth %.3f", mean(said), mean(truth))
	}
	if r := correlation(said, truth); r < 0.5 {
		t.Errorf("correlation of return probabilities with the truth is %.3f", r)
	}
	checkLists(t, p, snap)
	for _, r := range report.Evaluation.Recommendation.Results {
		if r.Model == "ials" && r.Metrics["new:ndcg@10"].Value <= report.Evaluation.Recommendation.Results[0].Metrics["new:ndcg@10"].Value {
			t.Errorf("tastes drive this shop, but the factor model does not beat popularity at new items: %v", r.Metrics["new:ndcg@10"])
		}
	}
}

// checkLists looks at every customer's lists: each holds what it is for, and a
// reason names nothing that the customer did not buy.
func checkLists(t *testing.T, p *Pipeline, snap *snapshot.Snapshot) {
	t.Helper()
	info := snap.Info()
	var names []string
	for _, l := range info.Lists {
		names = append(append(names, l.Strategy), l.Also...)
	}
	for _, want := range []string{"repeat", "again", "discovery", "similar", "content", "rules", "together", "trending",
		RolePopularRegion, RolePopularChannel, RolePopularSegment} {
		if !slices.Contains(names, want) {
			t.Errorf("no list goes by %s: %v", want, names)
		}
	}
	in, err := read.Purchases(p.featureRoot(), p.Options.AsOf)
	if err != nil {
		t.Fatal(err)
	}
	filled, kinds := map[string]int{}, map[models.ReasonKind]int{}
	for _, id := range in.Users.IDs() {
		u, ok, err := snap.User(id)
		if err != nil || !ok || len(u.Candidates) == 0 {
			t.Fatalf("customer %s: %v %v, %d candidates", id, ok, err, len(u.Candidates))
		}
		explained := func(list []snapshot.Candidate) {
			for _, c := range list {
				kinds[c.Reason.Kind]++
				if _, had := slices.BinarySearch(u.Bought, c.Reason.Of); !had && (c.Reason.Kind == models.ReasonBought || c.Reason.Kind == models.ReasonTogether) {
					t.Fatalf("customer %s never bought %s, which %s is because of", id, snap.Item(c.Reason.Of).ID, snap.Item(c.Item).ID)
				}
			}
		}
		explained(u.Candidates)
		for n, l := range info.Lists {
			list, err := snap.List(id, n)
			if err != nil {
				t.Fatal(err)
			}
			if explained(list); len(list) > 0 {
				filled[l.Strategy]++
			}
			for _, c := range list {
				_, had := slices.BinarySearch(u.Bought, c.Item)
				if l.Strategy == "repeat" && !had || (l.Named("discovery") || l.Strategy == "content") && had {
					t.Fatalf("customer %s: %s is on the list %s, bought before: %v", id, snap.Item(c.Item).ID, l.Strategy, had)
				}
				if !snap.Item(c.Item).InStock || info.Strategies[c.Strategy] == "" {
					t.Fatalf("customer %s: %s is out of stock or unlabelled", id, snap.Item(c.Item).ID)
				}
			}
		}
	}
	for _, l := range info.Lists {
		// Who has bought nothing lately is at a stage that nothing is popular in.
		if filled[l.Strategy] < in.Users.Len()/2 && !l.Shared && l.Strategy != RolePopularSegment || filled[l.Strategy] == 0 {
			t.Errorf("only %d of %d customers have a list %s", filled[l.Strategy], in.Users.Len(), l.Strategy)
		}
	}
	for _, kind := range []models.ReasonKind{models.ReasonPopular, models.ReasonAgain, models.ReasonBought, models.ReasonTogether} {
		if kinds[kind] == 0 {
			t.Errorf("no item has a reason of kind %d: %v", kind, kinds)
		}
	}
	together := 0
	for i := range int32(snap.Items()) {
		for n := range info.ItemLists {
			if list, err := snap.Similar(i, n); err != nil {
				t.Fatal(err)
			} else if n > 0 && len(list) > 0 {
				together++
			}
		}
	}
	if len(info.ItemLists) != 2 || !info.ItemLists[0].Named("similar") || !info.ItemLists[1].Named("together") || together == 0 {
		t.Errorf("lists of items are %+v, %d items have one of what is bought together", info.ItemLists, together)
	}
}

// TestNothingBehindAsOfIsUsed trains at a date twice: with the records from
// that date on in the lake, and without. Every byte must be the same.
func TestNothingBehindAsOfIsUsed(t *testing.T) {
	shop, err := synth.New(testShop)
	if err != nil {
		t.Fatal(err)
	}
	asOf := shop.Options().End - 60
	until := func(s data.Schema, row data.Row) bool {
		for _, column := range []string{"ts", "valid_from", "signed_up_at"} {
			if i := s.Index(column); i >= 0 && !row[i].IsNull() && row[i].Micros() >= asOf.Micros() {
				return false
			}
		}
		return true
	}
	whole, cut := newPipeline(t, asOf, everything), newPipeline(t, asOf, until)
	var evaluations [2]string
	for i, p := range []*Pipeline{whole, cut} {
		report, err := p.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		evaluations[i] = untimed(t, report.Evaluation)
	}
	if evaluations[0] != evaluations[1] {
		t.Errorf("the evaluation differs when later records are there:\n%s\n%s", evaluations[0], evaluations[1])
	}
	a, b := contents(t, whole), contents(t, cut)
	if len(a) < 8 {
		t.Fatalf("only %d files to compare: %v", len(a), a)
	}
	for name, sum := range a {
		if b[name] != sum {
			t.Errorf("%s differs when later records are there", name)
		}
	}
}

// contents returns the checksum of every model file and of the snapshot's
// store, by name without version. Manifests name the lake, which differs.
func contents(t *testing.T, p *Pipeline) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, root := range []string{"models", "snapshots"} {
		err := filepath.WalkDir(filepath.Join(p.Workspace, root), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || d.Name() == artifact.ManifestName || !strings.Contains(d.Name(), ".") || d.Name() == "champion.log" {
				return err
			}
			text, err := os.ReadFile(path)
			parts := strings.Split(path[len(p.Workspace)+1:], string(filepath.Separator))
			parts = slices.DeleteFunc(parts, func(part string) bool { return artifact.IsVersion(part) })
			out[strings.Join(parts, "/")] = fmt.Sprintf("%x", sha256.Sum256(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// untimed writes an evaluation without what differs from run to run.
func untimed(t *testing.T, ev *Evaluation) string {
	t.Helper()
	for _, s := range []*Slice{ev.Recommendation, ev.Churn} {
		if s == nil {
			t.Fatal("a slice was not evaluated")
		}
		for i := range s.Results {
			s.Results[i].FitSeconds, s.Results[i].ScoreSeconds, s.Results[i].PeakRSSBytes = 0, 0, 0
		}
	}
	text, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mean(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}

func correlation(x, y []float64) float64 {
	mx, my := mean(x), mean(y)
	var xy, xx, yy float64
	for i := range x {
		xy, xx, yy = xy+(x[i]-mx)*(y[i]-my), xx+(x[i]-mx)*(x[i]-mx), yy+(y[i]-my)*(y[i]-my)
	}
	return xy / math.Sqrt(xx*yy)
}

// TestOtherIdsAreAnsweredAsTheCustomer links a till card to a customer: asked by
// the card, the snapshot answers as for the customer.
func TestOtherIdsAreAnsweredAsTheCustomer(t *testing.T) {
	shop, err := synth.New(testShop)
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, shop.Options().End, everything)
	buyer := firstBuyer(t, p.Lake)
	im, err := p.Lake.Begin()
	if err != nil {
		t.Fatal(err)
	}
	schema, _ := data.SchemaOf(data.Identities)
	row := data.Row{data.String("pos"), data.String("card-77"), data.String(buyer), data.Null}
	if err := im.Write(lake.Batch{Schema: schema, Source: "test", First: 1, Rows: []data.Row{row}}); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	report, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(filepath.Join(p.snapshotRoot(), report.Snapshot.Version))
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	var answers []snapshot.User
	for _, id := range []string{buyer, "card-77"} {
		u, ok, err := snap.User(id)
		if err != nil || !ok || u.Scores == nil || u.Scores.RFM == nil {
			t.Fatalf("%s: %v %v %+v", id, ok, err, u.Scores)
		}
		answers = append(answers, u)
	}
	if !reflect.DeepEqual(answers[0], answers[1]) {
		t.Errorf("the card is answered differently:\n%+v\n%+v", answers[0], answers[1])
	}
}

func firstBuyer(t *testing.T, l *lake.Lake) string {
	t.Helper()
	reader, schema, err := l.Reader(data.Orders)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	rows := make([]data.Row, 1)
	if n, err := reader.Read(rows); n != 1 {
		t.Fatal(err)
	}
	return rows[0][schema.Index("user_id")].Str()
}
