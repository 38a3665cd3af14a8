package training

import (
	"context"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
	"regulars/features/duck"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/models/popular"
	"regulars/models/snapshot"
)

// cells are the values of a row by column; what is not named is null.
type cells map[string]data.Value

func addRows(t *testing.T, l *lake.Lake, table data.Table, rows ...cells) {
	t.Helper()
	schema, _ := data.SchemaOf(table)
	im, err := l.Begin()
	if err != nil {
		t.Fatal(err)
	}
	batch := lake.Batch{Schema: schema, Source: "test", First: 1}
	for _, c := range rows {
		row := make(data.Row, len(schema.Columns))
		for name, v := range c {
			row[schema.Index(name)] = v
		}
		batch.Rows = append(batch.Rows, row)
	}
	if err := im.Write(batch); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Commit(); err != nil {
		t.Fatal(err)
	}
}

// bought is an order of one item; a channel "" is not known.
func bought(user, item, channel string, day data.Day, number int) cells {
	c := cells{"order_id": data.String(fmt.Sprintf("%s-%d-%d", user, day, number)), "line_number": data.Int(1), "user_id": data.String(user), "item_id": data.String(item),
		"ts": data.Micros(day.Micros() + 1), "quantity": data.Int(1), "unit_price": data.Amount(10000), "is_return": data.Bool(false)}
	if channel != "" {
		c["channel"] = data.String(channel)
	}
	return c
}

func openLake(t *testing.T) (*lake.Lake, string) {
	t.Helper()
	dir := t.TempDir()
	l, err := lake.Open(dir, durable.FS{})
	if err != nil {
		t.Fatal(err)
	}
	return l, dir
}

const groupsDay data.Day = 20000

// parted is a shop of 160 customers who live north or south, order by app or
// web, and have come once or on six days, in all eight combinations alike. Of
// each of the three there is an item that all of one group buy and nobody else,
// and all buy tea. Five more live on an islet; "cold-…" have not ordered yet.
func parted(t *testing.T, grouped bool) *Pipeline {
	t.Helper()
	l, dir := openLake(t)
	var users, orders []cells
	user := func(id, region string) {
		c := cells{"user_id": data.String(id), "signed_up_at": data.Micros((groupsDay - 60).Micros())}
		if region != "" && grouped {
			c["region"] = data.String(region)
		}
		users = append(users, c)
	}
	for u := range 165 {
		id, region, channel, stage, days := fmt.Sprintf("u%03d", u), []string{"north", "south"}[u%2], []string{"app", "web"}[u/2%2], "once", 1
		if u/4%2 == 1 {
			stage, days = "often", 6
		}
		if u >= 160 {
			region = "islet"
		}
		user(id, region)
		if !grouped {
			channel = ""
		}
		for i, item := range []string{"of " + region, "of " + []string{"app", "web"}[u/2%2], stage, "tea", "sold out"} {
			for d := range days {
				orders = append(orders, bought(id, item, channel, groupsDay-1-data.Day(5*d), i))
			}
		}
	}
	for _, region := range []string{"north", "south", "islet", ""} {
		user("cold-"+region, region)
	}
	addRows(t, l, data.Orders, orders...)
	addRows(t, l, data.Users, users...)
	addRows(t, l, data.Items, cells{"item_id": data.String("sold out"), "in_stock": data.Bool(false)})
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	return &Pipeline{Workspace: dir, Lake: l, Engine: duck.New(), Now: now, Groups: allGroups(t), Models: artifact.NewStore(filepath.Join(dir, "models"), durable.FS{}, now),
		Options: Options{AsOf: groupsDay, HorizonDays: 90, ActiveDays: 365, RankingDays: 30, TrainDates: 4, Horizons: []int{30, 90}, ValueDays: 365, ValueDiscount: 0.1, Candidates: 30,
			SimilarItems: 10, KeepSnapshots: 2, KeepModels: 3, Seed: 1, Memory: "500MB", Overrides: mustOverrides(t, "ials.factors=2", "ials.iterations=1")}}
}

// TestPopularByGroup: every customer's list by region, channel and segment holds
// what their own group buys, and only that.
func TestPopularByGroup(t *testing.T) {
	p := parted(t, true)
	report, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	snap, err := snapshot.Open(filepath.Join(p.snapshotRoot(), report.Snapshot.Version))
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	lists := map[string]int{}
	for n, l := range snap.Info().Lists {
		lists[l.Strategy] = n
	}
	for _, g := range groupings {
		n, ok := lists[g.role]
		champion, inUse, err := p.Models.Champion(g.role)
		if !ok || !inUse || err != nil || snap.Info().Models[g.role] != champion || len(snap.Info().Lists[n].Groups) != 2 {
			t.Fatalf("%s: list %v, version %q in use, %v; the snapshot says %+v", g.role, ok, champion, err, snap.Info())
		}
	}
	want := func(user, role, item string, not ...string) {
		t.Helper()
		list, err := snap.List(user, lists[role])
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range list {
			got = append(got, snap.Item(c.Item).ID)
			if kind := groupings[slices.IndexFunc(groupings[:], func(g grouping) bool { return g.role == role })].reason; c.Reason.Kind != kind || snap.Info().Strategies[c.Strategy] != role {
				t.Errorf("%s of %s: %s is by %s for reason %d", role, user, got[len(got)-1], snap.Info().Strategies[c.Strategy], c.Reason.Kind)
			}
		}
		if item == "" {
			if len(list) > 0 {
				t.Errorf("%s of %s is %v, want none", role, user, got)
			}
			return
		}
		if len(got) < 2 || !slices.Contains(got[:2], item) || !slices.Contains(got, "tea") {
			t.Errorf("%s of %s is %v, want %s and tea first", role, user, got, item)
		}
		for _, item := range append(not, "sold out") {
			if slices.Contains(got, item) {
				t.Errorf("%s of %s is %v, but %s is not for them", role, user, got, item)
			}
		}
	}
	want("u000", RolePopularRegion, "of north", "of south", "of islet")
	want("u001", RolePopularRegion, "of south", "of north", "of islet")
	want("u164", RolePopularRegion, "")
	want("cold-north", RolePopularRegion, "of north", "of south", "of islet")
	want("cold-islet", RolePopularRegion, "")
	want("cold-", RolePopularRegion, "")
	want("nobody", RolePopularRegion, "")
	want("u000", RolePopularChannel, "of app", "of web")
	want("u002", RolePopularChannel, "of web", "of app")
	want("cold-north", RolePopularChannel, "")
	want("u000", RolePopularSegment, "once", "often")
	want("u004", RolePopularSegment, "often", "once")
	want("cold-north", RolePopularSegment, "")
}

// TestNothingToGroupBy: where nobody's region or channel is known, no list goes
// by them, and no note is made of it.
func TestNothingToGroupBy(t *testing.T) {
	p := parted(t, false)
	report, err := p.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string]bool{}
	for _, d := range report.Published {
		roles[d.Name] = true
	}
	if roles[RolePopularRegion] || roles[RolePopularChannel] || !roles[RolePopularSegment] {
		t.Errorf("published %v", report.Published)
	}
	for _, note := range report.Notes {
		if strings.Contains(note, RolePopularRegion) || strings.Contains(note, RolePopularChannel) {
			t.Errorf("note %q", note)
		}
	}
}

// TestRegions: the row valid at as_of counts, of several ids of a person that of
// the id that stands for all, or else the newest.
func TestRegions(t *testing.T) {
	l, _ := openLake(t)
	row := func(id, region string, from, signedUp data.Day) cells {
		c := cells{"user_id": data.String(id)}
		if region != "" {
			c["region"] = data.String(region)
		}
		if from != 0 {
			c["valid_from"] = data.Micros(from.Micros())
		}
		if signedUp != 0 {
			c["signed_up_at"] = data.Micros(signedUp.Micros())
		}
		return c
	}
	addRows(t, l, data.Users, row("moved", "north", 0, 0), row("moved", "south", groupsDay-9, 0), row("moving", "north", groupsDay-9, 0), row("moving", "south", groupsDay, 0),
		row("forgotten", "north", groupsDay-9, 0), row("forgotten", "", groupsDay-3, 0), row("later", "north", 0, groupsDay), row("none", "", 0, 0),
		row("own", "north", groupsDay-9, 0), row("own-card", "south", groupsDay-1, 0), row("card-1", "north", groupsDay-9, 0), row("card-2", "south", groupsDay-3, 0))
	p := &Pipeline{Lake: l, Options: Options{AsOf: groupsDay}}
	got, err := p.regions(map[string]string{"own-card": "own", "card-1": "carded", "card-2": "carded"})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"moved": "south", "moving": "north", "own": "north", "carded": "south"}; !maps.Equal(got, want) {
		t.Errorf("regions are %v, want %v", got, want)
	}
}

// TestChannels counts distinct orders before as_of that are no returns.
func TestChannels(t *testing.T) {
	l, _ := openLake(t)
	day := groupsDay - 5
	second := bought("lines", "b", "web", day, 0)
	second["line_number"] = data.Int(2)
	third := bought("lines", "c", "web", day, 0)
	third["line_number"] = data.Int(3)
	back := bought("returns", "b", "web", day, 2)
	back["is_return"] = data.Bool(true)
	backToo := bought("returns", "b", "web", day, 3)
	backToo["is_return"] = data.Bool(true)
	addRows(t, l, data.Orders, bought("lines", "a", "web", day, 0), bought("lines", "a", "store", day, 1), second, bought("lines", "a", "store", day, 2), third,
		bought("returns", "a", "web", day, 0), bought("returns", "a", "app", day, 1), bought("returns", "b", "app", day, 4), back, backToo,
		bought("later", "a", "web", day, 0), bought("later", "a", "app", groupsDay, 0), bought("later", "a", "app", groupsDay, 1),
		bought("equal", "a", "web", day, 0), bought("equal", "a", "app", day, 1), bought("unknown", "a", "", day, 0),
		bought("card", "a", "pos", day, 0), bought("card", "a", "pos", day, 1), bought("carded", "a", "web", day, 0))
	p := &Pipeline{Lake: l, Options: Options{AsOf: groupsDay}}
	got, err := p.channels(map[string]string{"card": "carded"})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"lines": "store", "returns": "app", "later": "web", "equal": "app", "carded": "pos"}; !maps.Equal(got, want) {
		t.Errorf("channels are %v, want %v", got, want)
	}
}

// TestLargeGroups: only customers who bought lately count towards a group's size.
func TestLargeGroups(t *testing.T) {
	var ids []string
	var list []matrix.Event
	groupOf := map[string]string{}
	add := func(group string, customers int, day int32) {
		for range customers {
			id := fmt.Sprintf("u%04d", len(ids))
			list = append(list, matrix.Event{User: int32(len(ids)), Day: day, Weight: 1})
			ids, groupOf[id] = append(ids, id), group
		}
	}
	add("b", leastGroup, 95)
	add("small", leastGroup-1, 95)
	add("small", 9, 20)
	add("old", 99, 39)
	add("a", leastGroup, 40)
	ev, err := matrix.NewEvents(len(ids), 1, list)
	if err != nil {
		t.Fatal(err)
	}
	in := &read.Interactions{Users: matrix.NewVocabulary(ids), Items: matrix.NewVocabulary([]string{"i"}), Events: ev}
	if got := largeGroups(groupOf, in, 40, 100); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("groups are %v", got)
	}
	if got := largeGroups(groupOf, in, math.MinInt32, 100); !slices.Equal(got, []string{"a", "b", "old", "small"}) {
		t.Errorf("groups of all time are %v", got)
	}
	if got := largeGroups(groupOf, in, 41, 100); got != nil {
		t.Errorf("one group is %v, want none", got)
	}
	m, err := fitByGroup(t.Context(), groupOf, in, 100, popular.GroupOptions{WindowDays: 60})
	if err != nil || !slices.Equal(m.Groups.Sizes, []int32{leastGroup, leastGroup}) {
		t.Errorf("sizes are %v, %v", m, err)
	}
	if m, err := fitByGroup(t.Context(), nil, in, 100, popular.GroupOptions{}); m != nil || err != nil {
		t.Errorf("nobody's group known gives %v, %v", m, err)
	}
}

// TestManyGroups: where more groups are large enough than a list may have, the
// largest have one.
func TestManyGroups(t *testing.T) {
	var ids []string
	var list []matrix.Event
	groupOf := map[string]string{}
	for g := range snapshot.MaxGroups + 1 {
		customers := leastGroup + 1
		if g == 7 {
			customers--
		}
		for range customers {
			id := fmt.Sprintf("u%06d", len(ids))
			list = append(list, matrix.Event{User: int32(len(ids)), Weight: 1})
			ids, groupOf[id] = append(ids, id), fmt.Sprintf("g%04d", g)
		}
	}
	ev, err := matrix.NewEvents(len(ids), 1, list)
	if err != nil {
		t.Fatal(err)
	}
	got := largeGroups(groupOf, &read.Interactions{Users: matrix.NewVocabulary(ids), Events: ev}, 0, 1)
	if len(got) != snapshot.MaxGroups || slices.Contains(got, "g0007") || !slices.IsSorted(got) {
		t.Errorf("%d groups, the smallest among them: %v", len(got), slices.Contains(got, "g0007"))
	}
}

// TestStoredGroupsScoreTheSame stores groups, reads them again and compares
// scores bit by bit; cut files and disorder are refused.
func TestStoredGroupsScoreTheSame(t *testing.T) {
	d := smallData(t)
	group := make([]int32, d.Events.Users)
	for u := range group {
		group[u] = int32(u%3) - 1
	}
	g, err := popular.FitGroups(t.Context(), d.Events, storedDay, group, 2, popular.GroupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := groupPopularity{g.For(-1), []string{"east", "west"}}
	store := artifact.NewStore(filepath.Join(t.TempDir(), "models"), durable.FS{}, time.Now)
	publish := func(m models.Recommender) string {
		version, err := store.Publish(artifact.Manifest{Name: RolePopularRegion, Kind: kindOf(m), AsOf: "2011-12-08"}, func(dir string) error {
			return saveRecommender(folder{dir, "m"}, m, d.IDs)
		})
		if err != nil {
			t.Fatal(err)
		}
		return version
	}
	version := publish(m)
	a, err := store.Open(RolePopularRegion, version)
	if err != nil {
		t.Fatal(err)
	}
	again, items, err := loadRecommender(a)
	if err != nil || !slices.Equal(items.IDs(), d.IDs.IDs()) || !slices.Equal(again.(groupPopularity).Names, m.Names) {
		t.Fatalf("came back over %v, %v", items, err)
	}
	for n := int32(-1); n < 2; n++ {
		if !slices.Equal(scoresOf(t, m.Groups.For(n), d.Events), scoresOf(t, again.(groupPopularity).Groups.For(n), d.Events)) {
			t.Errorf("scores of group %d differ after storing", n)
		}
	}
	if second := publish(again); second != version {
		t.Errorf("stored again it is %s, before %s", second, version)
	}
	damage(t, a)
	m.Names = []string{"west", "east"}
	if a, err = store.Open(RolePopularRegion, publish(m)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := loadRecommender(a); err == nil {
		t.Error("names out of order are read")
	}
}

// TestRolesAreChecked: a model that cannot do what its role asks for is refused.
func TestRolesAreChecked(t *testing.T) {
	for _, role := range []string{RolePopularRegion, RoleTogether} {
		c := &champions{versions: map[string]string{role: "v"}, recommenders: map[string]*champion{role: {kind: kindPopular, model: &popular.Model{}}}}
		if err := c.check(); err == nil {
			t.Errorf("%s may be a list of everybody", role)
		}
	}
}
