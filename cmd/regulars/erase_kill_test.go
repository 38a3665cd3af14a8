package main

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/data/privacy"
)

// eraseKills is how often `regulars erase` is killed.
const eraseKills = 12

// TestKilledErasureIsFinished kills a real `regulars erase` at random moments,
// until one comes to its end. Then nothing of the person is in any byte, and
// what is held of everybody else is what it was.
func TestKilledErasureIsFinished(t *testing.T) {
	if testing.Short() {
		t.Skip("kills child processes")
	}
	dir, _ := zebraShop(t)
	withServer(t, dir, func(address string) { tellOfZebra(t, dir, address) })
	others := []string{"u000001", "u000150", "friend-of-zebra"}
	before := heldOfAll(t, dir, others)
	var receipts struct{ Erasures []privacy.Receipt }
	begun := time.Now()
	if err := json.Unmarshal([]byte(mustRun(t, "erase", "--workspace", dir, zebra, "--dry-run", "--json")), &receipts); err != nil {
		t.Fatal(err)
	}
	found, whole := receipts.Erasures[0].Removed, 3*time.Since(begun)
	moments, died := rand.New(rand.NewPCG(5, 6)), 0
	for i := range eraseKills { // ever later, so that every step has its turn
		if !killAfter(t, time.Duration((float64(i)+moments.Float64())/eraseKills*float64(whole)), "erase", "--workspace", dir, zebra) {
			break
		}
		died++
	}
	mustRun(t, "erase", "--workspace", dir, "--resume")
	if died < 2 {
		t.Errorf("only %d of the erasures were killed before their end", died)
	}
	if left := holders(t, dir, zebra); len(left) > 0 {
		t.Errorf("the id is still in %q", left)
	}
	if after := heldOfAll(t, dir, others); after != before {
		t.Errorf("others have\n%s\nwant\n%s", after, before)
	}
	if err := json.Unmarshal([]byte(mustRun(t, "erase", "--workspace", dir, "--list", "--json")), &receipts); err != nil || len(receipts.Erasures) < 1 {
		t.Fatalf("%+v (%v)", receipts, err)
	}
	first := receipts.Erasures[0]
	if got, want := counts(first.Removed), counts(found); first.Status != privacy.Done || got != want {
		t.Errorf("the receipt (%s) says %s, held were %s", first.Status, got, want)
	}
	t.Logf("killed %d times within %s", died, whole.Round(time.Millisecond))
}

// withServer runs a server while use does.
func withServer(t *testing.T, dir string, use func(address string)) {
	t.Helper()
	g := &global{workspace: dir, stdout: io.Discard, stderr: io.Discard}
	w, err := g.open(false)
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.newServer(io.Discard, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	address := "http://" + s.listener.Addr().String()
	awaitStatus(t, http.DefaultClient, address+"/readyz", "", 200)
	use(address)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func counts(list []privacy.Count) string {
	text, err := json.Marshal(list)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// heldOfAll is what a workspace holds of customers, but for the lists' order of
// features and the names of versions, which another content changes.
func heldOfAll(t *testing.T, dir string, ids []string) string {
	t.Helper()
	var all strings.Builder
	for _, id := range ids {
		var told struct {
			Held []struct {
				Where string
				Rows  []map[string]any
			}
		}
		if err := json.Unmarshal([]byte(mustRun(t, "data", "--workspace", dir, id)), &told); err != nil {
			t.Fatal(err)
		}
		for _, h := range told.Held {
			if strings.HasPrefix(h.Where, "features/") {
				continue // tables that name the person go whole
			}
			if strings.HasPrefix(h.Where, "snapshots/") {
				h.Where = "snapshots" + filepath.Ext(h.Where)
			}
			for _, row := range h.Rows {
				forgetReferrer(row)
				text, err := json.Marshal(row)
				if err != nil {
					t.Fatal(err)
				}
				all.WriteString(id + " " + h.Where + " " + string(text) + "\n")
			}
		}
	}
	return all.String()
}

// forgetReferrer takes out who brought a customer, where that was the zebra: the
// one thing that others lose.
func forgetReferrer(row map[string]any) {
	for _, of := range []any{row, row["profile"]} {
		if fields, ok := of.(map[string]any); ok && (fields["referrer_id"] == zebra || fields["referrer_id"] == nil) {
			delete(fields, "referrer_id")
		}
	}
}
