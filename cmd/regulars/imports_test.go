package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is the table of docs/ARCHITECTURE.md: for each package, which of
// ours and which third parties it may import directly. "x/..." allows x and
// everything below it.
var mayImport = map[string][]string{
	"data":                     {},
	"data/durable":             {},
	"data/lake":                {"data", "data/durable", parquetGo},
	"data/ingest":              {"data", "data/lake", parquetGo},
	"data/interactions":        {"data", "data/ingest"},
	"data/frame":               {"data", "data/ingest"},
	"data/state":               {"data", "modernc.org/sqlite/..."},
	"data/synth":               {"data"},
	"data/identity":            {"data"},
	"data/privacy":             {"data", "data/durable", "data/identity", "data/lake", "data/state", parquetGo},
	"features":                 {"data"},
	"features/lifecycle":       {},
	"features/words":           {},
	"features/duck":            {"features", "data", "data/durable", "github.com/duckdb/duckdb-go/v2"},
	"features/matrix":          {},
	"features/read":            {"features", "features/matrix", "data", parquetGo},
	"models":                   {"features/matrix"},
	"models/forest":            {"models", "features/matrix", "models/internal/shapley", "github.com/sjwhitworth/golearn/trees", "github.com/sjwhitworth/golearn/base"},
	"models/survival":          {"models", "features/matrix", "models/logistic", "models/internal/prepare"},
	"models/modeltest":         {"models", "features/matrix"},
	"models/artifact":          {"models", "data/durable", parquetGo},
	"models/snapshot":          {"models", "models/artifact", "data/durable", "go.etcd.io/bbolt"},
	"training/split":           {"features/matrix", "models", "data"},
	"training/metrics":         {"features/matrix", "models", gonum},
	"training/retailtest":      {"data", "features/matrix", "models", "training/metrics", "training/split", parquetGo},
	"training/options":         {},
	"training/usage":           {},
	"training/page":            {},
	"training/ranking":         {"data", "data/durable", "data/interactions", "features/matrix", "models/...", "training/metrics", "training/options", "training/split", "training/usage"},
	"training/propensity":      {"data/frame", "features/matrix", "models/...", "training/metrics", "training/options", "training/page", "training/usage"},
	"training":                 {"data/...", "features/...", "models/...", "training/...", "golang.org/x/sync/errgroup"},
	"training/churn":           {"data", "features/matrix", "models/...", "training/metrics", "training/options", "training/propensity", "training/season"},
	"training/season":          {"data", "training/metrics", gonum},
	"training/outlook":         {"data", "features/matrix", "features/read", "models/...", "training/metrics", "training/options", "training/split"},
	"training/clv":             {"data", "data/interactions", "models", "models/btyd", "training/metrics"},
	"training/loyalty":         {"data", "features", "models/artifact", "training/page", parquetGo},
	"training/schedule":        {"training", "data/state", "github.com/robfig/cron/v3"},
	"serving":                  {"data", "features/lifecycle", "features/matrix", "features/words", "models/...", "serving/filter", "serving/placement"},
	"serving/audience":         {"serving", "serving/filter", "models/artifact", "models/snapshot", parquetGo},
	"serving/placement":        {},
	"serving/served":           {"data/durable", "serving/placement", gonum},
	"serving/filter":           {"models/snapshot", "github.com/expr-lang/expr/..."},
	"serving/events":           {"serving", "data", "data/lake", "data/state"},
	"serving/api":              {"serving/...", "github.com/gin-gonic/gin", "github.com/prometheus/client_golang/..."},
	"serving/load":             {"data/durable", "models", "models/snapshot", "serving/api", "github.com/gin-gonic/gin"},
	"serving/trace":            {"go.opentelemetry.io/otel/..."},
	"cmd/regulars/config":      {"serving/placement", "serving/filter", "github.com/goccy/go-yaml/...", "github.com/robfig/cron/v3"},
	"cmd/regulars":             {"...", "github.com/spf13/cobra", "github.com/schollz/progressbar/v3", "golang.org/x/term", "golang.org/x/sync/errgroup", "github.com/mattn/go-runewidth", "github.com/KimMachineGun/automemlimit/memlimit"},
	"models/internal/kernel":   {"golang.org/x/sys/cpu"},
	"models/internal/prepare":  {"models", "features/matrix"},
	"models/internal/pairwise": {"models", "features/matrix"},
	"models/internal/shapley":  {"models", gonum},
}

const (
	parquetGo = "github.com/parquet-go/parquet-go/..."
	gonum     = "gonum.org/v1/gonum/..."
)

// algorithm is the rule of every other package below models.
var algorithm = []string{"models", "features/matrix", "models/internal/kernel", "models/internal/pairwise", "models/internal/prepare", "models/internal/shapley", gonum}

// reaches bans dependencies at any distance.
var reaches = []struct{ from, to string }{
	{"serving", "training"},
	{"models", "data/lake"},
}

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, modulePrefix)
		allowed, ok := mayImport[name]
		if !ok {
			if !strings.HasPrefix(name, "models/") {
				t.Errorf("package %s is not in the table: say in docs/ARCHITECTURE.md what it is for and what it may import", name)
				continue
			}
			allowed = algorithm
		}
		for _, imp := range p.Imports {
			if !permitted(imp, allowed) {
				t.Errorf("%s imports %s, which the table does not allow", name, strings.TrimPrefix(imp, modulePrefix))
			}
		}
	}
}

func TestBannedDependencies(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, ban := range reaches {
			if !within(p.ImportPath, ban.from) {
				continue
			}
			for _, d := range p.Deps {
				if within(d, ban.to) {
					t.Errorf("%s depends on %s", p.ImportPath, d)
				}
			}
		}
	}
}

const modulePrefix = "regulars/"

func within(path, room string) bool {
	return path == modulePrefix+room || strings.HasPrefix(path, modulePrefix+room+"/")
}

func permitted(imp string, allowed []string) bool {
	first, _, _ := strings.Cut(imp, "/")
	ours := first+"/" == modulePrefix
	if !ours && !strings.Contains(first, ".") {
		return true // the standard library
	}
	return slices.ContainsFunc(allowed, func(a string) bool {
		if ours {
			imp = strings.TrimPrefix(imp, modulePrefix)
		}
		if a == "..." {
			return ours
		}
		if base, all := strings.CutSuffix(a, "/..."); all {
			return imp == base || strings.HasPrefix(imp, base+"/")
		}
		return imp == a
	})
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps=false", "-json=ImportPath,Imports,Deps", modulePrefix+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	var packages []listed
	for {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 15 {
		t.Fatalf("go list found only %d packages", len(packages))
	}
	return packages
}
