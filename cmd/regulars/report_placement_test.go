package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/cmd/regulars/config"
	"regulars/serving/events"
	"regulars/serving/filter"
	"regulars/serving/placement"
	shown "regulars/serving/served"
)

// trial is a workspace with a placement of two arms, of which four lists were shown,
// two clicked and one bought from.
func trial(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	const yaml = `currency: GBP
placements:
  - name: home
    arms: [{name: now, share: 0.5}, {name: trial, share: 0.5}]
`
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := placement.NewSet([]placement.Definition{{Name: "home", Arms: []placement.Arm{{Name: "now", Share: .5}, {Name: "trial", Share: .5}}}}, filter.CheckSyntax)
	if err != nil {
		t.Fatal(err)
	}
	home, _ := set.Find("home")
	lists, err := shown.Open(filepath.Join(dir, servedFolder), shown.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log, err := events.Open(filepath.Join(dir, events.FileName), events.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var told []json.RawMessage
	for i := range 4 {
		plan := &home.Plans()[i%2]
		r := lists.New()
		r.ID, r.At, r.Placement, r.Arm, r.User = plan.Sign(fmt.Sprint("list", i)), time.Now().Add(-time.Minute), "home", plan.Arm, fmt.Sprint("u", i)
		r.Items = append(r.Items, shown.Shown{ID: "a", Strategy: "repeat"})
		lists.Add(r)
		if plan.Arm == "trial" {
			told = append(told, json.RawMessage(fmt.Sprintf(`{"type":"click","user_id":"u%d","item_id":"a","recommendation_id":%q}`, i, plan.Sign(fmt.Sprint("list", i)))))
		}
	}
	told = append(told, json.RawMessage(fmt.Sprintf(`{"type":"purchase","user_id":"u1","item_id":"a","order_id":"o","quantity":2,"unit_price":6.25,"recommendation_id":%q}`, home.Plans()[1].Sign("list1"))))
	res, err := log.Events(t.Context(), told)
	if err := errors.Join(err, log.Close(), lists.Close()); err != nil || res.Accepted != 3 {
		t.Fatalf("%+v, %v", res, err)
	}
	return dir
}

func TestPlacementReportCommand(t *testing.T) {
	dir := trial(t)
	out, _, err := typed("report", "placement", "--workspace", dir, "--json")
	var told struct {
		Placements []shown.Report `json:"placements"`
	}
	if err := errors.Join(err, json.Unmarshal([]byte(out), &told)); err != nil || len(told.Placements) != 1 || len(told.Placements[0].Arms) != 2 {
		t.Fatalf("%v: %s", err, out)
	}
	now, trial := told.Placements[0].Arms[0], told.Placements[0].Arms[1]
	if now.Lists != 2 || now.Clicks != 0 || trial.Lists != 2 || trial.Visitors != 2 || trial.Clicks != 2 || trial.Orders != 1 || trial.Revenue != 12.5 ||
		trial.ClickThrough.Value != 1 || trial.Conversion.Value != .5 || trial.Difference.ClickThrough.Value != 1 {
		t.Errorf("%+v and %+v", now, trial)
	}
	out, _, err = typed("report", "placement", "home", "--workspace", dir)
	if err != nil || !strings.Contains(out, "revenue GBP") || !strings.Contains(out, "\ntrial        2      2         0            2       1       12.50 ") || !strings.Contains(out, "\ntrial − now ") {
		t.Errorf("%v:\n%s", err, out)
	}
	page := filepath.Join(dir, "home.html")
	if out, _, err := typed("report", "placement", "home", "--workspace", dir, "--html", page, "--lang", "zh"); err != nil || out != "written to "+page+"\n" {
		t.Errorf("%q, %v", out, err)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "点击率") || !strings.Contains(string(text), "<svg") {
		t.Errorf("%v", err)
	}
	for line, want := range map[string]string{"hall": `no placement "hall"`, "home --from soon": "a day such as", "home --from 2026-01-02 --to 2026-01-01": "not before", "home --lang fr": "--lang"} {
		var usage usageError
		if _, _, err := typed(append(append([]string{"report", "placement"}, strings.Fields(line)...), "--workspace", dir)...); !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}
