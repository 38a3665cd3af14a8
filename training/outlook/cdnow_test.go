package outlook_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"regulars/data"
	"regulars/data/interactions"
	"regulars/training/outlook"
)

// sharedFile is a file of real data beside the project.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Skip("there is no go.mod above")
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "data", name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("there is no %s", path)
	}
	return path
}

// The 2,357 customers of the BG/NBD paper, of whom only orders and amounts are
// known: what needs no more beats its baselines, the rest is absent.
func TestCDNOW(t *testing.T) {
	table, err := interactions.ReadTransactions(t.Context(), sharedFile(t, "cdnow_sample.parquet"), nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &history{users: len(table.Customers), items: 1}
	for i, u := range table.Customer {
		h.orders = append(h.orders, order{user: int(u), day: int(table.Day[i]), spend: table.Amount[i]})
	}
	end, err := data.ParseDay("1998-07-01")
	if err != nil {
		t.Fatal(err)
	}
	in := h.input(t, int(end)-4*horizon, int(end)-3*horizon, int(end)-2*horizon, int(end)-horizon, int(end))
	in.Kinds, in.Prices = nil, nil
	for d := range in.Dates {
		in.Dates[d].Hours, in.Dates[d].Channels = nil, nil
	}
	r, err := outlook.Evaluate(t.Context(), in, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"return within 30 days", "return within 90 days"} {
		got, baselines := value(t, r, target, "log_loss")
		if base := baselines[len(baselines)-1]; got > 0.93*base {
			t.Errorf("%s: log loss %.4f, of the base rate %.4f", target, got, base)
		}
		if ece, _ := value(t, r, target, "ece"); ece > 0.05 {
			t.Errorf("%s: calibration error %.4f", target, ece)
		}
	}
	if got, _ := value(t, r, "value within the horizon", "correlation"); got < 0.4 {
		t.Errorf("values correlate by %.3f with what was spent", got)
	}
	t.Logf("%+v", r.Choices)
}
