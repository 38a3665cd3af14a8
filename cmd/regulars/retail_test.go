//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"regulars/data"
	"regulars/data/lake"
	"regulars/training"
)

// retailFiles returns the yearly files of Online Retail II beside the checkout.
func retailFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, year := range []string{"2009_2010", "2010_2011"} {
		path, err := filepath.Abs("../../../shared/data/online_retail_" + year + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Skipf("no Online Retail II files: %v", err)
		}
		files = append(files, path)
	}
	return files
}

// TestOnlineRetail takes a real shop from its files to served answers, and
// holds the figures that the untouched slice must reach.
func TestOnlineRetail(t *testing.T) {
	files := retailFiles(t)
	dir := t.TempDir()
	checkImport(t, mustRun(t, append([]string{"import", "online-retail", "--json", "--workspace", dir}, files...)...))
	before := digest(t, dir)
	again := mustRun(t, append([]string{"import", "online-retail", "--workspace", dir}, files...)...)
	if strings.Count(again, "already imported, nothing changed") != 2 || !bytes.Equal(before, digest(t, dir)) {
		t.Errorf("importing the files again changed the lake, or says:\n%s", again)
	}
	var report training.Report
	decode(t, mustRun(t, "run", "pipeline", "--json", "--workspace", dir, "--as-of", "2011-12-08"), &report)
	for _, f := range []struct {
		slice         *training.Slice
		model, metric string
		least         float64
	}{
		{report.Evaluation.Churn, chosen(report.Evaluation.Churn), "auc", 0.76},
		{report.Evaluation.Recommendation, chosen(report.Evaluation.Recommendation), "ndcg@10", 0.345},
		{report.Evaluation.Recommendation, chosen(report.Evaluation.Recommendation), "recall@10", 0.168},
		{report.Evaluation.Recommendation, "repeat", "ndcg@10", 0.345},
		{report.Evaluation.Recommendation, "ials", "new:recall@10", 0.042},
	} {
		got := metric(f.slice, f.model, f.metric)
		t.Logf("%s: %s of %s is %.4f (at least %.4f)", f.slice.Task, f.metric, f.model, got, f.least)
		if got < f.least {
			t.Errorf("%s: %s of %s is %.4f, below %.4f", f.slice.Task, f.metric, f.model, got, f.least)
		}
	}
	address := startServer(t, dir)
	for _, path := range []string{"/v1/users/17850/recommendations?k=5", "/v1/items/85123A/similar?k=5", "/v1/items/85123A/similar?k=5&strategy=together",
		"/v1/users/17850/recommendations?k=5&strategy=again", "/v1/users/17850/recommendations?k=5&strategy=discovery",
		"/v1/users/17850/recommendations?k=5&strategy=together&lang=zh", "/v1/users/17850/recommendations?k=5&strategy=trending"} {
		if err := checkAnswer(address + path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// digest lists every file of lake and quarantine with its checksum.
func digest(t *testing.T, dir string) []byte {
	t.Helper()
	out, err := exec.Command("sh", "-c", "cd "+dir+" && find lake quarantine -type f | sort | xargs sha256sum").Output()
	if err != nil || len(out) == 0 {
		t.Fatalf("listing %s: %v", dir, err)
	}
	return out
}

func checkImport(t *testing.T, text string) {
	t.Helper()
	var r lake.Report
	decode(t, text, &r)
	orders := r.Table(data.Orders)
	if orders.Read != 1_067_370 || orders.Accepted != 805_828 || orders.Read != orders.Accepted+orders.Duplicate+orders.Quarantined {
		t.Errorf("orders: %+v", orders)
	}
	sum := int64(0)
	for _, n := range orders.Reasons {
		sum += n
	}
	if sum != orders.Quarantined {
		t.Errorf("reasons add up to %d of %d quarantined", sum, orders.Quarantined)
	}
	if users := r.Table(data.Users); users.Accepted != 5_875 {
		t.Errorf("users: %+v", users)
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
}

func chosen(s *training.Slice) string {
	for _, r := range s.Results {
		if r.Chosen {
			return r.Model
		}
	}
	return ""
}

func metric(s *training.Slice, model, key string) float64 {
	for _, r := range s.Results {
		if r.Model == model {
			return r.Metrics[key].Value
		}
	}
	return 0
}
