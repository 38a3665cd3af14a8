package events

import (
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"testing"
	"time"
)

// What was bought through a list, line by line, and how often items were seen.
func TestOfLists(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s, err := Open(filepath.Join(t.TempDir(), FileName), Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	var rows []json.RawMessage
	for _, row := range []string{
		`{"session_id":"s","type":"impression","item_id":"a","recommendation_id":"r1"}`, `{"session_id":"s","type":"impression","item_id":"a"}`, `{"session_id":"s","type":"click","item_id":"a","recommendation_id":"r1"}`,
		`{"type":"purchase","user_id":"u","item_id":"a","order_id":"o","line_number":1,"quantity":3,"unit_price":2.5,"discount":0.5,"recommendation_id":"r1"}`,
		`{"type":"purchase","user_id":"u","item_id":"b","order_id":"o2","line_number":1,"quantity":1,"unit_price":4,"is_return":true,"recommendation_id":"r2"}`,
		`{"session_id":"s","type":"click","item_id":"b","recommendation_id":"r3","ts":"2026-04-01T12:00:00Z"}`,
	} {
		rows = append(rows, json.RawMessage(row))
	}
	if _, err := s.Events(ctx, rows); err != nil {
		t.Fatal(err)
	}
	got := map[ListEvent]int{}
	err = s.OfLists(ctx, now.Add(-time.Hour), now.Add(time.Hour), func(e ListEvent) error {
		got[e]++
		return nil
	})
	want := map[ListEvent]int{{"r1", "impression", "", 0, false}: 1, {"r1", "click", "", 0, false}: 1, {"r1", "purchase", "o", 7, false}: 1, {"r2", "purchase", "o2", -4, true}: 1}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	seen, err := s.Seen(ctx)
	if err != nil || !maps.Equal(seen, map[string]Seen{"a": {2, 1}, "b": {0, 1}}) {
		t.Errorf("%v, %v", seen, err)
	}
}
