package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/data"
	"regulars/data/durable"
	"regulars/features"
)

// simulated makes a workspace with a small shop and returns a request of its builds.
func simulated(t *testing.T) features.Request {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	var out, complaints bytes.Buffer
	if code := run(context.Background(), []string{"generate", "--workspace", dir, "--users", "300", "--items", "50", "--seed", "1"}, &out, &complaints); code != exitDone {
		t.Fatal(complaints.String())
	}
	g := &global{workspace: dir}
	w, err := g.open(false)
	if err != nil {
		t.Fatal(err)
	}
	days, err := w.days("")
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.request(days)
	if err != nil {
		t.Fatal(err)
	}
	if r.Groups, err = features.Catalogue(); err != nil {
		t.Fatal(err)
	}
	return r
}

// hungry is a group whose query needs more memory and time than there is.
func hungry(t *testing.T) features.Group {
	t.Helper()
	g, err := features.Parse("hungry.sql", `-- group: hungry
-- entity: user
-- doc: Every line beside every other.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- column: x BIGINT - | Pairs.
WITH pairs AS (
  SELECT a.as_of, a.user_id, a.order_id || b.order_id || c.order_id || a.item_id || b.item_id AS x
  FROM orders a JOIN orders b ON b.as_of = a.as_of JOIN orders c ON c.as_of = a.as_of
)
SELECT as_of, user_id, COUNT(DISTINCT x) AS x FROM pairs GROUP BY as_of, user_id ORDER BY as_of, user_id`)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func listing(t *testing.T, root string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(&out, "%s %x\n", path, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestEngineOutOfMemory: whether the SQL engine notices that memory is short or
// the process is stopped by its bound, the job fails with what to do about it,
// this process goes on, and the tables are those of before.
func TestEngineOutOfMemory(t *testing.T) {
	r := simulated(t)
	r.MemoryLimit, r.Threads = "500MB", 2
	steps := 0
	r.Progress = func(done, total int, what string) {
		if done >= 0 && done < total && what != "" {
			steps++
		}
	}
	if _, err := (&childEngine{memory: "500MB"}).Build(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	if steps < len(r.Groups)/2 {
		t.Errorf("%d steps of progress", steps)
	}
	before := listing(t, r.Root)
	r.Groups = append(r.Groups, hungry(t))
	r.Force = true
	r.MemoryLimit = "60MB"
	_, err := (&childEngine{memory: "60MB"}).Build(context.Background(), r)
	if err == nil || !strings.Contains(err.Error(), "out of memory: the SQL engine was given 60MB (machine.memory): give it more, or build fewer dates or groups at once") {
		t.Errorf("error %v", err)
	}
	r.MemoryLimit = "8GB"
	_, err = (&childEngine{memory: "8GB", limit: 400 << 20}).Build(context.Background(), r)
	if err == nil || !strings.Contains(err.Error(), "machine.memory") || !strings.Contains(err.Error(), "8GB") {
		t.Errorf("error %v", err)
	}
	if err := (durable.FS{}).RemoveTemp(r.Root); err != nil { // what a killed child leaves, the next build removes
		t.Fatal(err)
	}
	if after := listing(t, r.Root); after != before {
		t.Error("a build that failed changed tables")
	}
}

// TestEngineStops: the end of the context, or of the process that waits, ends the child.
func TestEngineStops(t *testing.T) {
	r := simulated(t)
	r.Groups = []features.Group{hungry(t)}
	r.MemoryLimit = "2GB"
	ctx, cancel := context.WithCancel(context.Background())
	r.Progress = func(_, _ int, what string) {
		if what == "user/hungry" {
			cancel()
		}
	}
	if _, err := (&childEngine{memory: "2GB"}).Build(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	task, err := json.Marshal(engineTask{Build: &r})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "features", "engine")
	cmd.Args[0] = "regulars"
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(append(task, '\n')); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("a child that nobody waits for finished its task")
		}
	case <-time.After(time.Minute):
		t.Error("a child that nobody waits for goes on")
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]uint64{"1GB": 1e9, "1.5GiB": 1536 << 20, "500MB": 5e8, "64KiB": 64 << 10, "2TB": 2e12} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%s is %d (%v), want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1", "GB", "-1GB", "1 gigabyte", "99999999999TB"} {
		if _, err := parseSize(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// TestEngineErrors: what goes wrong in the child is said as it would be here.
func TestEngineErrors(t *testing.T) {
	r := simulated(t)
	r.AsOf = []data.Day{r.AsOf[0], r.AsOf[0]}
	if _, err := (&childEngine{memory: "500MB"}).Build(context.Background(), r); err == nil || !strings.HasSuffix(err.Error(), "is given twice") {
		t.Errorf("error %v", err)
	}
	if _, err := (&childEngine{memory: "lots"}).Build(context.Background(), r); err == nil || !strings.Contains(err.Error(), `machine.memory "lots" is not a size`) {
		t.Errorf("error %v", err)
	}
	_, err := (&childEngine{memory: "500MB"}).Labels(context.Background(), features.LabelRequest{AsOf: r.AsOf[:1], Lake: r.Lake, Root: r.Root, HorizonDays: 90, Until: r.AsOf[0]})
	if err == nil || !strings.Contains(err.Error(), "choose an earlier as_of or a shorter horizon") {
		t.Errorf("error %v", err)
	}
}
