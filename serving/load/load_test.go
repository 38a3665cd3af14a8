package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/models/snapshot"
)

// Quantiles are those of the sorted durations, to a 64th.
func TestQuantiles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64), 1, 50).Draw(rt, "durations")
		cut := rapid.IntRange(0, len(list)).Draw(rt, "cut")
		var whole, part histogram
		for i, d := range list {
			if i < cut {
				part.add(time.Duration(d))
			} else {
				whole.add(time.Duration(d))
			}
		}
		whole.merge(&part)
		slices.Sort(list)
		q := rapid.Float64Range(0, 1).Draw(rt, "q")
		want := float64(list[min(int(q*float64(len(list))), len(list)-1)])
		if got := float64(whole.quantile(q)); got < want || got > want*(1+1./64)+1 {
			rt.Fatalf("quantile %v of %v is %v, want %v", q, list, got, want)
		}
	})
}

func TestParseAnswer(t *testing.T) {
	for _, c := range []struct {
		text, body string
		status     int
		whole, bad bool
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: x\r\n\r\nok", "ok", 200, true, false},
		{"HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 0\r\n\r\n", "", 404, true, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", "", 0, false, false},
		{"HTTP/1.1 200 OK\r\nContent-Le", "", 0, false, false},
		{"", "", 0, false, false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nok", "", 0, false, true},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", 0, false, true},
		{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "", 0, false, true},
		{"HTTP/1.1 2x0 OK\r\nContent-Length: 1\r\n\r\nk", "", 0, false, true},
		{"SMTP\r\n\r\n", "", 0, false, true},
	} {
		status, body, whole, err := parseAnswer([]byte(c.text))
		if whole != c.whole || (err != nil) != c.bad || whole && (status != c.status || string(body) != c.body) {
			t.Errorf("%q: %d, %q, %v, %v", c.text, status, body, whole, err)
		}
	}
}

// A client gets what the bare handler was given, and says what went wrong with a
// server that has no such answer.
func TestClientAndBare(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	given, err := json.Marshal(bodies{"GET /v1/users/:id/recommendations": `{"items":[]}`, "POST /v1/items/update": "{}", "POST /v1/recommendations": "{}"})
	if err != nil {
		t.Fatal(err)
	}
	from, to := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- bare(ctx, strings.NewReader(string(given)), to) }()
	address, err := bufio.NewReader(from).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for what, good := range map[kind]bool{recommend: true, filtered: true, basket: true, scored: false} {
		p := plan{Address: strings.TrimSpace(address), Kind: what, Users: 9, Items: 9, UpdateEvery: 10, Connections: 3, Seconds: .05, Rate: 2000, Seed: 1}
		s, err := p.run(ctx)
		if err != nil || s.Requests == 0 || s.All < s.Requests || (s.Failed == 0) != good || s.Most < s.P50 {
			t.Errorf("%s: %+v, %v", what, s, err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A shop makes a snapshot that can be opened, and is made once.
func TestShop(t *testing.T) {
	root := t.TempDir()
	first, err := shop{30, 1500}.publish(root)
	if err != nil {
		t.Fatal(err)
	}
	again, err := shop{30, 1500}.publish(root)
	if err != nil || again != first || first[0] == first[1] {
		t.Fatalf("%v, then %v, %v", first, again, err)
	}
	snap, err := snapshot.Open(root + "/" + first[1])
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	u, ok, err := snap.User("c00000029")
	if err != nil || !ok || len(u.Candidates) != candidates || u.Scores == nil || snap.Items() != 1500 {
		t.Errorf("%v, %v: %+v", ok, err, u)
	}
}

func TestOptions(t *testing.T) {
	for _, bad := range [][]string{{"bench", "-customers", "0"}, {"bench", "-items", "9"}, {"bench", "-seconds", "0"}, {"bench", "more"}, {"bench", "-nothing"}, {"else"}} {
		if err := run(t.Context(), bad, strings.NewReader(""), io.Discard); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

func TestReportNamesWhatWasMissed(t *testing.T) {
	var out strings.Builder
	r := &report{out: &out}
	r.figure(figure{Name: "met", Value: .7, Least: .6})
	r.figure(figure{Name: "slow", Value: 3.1, Most: 3})
	if err := r.end(); err == nil || !strings.Contains(err.Error(), "slow") || strings.Contains(err.Error(), "met") {
		t.Errorf("%v", err)
	}
	if !strings.Contains(out.String(), "| slow | 3.1 | ≤ 3 | missed |") || !strings.Contains(out.String(), `{"name":"met","value":0.7,"least":0.6}`) {
		t.Error(out.String())
	}
}
