package training

import (
	"testing"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
	"regulars/features/matrix"
	"regulars/features/read"
)

// itemRow is a version of an item; since 0 leaves its beginning out.
func itemRow(t *testing.T, s data.Schema, id, title string, since data.Day) data.Row {
	t.Helper()
	row := make(data.Row, len(s.Columns))
	row[s.Index("item_id")], row[s.Index("title")] = data.String(id), data.String(title)
	if since != 0 {
		row[s.Index("valid_from")] = data.Micros(since.Micros())
	}
	return row
}

// TestItemsAreWhatTheyWereThen: what recommenders may learn from knows, for every
// earlier day, the version of an item that was valid on that day.
func TestItemsAreWhatTheyWereThen(t *testing.T) {
	l, err := lake.Open(t.TempDir(), durable.FS{})
	if err != nil {
		t.Fatal(err)
	}
	schema, _ := data.SchemaOf(data.Items)
	im, err := l.Begin()
	if err != nil {
		t.Fatal(err)
	}
	rows := []data.Row{itemRow(t, schema, "a", "mug", 15100), itemRow(t, schema, "a", "red mug", 15200), itemRow(t, schema, "b", "jar", 0), itemRow(t, schema, "c", "cup", 15150)}
	if err := im.Write(lake.Batch{Schema: schema, Source: "test", First: 1, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	ev, err := matrix.NewEvents(1, 1, []matrix.Event{{Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	p := &Pipeline{Lake: l}
	d, err := p.rankingData(&read.Interactions{Items: matrix.NewVocabulary([]string{"a"})}, ev, 15300)
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[int32]map[string]string{15050: {"b": "jar"}, 15120: {"a": "mug", "b": "jar"}, 15180: {"a": "mug", "b": "jar", "c": "cup"},
		15300: {"a": "red mug", "b": "jar", "c": "cup"}} {
		items, err := d.ItemsAt(day)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for i, id := range items.IDs {
			got[id] = items.Title[i]
		}
		if len(got) != len(want) {
			t.Errorf("on day %d items are %v, want %v", day, got, want)
		}
		for id, title := range want {
			if got[id] != title {
				t.Errorf("on day %d item %s is %q, want %q", day, id, got[id], title)
			}
		}
	}
}
