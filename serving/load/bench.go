package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"regulars/data/durable"
	"regulars/models/snapshot"
)

// options of a bench.
type options struct {
	regulars  string // the program
	dir       string // for workspaces, which are kept
	customers int
	items     int
	seconds   float64 // of one measurement
	only      string  // names of parts, separated by commas; empty = all
}

func parseOptions(args []string) (o options, err error) {
	flags := flag.NewFlagSet("load bench", flag.ContinueOnError)
	flags.StringVar(&o.regulars, "regulars", ".bench/regulars", "the program to measure")
	flags.StringVar(&o.dir, "dir", ".bench", "folder for workspaces, which are kept for the next time")
	flags.IntVar(&o.customers, "customers", 200_000, "customers of the snapshot")
	flags.IntVar(&o.items, "items", 100_000, "items of the snapshot")
	flags.Float64Var(&o.seconds, "seconds", 3, "how long one measurement takes")
	flags.StringVar(&o.only, "only", "", "parts to measure, separated by commas: "+partNames())
	if len(args) > 0 {
		args = args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.customers < 1 || o.customers > 10_000_000 || o.items < 1000 || o.items > 10_000_000 || o.seconds <= 0 || flags.NArg() > 0 {
		return o, errors.New("customers must be 1 to 10 million, items 1,000 to 10 million, seconds above 0, and nothing else is taken")
	}
	return o, nil
}

// A part of the bench measures some of the figures.
type part struct {
	name    string
	measure func(b *measuring) error
}

func parts() []part {
	return []part{
		{"memory", (*measuring).memory},
		{"health", func(b *measuring) error { return b.against(alive, 0) }},
		{"recommendations", func(b *measuring) error { return b.against(recommend, .6) }},
		{"filtered", func(b *measuring) error { return b.against(filtered, .35) }},
		{"scores", func(b *measuring) error { return b.against(scored, .6) }},
		{"basket", (*measuring).session},
		{"growth", (*measuring).growth},
		{"swaps", (*measuring).swaps},
		{"pipeline", (*measuring).pipeline},
	}
}

func partNames() string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// measuring is a bench under way.
type measuring struct {
	options
	ctx          context.Context
	workspace    string
	versions     [2]string
	key          string
	server, bare *child
	ready        time.Duration
	updates      int // one request of so many; 0: the server takes none
	filters      bool
	report       *report
}

const connections = 64

func bench(ctx context.Context, out io.Writer, args []string) (err error) {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	b := &measuring{options: o, ctx: ctx, report: &report{out: out}}
	b.report.say("%d customers, %d items, %d processors, %s", o.customers, o.items, runtime.NumCPU(), runtime.Version())
	if err := b.open(); err != nil {
		return err
	}
	defer func() { b.server.stop(); b.bare.stop() }()
	for _, p := range parts() {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), p.name) {
			continue
		}
		if err := p.measure(b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return b.report.end()
}

// open makes the workspace and starts both servers.
func (b *measuring) open() (err error) {
	b.workspace, err = filepath.Abs(filepath.Join(b.dir, fmt.Sprintf("serving-%d-%d-%d", snapshot.FormatVersion, b.customers, b.items)))
	if err != nil {
		return err
	}
	if err := initialise(b.ctx, b.regulars, b.workspace); err != nil {
		return err
	}
	root := filepath.Join(b.workspace, "snapshots")
	if b.versions, err = (shop{b.customers, b.items}).publish(root); err != nil {
		return err
	}
	if err := snapshot.SetCurrent(root, durable.FS{}, b.versions[0]); err != nil {
		return err
	}
	if b.key, err = command(b.ctx, b.regulars, "keys", "create", "--workspace", b.workspace, "--role", "marketing"); err != nil {
		return err
	}
	if b.server, b.ready, err = startServer(b.ctx, b.regulars, b.workspace); err != nil {
		return err
	}
	answers, err := b.record()
	if err == nil {
		b.bare, err = startBare(b.ctx, answers)
	}
	if err != nil {
		b.server.stop()
	}
	return err
}

// initialise makes a workspace where there is none, and forgets what the server
// was told in the last run.
func initialise(ctx context.Context, regulars, workspace string) error {
	if _, err := os.Stat(workspace); errors.Is(err, os.ErrNotExist) {
		if _, err := command(ctx, regulars, "init", workspace); err != nil {
			return err
		}
	}
	for _, pattern := range []string{"state.db*", "events.db*", "served"} {
		found, err := filepath.Glob(filepath.Join(workspace, pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// record asks the server for what the bare one is to answer, and finds out what
// it can do.
func (b *measuring) record() (bodies, error) {
	out := bodies{}
	for _, what := range []string{"recommendations", "scores"} {
		body, err := b.typical("/" + what)
		if err != nil {
			return nil, err
		}
		out["GET /v1/users/:id/"+what] = body
	}
	var err error
	if out["GET /healthz"], err = b.server.fetch("GET", "/healthz", "", ""); err != nil {
		return nil, err
	}
	out["POST /v1/recommendations"], err = b.server.fetch("POST", "/v1/recommendations", b.key, `{"items":["i00000001","i00000002"]}`)
	if err != nil {
		return nil, err
	}
	update, err := b.server.fetch("POST", "/v1/items/update", b.key, `{"item_id":"i00000001","in_stock":true}`)
	if err != nil {
		b.report.say("stock cannot be updated: no update is sent (%v)", err)
	} else {
		b.updates, out["POST /v1/items/update"] = 100, update
	}
	_, err = b.server.fetch("GET", "/v1/users/c00000000/recommendations?filter=item.price%20%3C%2050", b.key, "")
	if b.filters = err == nil; !b.filters {
		b.report.say("filters are refused: they are not measured (%v)", err)
	}
	return out, nil
}

// typical is the answer of median size of some customers'.
func (b *measuring) typical(what string) (string, error) {
	var answers []string
	for i := range 33 {
		id := appendID(nil, 'c', i*b.customers/33)
		body, err := b.server.fetch("GET", "/v1/users/"+string(id)+what, b.key, "")
		if err != nil {
			return "", err
		}
		answers = append(answers, body)
	}
	slices.SortFunc(answers, func(x, y string) int { return cmp.Compare(len(x), len(y)) })
	return answers[len(answers)/2], nil
}

func (b *measuring) plan(to *child, what kind) plan {
	return plan{Address: to.address, Kind: what, Key: b.key, Users: b.customers, Items: b.items, UpdateEvery: b.updates,
		Connections: connections, Warm: .5, Seconds: b.seconds, Seed: uint64(time.Now().UnixNano())}
}

// sample is what was seen of a server, and what it cost.
type sample struct {
	seen
	processor float64 // microseconds of the server's processor time a request
}

// ask runs a plan against one of the servers. An answer other than wanted is an error.
func (b *measuring) ask(to *child, p plan) (s sample, err error) {
	before, err := to.processor()
	if err != nil {
		return s, err
	}
	if s.seen, err = client(b.ctx, p); err != nil {
		return s, err
	}
	after, err := to.processor()
	s.processor = 1e6 * (after - before) / float64(s.All)
	if err == nil && s.Failed > 0 {
		err = fmt.Errorf("%d of %d requests failed, such as with %s", s.Failed, s.All, s.Failure)
	}
	return s, err
}

// rounds is how often both servers are measured in turns.
const rounds = 3

// against compares the server with the bare one.
func (b *measuring) against(what kind, least float64) error {
	if what == filtered && !b.filters {
		return nil
	}
	var rate, tail, cost []float64
	for range rounds {
		bare, err := b.ask(b.bare, b.plan(b.bare, what))
		if err != nil {
			return err
		}
		ours, err := b.ask(b.server, b.plan(b.server, what))
		if err != nil {
			return err
		}
		b.report.sample(string(what), ours)
		b.report.sample(string(what)+", bare", bare)
		rate, tail = append(rate, ours.rate()/bare.rate()), append(tail, ours.P99/bare.P99)
		cost = append(cost, (bare.processor+bare.Client)/(ours.processor+ours.Client))
	}
	b.report.figure(figure{Name: string(what) + ": requests a second, of the bare handler's", Value: median(rate), Least: least})
	b.report.say("  by processor time, had the machine done nothing else: %.3g", median(cost))
	b.report.figure(figure{Name: string(what) + ": 99th percentile, times the bare handler's", Value: median(tail), Most: 3})
	return nil
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// memory loads every part of the snapshot and looks at what is resident.
func (b *measuring) memory() error {
	b.report.figure(figure{Name: "seconds until ready", Value: b.ready.Seconds(), Most: 2})
	p := b.plan(b.server, recommend)
	p.Seconds = max(10, 3*b.seconds)
	s, err := b.ask(b.server, p)
	if err != nil {
		return err
	}
	b.report.sample("uniform load", s)
	for _, name := range []string{"go_memstats_alloc_bytes_total", "go_memstats_mallocs_total"} {
		all, err := b.server.metric(name)
		if err != nil {
			return err
		}
		b.report.say("  %s: %.4g a request", name, all/float64(s.All))
	}
	resident, err := b.server.resident()
	b.report.figure(figure{Name: "resident after uniform load, GiB", Value: resident / (1 << 30), Most: 1.5})
	return err
}

// session folds items of a session in, one request at a time.
func (b *measuring) session() error {
	p := b.plan(b.server, basket)
	p.Connections, p.UpdateEvery = 1, 0
	var tails []float64
	for range rounds {
		s, err := b.ask(b.server, p)
		if err != nil {
			return err
		}
		b.report.sample("basket, one connection", s)
		tails = append(tails, s.P99)
	}
	b.report.figure(figure{Name: "basket: 99th percentile, one connection, ms", Value: median(tails), Most: 5})
	return nil
}

// growth looks at memory between stretches of full load.
func (b *measuring) growth() error {
	var sizes []float64
	for range 6 {
		p := b.plan(b.server, recommend)
		p.Seconds = max(4, b.seconds)
		s, err := b.ask(b.server, p)
		if err != nil {
			return err
		}
		b.report.sample("growth", s)
		heap, err := b.server.metric("go_memstats_heap_alloc_bytes")
		if err != nil {
			return err
		}
		next, err := b.server.metric("go_memstats_next_gc_bytes") // twice what was live at the last collection
		if err != nil {
			return err
		}
		resident, err := b.server.resident()
		if err != nil {
			return err
		}
		b.report.say("  heap %.1f MiB, next collection at %.1f MiB, resident %.1f MiB", heap/(1<<20), next/(1<<20), resident/(1<<20))
		sizes = append(sizes, resident)
	}
	b.report.figure(figure{Name: "resident, last third of the load over the second", Value: (sizes[4] + sizes[5]) / (sizes[2] + sizes[3]), Most: 1.05})
	return nil
}

// swaps publishes another snapshot again and again under full load.
func (b *measuring) swaps() error {
	var ratios []float64
	for range rounds {
		quiet, err := b.ask(b.server, b.plan(b.server, recommend))
		if err != nil {
			return err
		}
		b.report.sample("quiet", quiet)
		p := b.plan(b.server, recommend)
		p.Seconds = max(8, b.seconds)
		ended := make(chan error, 1)
		go func() { ended <- b.swapTwice(seconds(p.Seconds / 3)) }()
		busy, err := b.ask(b.server, p)
		if err := errors.Join(err, <-ended); err != nil {
			return err
		}
		b.report.sample("two swaps", busy)
		ratios = append(ratios, busy.P99/quiet.P99)
	}
	b.report.figure(figure{Name: "swaps: 99th percentile, times the quiet one", Value: median(ratios), Most: 2})
	return nil
}

// swapTwice makes the other snapshot current and then the first again, and waits
// until the server has taken them.
func (b *measuring) swapTwice(every time.Duration) error {
	before, err := b.server.metric("regulars_snapshot_swaps_total")
	if err != nil {
		return err
	}
	for i := range 2 {
		time.Sleep(every / 2)
		if err := snapshot.SetCurrent(filepath.Join(b.workspace, "snapshots"), durable.FS{}, b.versions[1-i]); err != nil {
			return err
		}
		time.Sleep(every / 2)
	}
	for start := time.Now(); time.Since(start) < patience; time.Sleep(50 * time.Millisecond) {
		if now, err := b.server.metric("regulars_snapshot_swaps_total"); err != nil || now >= before+2 {
			return err
		}
	}
	return errors.New("the server did not take over two snapshots")
}

// pipeline runs all jobs of another shop on the same processors meanwhile, at the
// priority that the schedule gives them.
func (b *measuring) pipeline() (err error) {
	dir, err := filepath.Abs(filepath.Join(b.dir, "serving-shop"))
	if err != nil {
		return err
	}
	if err := generate(b.ctx, b.regulars, dir); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "pipeline.log"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	full := b.plan(b.server, recommend)
	full.Seconds = max(8, 2*b.seconds)
	quiet, err := b.ask(b.server, full)
	if err != nil {
		return err
	}
	b.report.sample("quiet", quiet)
	half := full
	half.Rate = quiet.rate() / 2
	quietHalf, err := b.ask(b.server, half)
	if err != nil {
		return err
	}
	b.report.sample("quiet, half the load", quietHalf)
	running, stop, err := begin(b.ctx, b.regulars, log, "run", "pipeline", "--workspace", dir)
	if err != nil {
		return err
	}
	defer stop()
	full.Seconds, half.Seconds = 20, 20
	busyHalf, err := b.ask(b.server, half)
	if err != nil {
		return err
	}
	b.report.sample("pipeline, half the load", busyHalf)
	busy, err := b.ask(b.server, full)
	if err != nil {
		return err
	}
	b.report.sample("pipeline", busy)
	if !running() {
		b.report.say("the pipeline ended before the measurement did")
	}
	b.report.figure(figure{Name: "pipeline: 99th percentile, times the quiet one, full load", Value: busy.P99 / quiet.P99, Most: 3})
	b.report.figure(figure{Name: "pipeline: 99th percentile, times the quiet one, half the load", Value: busyHalf.P99 / quietHalf.P99, Most: 3})
	return nil
}

// generate fills the lake of a workspace for the pipeline, once.
func generate(ctx context.Context, regulars, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "lake")); err == nil {
		return nil
	}
	if err := initialise(ctx, regulars, dir); err != nil {
		return err
	}
	_, err := command(ctx, regulars, "generate", "--workspace", dir, "--users", "20000", "--items", "3000", "--seed", "1")
	return err
}
