package duck

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/data"
	"regulars/features"
)

// TestLocked: even a statement that no lint has seen reaches no file beyond the
// folder of the build, no other database, and no setting.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret.csv")
	if err := os.WriteFile(secret, []byte("a\n1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(dir, "work")
	if err := os.Mkdir(work, 0o755); err != nil {
		t.Fatal(err)
	}
	rfm, err := features.Shared("bought")
	if err != nil {
		t.Fatal(err)
	}
	b := &build{work: work, root: dir, asOf: []data.Day{1}, shared: []features.Group{rfm}}
	s, err := open(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := b.prepare(s); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"SELECT * FROM '" + secret + "'",
		"SELECT * FROM read_csv('" + secret + "')",
		"SELECT * FROM read_text('" + secret + "')",
		"SELECT * FROM glob('" + dir + "/*')",
		"COPY (SELECT 1) TO '" + dir + "/out.csv'",
		"COPY (SELECT 1) TO '" + work + "/../out.csv'",
		"EXPORT DATABASE '" + dir + "/out'",
		"ATTACH '" + dir + "/x.db'",
		"INSTALL httpfs",
		"LOAD httpfs",
		"SET enable_external_access = true",
		"SET lock_configuration = false",
		"SET memory_limit = '64GB'",
		"RESET allowed_directories",
		"PRAGMA threads = 64",
	} {
		if err := s.exec(statement); err == nil {
			t.Errorf("%s: no error", statement)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || strings.Join(left, " ") != secret+" "+work {
		t.Errorf("files are %v (%v)", left, err)
	}
}
