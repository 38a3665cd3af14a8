package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// kind is what is asked.
type kind string

const (
	recommend kind = "recommendations" // of a customer
	filtered  kind = "filtered"        // the same, of items below a price
	scored    kind = "scores"          // of a customer
	alive     kind = "health"          // no more than that the server is there
	basket    kind = "basket"          // what goes with the items of a session
)

// plan is what a client does.
type plan struct {
	Address     string  `json:"address"`
	Kind        kind    `json:"kind"`
	Key         string  `json:"key"`
	Users       int     `json:"users"`        // asked about uniformly
	Items       int     `json:"items"`        // of the catalogue
	UpdateEvery int     `json:"update_every"` // one request of so many tells the stock of an item; 0 = none
	Connections int     `json:"connections"`
	Rate        float64 `json:"rate"` // requests a second of all connections; 0 = as fast as answers come
	Warm        float64 `json:"warm"` // seconds before it counts
	Seconds     float64 `json:"seconds"`
	Seed        uint64  `json:"seed"`
}

// seen is what a client saw.
type seen struct {
	Requests int     `json:"requests"` // that were counted
	All      int     `json:"all"`      // with those of warming up
	Failed   int     `json:"failed"`   // of all: not answered with 200, or with nothing
	Failure  string  `json:"failure,omitempty"`
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50"` // milliseconds, from when it was due
	P99      float64 `json:"p99"`
	P999     float64 `json:"p999"`
	Most     float64 `json:"most"`
	Updates  float64 `json:"updates"`          // 99th percentile of updates, which are not in the others
	Client   float64 `json:"client,omitempty"` // microseconds of the client's processor time a request
}

// rate is in requests a second.
func (s seen) rate() float64 { return float64(s.Requests) / s.Seconds }

// worker is one connection's part of a plan.
type worker struct {
	*conn
	plan      *plan
	random    *rand.Rand
	latency   histogram // of all but updates
	updates   histogram
	all, fail int
	failure   string
}

// stuck is how long an answer may take.
const stuck = 20 * time.Second

func (p *plan) run(ctx context.Context) (seen, error) {
	workers := make([]*worker, p.Connections)
	for i := range workers {
		c, err := dial(p.Address)
		if err != nil {
			return seen{}, fmt.Errorf("connection %d: %w", i+1, err)
		}
		defer c.Close()
		workers[i] = &worker{conn: c, plan: p, random: rand.New(rand.NewPCG(p.Seed, uint64(i)))}
	}
	start := time.Now()
	count := start.Add(seconds(p.Warm))
	end := count.Add(seconds(p.Seconds))
	var all sync.WaitGroup
	for i, w := range workers {
		all.Go(func() { w.work(ctx, start, count, end, i) })
	}
	all.Wait()
	return total(workers, time.Since(count)), ctx.Err()
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func total(workers []*worker, took time.Duration) seen {
	var h, updates histogram
	s := seen{Seconds: took.Seconds()}
	for _, w := range workers {
		h.merge(&w.latency)
		updates.merge(&w.updates)
		s.All += w.all
		if s.Failed += w.fail; s.Failure == "" {
			s.Failure = w.failure
		}
	}
	ms := func(q float64) float64 { return float64(h.quantile(q)) / 1e6 }
	s.Updates = float64(updates.quantile(.99)) / 1e6
	s.Requests, s.P50, s.P99, s.P999, s.Most = int(h.n+updates.n), ms(.5), ms(.99), ms(.999), float64(h.most)/1e6
	return s
}

// work asks until the end. With a rate, each request is due at its own time,
// from which its latency counts: a server that stalls is not asked less.
func (w *worker) work(ctx context.Context, start, count, end time.Time, number int) {
	if err := w.deadline(time.Until(end) + stuck); err != nil {
		w.fail, w.failure = 1, err.Error()
		return
	}
	var every time.Duration
	due := start
	if w.plan.Rate > 0 {
		every = seconds(float64(w.plan.Connections) / w.plan.Rate)
		due = start.Add(every * time.Duration(number) / time.Duration(w.plan.Connections))
	}
	for ctx.Err() == nil {
		if every > 0 {
			time.Sleep(time.Until(due))
		} else {
			due = time.Now()
		}
		if due.After(end) {
			return
		}
		if !w.once(due, count) {
			return
		}
		due = due.Add(every)
	}
}

// once asks once; false where the connection is of no more use.
func (w *worker) once(due, count time.Time) bool {
	w.all++
	latency := &w.latency
	if w.request() {
		latency = &w.updates
	}
	status, body, err := w.ask()
	if status != 200 || len(body) == 0 || err != nil {
		w.fail++
		w.failure = fmt.Sprintf("status %d, %.200s, %v", status, body, err)
	}
	if due.After(count) {
		latency.add(time.Since(due))
	}
	return err == nil
}

// request writes the next request, and reports whether it is an update.
func (w *worker) request() (update bool) {
	if n := w.plan.UpdateEvery; n > 0 && w.random.IntN(n) == 0 {
		w.post("/v1/items/update", func(b []byte) []byte {
			b = appendID(append(b, `{"item_id":"`...), 'i', w.random.IntN(w.plan.Items))
			return strconv.AppendBool(append(b, `","in_stock":`...), w.random.IntN(4) > 0)
		})
		return true
	}
	switch w.plan.Kind {
	case recommend:
		w.get("/recommendations?k=10")
	case filtered:
		w.get("/recommendations?k=10&filter=item.price%20%3C%2050")
	case scored:
		w.get("/scores")
	case alive:
		w.out = w.head(append(w.out[:0], "GET /healthz"...))
	case basket:
		w.post("/v1/recommendations", func(b []byte) []byte {
			b = append(b, `{"k":10,"items":["`...)
			for i := range 5 {
				if i > 0 {
					b = append(b, `","`...)
				}
				b = appendID(b, 'i', w.random.IntN(w.plan.Items))
			}
			return append(b, `"]`...)
		})
	}
	return false
}

func (w *worker) get(what string) {
	b := appendID(append(w.out[:0], "GET /v1/users/"...), 'c', w.random.IntN(w.plan.Users))
	w.out = w.head(append(b, what...))
}

// head ends the head of a request without a body.
func (w *worker) head(b []byte) []byte {
	b = append(b, " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "...)
	return append(append(b, w.plan.Key...), "\r\n\r\n"...)
}

// post writes a request whose body is an object; fields appends it but for its end.
func (w *worker) post(path string, fields func(b []byte) []byte) {
	b := append(append(w.out[:0], "POST "...), path...)
	b = append(append(b, " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "...), w.plan.Key...)
	b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	at := len(b)
	b = append(b, "000\r\n\r\n"...)
	head := len(b)
	b = append(fields(b), '}')
	n := len(b) - head
	b[at], b[at+1], b[at+2] = byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10)
	w.out = b
}

// appendID writes the id of a customer or item: a letter and eight digits.
func appendID(b []byte, letter byte, n int) []byte {
	b = append(b, letter)
	for unit := 10_000_000; unit > 0; unit /= 10 {
		b = append(b, byte('0'+n/unit%10))
	}
	return b
}
