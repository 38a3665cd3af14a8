package training

import (
	"context"
	"os"
	"reflect"
	"strings"
	"testing"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
	"regulars/features"
	"regulars/features/read"
	"regulars/models/artifact"
	"regulars/models/kmeans"
)

// TestClusters: every customer is in one published cluster, the description
// agrees with the assignments, and the same run gives the same version.
func TestClusters(t *testing.T) {
	asOf, err := data.ParseDay("2025-03-01")
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(t, asOf, everything)
	_, last, ok, err := p.Lake.Span(data.Orders)
	if err != nil || !ok {
		t.Fatal(err)
	}
	p.Options.AsOf = last + 1
	groups, err := features.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	var few []features.Group
	for _, g := range groups {
		if g.Entity == "user" && strings.Contains("rfm windows basket", g.Name) {
			few = append(few, g)
		}
	}
	paths, err := p.Lake.Tables()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if _, err := p.Engine.Build(ctx, features.Request{Lake: paths, AsOf: []data.Day{p.Options.AsOf}, Groups: few, Root: p.featureRoot()}); err != nil {
		t.Fatal(err)
	}
	if none, err := p.PublishedClusters(p.Options.AsOf); none != nil || err != nil {
		t.Fatalf("before the first run: %+v, %v", none, err)
	}
	report, err := p.Clusters(ctx, few, kmeans.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.PublishedClusters(p.Options.AsOf)
	if err != nil || !reflect.DeepEqual(report, again) {
		t.Errorf("published as %+v, %v; reported %+v", again, err, report)
	}
	p.Options.Workers = 1
	if same, err := p.Clusters(ctx, few, kmeans.Options{}); err != nil || same.Version != report.Version {
		t.Errorf("a second run published %v, %v; the first %s", same, err, report.Version)
	}
	checkAssignments(t, p, report)
}

func checkAssignments(t *testing.T, p *Pipeline, report *ClusterReport) {
	t.Helper()
	a, err := p.Models.Open(RoleClusters, report.Version)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := artifact.ReadColumns(a.Path(assignmentsFile))
	if err != nil {
		t.Fatal(err)
	}
	c := &columnsOf{columns: columns}
	ids, cluster := column[string](c, "user_id"), column[int32](c, "cluster")
	if c.err != nil {
		t.Fatal(c.err)
	}
	table, err := read.Users(p.featureRoot(), []string{"rfm"}, p.Options.AsOf)
	if err != nil || !reflect.DeepEqual(ids, table.IDs) {
		t.Errorf("%d customers assigned, %d have bought, %v", len(ids), len(table.IDs), err)
	}
	users := make([]int, len(report.Clusters))
	for _, k := range cluster {
		users[k]++
	}
	for k, s := range report.Clusters {
		if s.Users != users[k] || s.Users == 0 || len(s.Traits) == 0 || s.English == "" || s.Chinese == "" {
			t.Errorf("cluster %d has %d customers: %+v", k, users[k], s)
		}
		if k > 0 && s.Users > report.Clusters[k-1].Users {
			t.Errorf("cluster %d is larger than the one before", k)
		}
		for _, trait := range s.Traits {
			if trait.Meaning == "" || trait.Inside == nil || trait.Outside == nil || trait.Difference > 0 != (*trait.Inside > *trait.Outside) {
				t.Errorf("cluster %d: %+v", k, trait)
			}
		}
	}
	centroids, err := artifact.ReadColumns(a.Path(centroidsFile))
	if err != nil || centroids.Rows != len(report.Clusters) || len(centroids.List) != report.Features+1 {
		t.Errorf("centroids: %+v, %v", centroids, err)
	}
}

func TestChineseName(t *testing.T) {
	for feature, want := range map[string]string{"recency_days": "距上次下单天数", "spend_90d": "近 90 天消费额", "no_such_7d": "no_such_7d"} {
		if got := chineseName(feature); got != want {
			t.Errorf("%s is %s, want %s", feature, got, want)
		}
	}
}

// TestIdentitiesOfLake: links known by each day, less those that were undone.
func TestIdentitiesOfLake(t *testing.T) {
	p := newPipeline(t, 20_000, func(data.Schema, data.Row) bool { return false })
	if got, err := Identities(p.Lake, p.Workspace, []data.Day{20_000}); got != nil || err != nil {
		t.Fatalf("without a table: %v, %v", got, err)
	}
	importIdentities(t, p)
	days := []data.Day{19_000, 20_000}
	got, err := Identities(p.Lake, p.Workspace, days)
	want := map[data.Day][]features.Identity{
		19_000: {{From: "p1", To: "ann"}},
		20_000: {{From: "p1", To: "ann"}, {From: "p2", To: "ann"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v, %v; want %v", got, err, want)
	}
	undone, err := ReadUndone(p.Workspace)
	if err != nil {
		t.Fatal(err)
	}
	links, err := IdentityLinks(p.Lake)
	if err != nil {
		t.Fatal(err)
	}
	undone.Add(links[0].Key())
	if err := WriteUndone(durable.FS{}, p.Workspace, undone); err != nil {
		t.Fatal(err)
	}
	if got, err = Identities(p.Lake, p.Workspace, days); err != nil || !reflect.DeepEqual(got, map[data.Day][]features.Identity{20_000: {{From: "p2", To: "ann"}}}) {
		t.Fatalf("undone: %v, %v", got, err)
	}
	if err := os.WriteFile(p.Workspace+"/"+undoneName, []byte("no"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Identities(p.Lake, p.Workspace, days); err == nil || !strings.Contains(err.Error(), undoneName) {
		t.Errorf("a damaged file: %v", err)
	}
}

func importIdentities(t *testing.T, p *Pipeline) {
	t.Helper()
	schema, _ := data.SchemaOf(data.Identities)
	im, err := p.Lake.Begin()
	if err != nil {
		t.Fatal(err)
	}
	rows := []data.Row{
		{data.String("pos"), data.String("p1"), data.String("ann"), data.Null},
		{data.String("web"), data.String("p2"), data.String("ann"), data.Micros(data.Day(19_500).Micros())},
	}
	if err := im.Write(lake.Batch{Schema: schema, Source: "test", First: 1, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Commit(); err != nil {
		t.Fatal(err)
	}
}
