package features_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/features"
)

var update = flag.Bool("update", false, "write docs/features.md")

// TestDocs: docs/features.md is what the shipped files say.
func TestDocs(t *testing.T) {
	groups, err := features.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	shared, err := features.SharedRelations()
	if err != nil {
		t.Fatal(err)
	}
	label, err := features.OrderLabel()
	if err != nil {
		t.Fatal(err)
	}
	var made strings.Builder
	if err := features.WriteDocs(&made, groups, shared, []features.Group{label}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "docs", "features.md")
	if *update {
		if err := os.WriteFile(path, []byte(made.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(path)
	if err != nil || string(committed) != made.String() {
		t.Errorf("docs/features.md is not what the feature files say (%v): run `go test ./features -run TestDocs -update`", err)
	}
	for _, g := range groups {
		for _, c := range g.Columns {
			if !strings.Contains(made.String(), "| `"+c.Name+"`") {
				t.Errorf("%s of %s is not in the page", c.Name, g.Name)
			}
		}
	}
}

// TestLoad: the shop's own files join the shipped ones; what is wrong is said of
// every file at once.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	own, labels := filepath.Join(dir, "features.d"), filepath.Join(dir, "labels.d")
	write := func(folder, name, text string) {
		t.Helper()
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if groups, err := features.Load(own, labels); err != nil || len(groups) == 0 {
		t.Errorf("without folders: %d groups, error %v", len(groups), err)
	}
	label := strings.NewReplacer("-- group: tiny", "-- group: label_tiny\n-- kind: label\n-- horizon: 30\n-- gap: 3").Replace(good)
	write(own, "tiny.sql", strings.ReplaceAll(good, "lines", "tiny_lines"))
	write(own, "notes.txt", "not a definition")
	write(labels, "label_tiny.sql", label)
	groups, err := features.Load(own, labels)
	if err != nil {
		t.Fatal(err)
	}
	plain, mine := features.Split(groups)
	if len(mine) != 1 || mine[0].Table() != "label_tiny_h30g3" || plain[len(plain)-1].Name != "tiny" || plain[len(plain)-1].Shipped || !plain[0].Shipped {
		t.Errorf("labels %v", mine)
	}
	write(own, "rfm.sql", strings.ReplaceAll(good, "tiny", "rfm"))
	if _, err := features.Load(own); err == nil || !strings.Contains(err.Error(), "both define group user/rfm: rename one") {
		t.Errorf("name of a shipped group: %v", err)
	}
	if err := os.Remove(filepath.Join(own, "rfm.sql")); err != nil {
		t.Fatal(err)
	}
	write(own, "twin.sql", strings.NewReplacer("tiny", "twin", "column: lines", "column: frequency", "AS lines", "AS frequency").Replace(good))
	if _, err := features.Load(own); err == nil || !strings.Contains(err.Error(), "both define feature frequency: rename one") {
		t.Errorf("name of a shipped feature: %v", err)
	}
	write(own, "bad.sql", strings.ReplaceAll(good, "COUNT(*)", "AVG(quantity)"))
	write(own, "label_x.sql", strings.ReplaceAll(label, "label_tiny", "label_x"))
	write(labels, "plain.sql", strings.ReplaceAll(good, "tiny", "plain"))
	write(labels, "label_order.sql", strings.ReplaceAll(label, "label_tiny", "label_order"))
	write(labels, "label_y.sql", strings.ReplaceAll(strings.ReplaceAll(label, "label_tiny", "label_y"), "-- horizon: 30\n", ""))
	_, err = features.Load(own, labels)
	for _, want := range []string{"bad.sql: header says group \"tiny\"", "features.d/label_x.sql:1: this is a label: it belongs in labels.d",
		"labels.d/plain.sql:1: this is no label", "labels.d/label_order.sql:1: label_order is a shipped label", "labels.d/label_y.sql: a label has no horizon line"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\nlacks %q", err, want)
		}
	}
}
