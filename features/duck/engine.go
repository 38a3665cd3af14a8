package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"regulars/data"
	"regulars/data/durable"
	"regulars/features"
)

// Engine implements features.Engine. Every build opens a database of its own, so
// an Engine holds nothing between calls and may be used concurrently on
// different roots.
type Engine struct {
	Disk durable.FS // the zero value is the real one
}

var _ features.Engine = (*Engine)(nil)

// New returns an engine.
func New() *Engine { return &Engine{} }

// Close does nothing: a build closes what it opens.
func (*Engine) Close() error { return nil }

// Build computes feature tables, see features.Engine.
func (e *Engine) Build(ctx context.Context, r features.Request) (features.Result, error) {
	if err := r.Check(); err != nil {
		return features.Result{}, err
	}
	b := build{disk: e.Disk, lake: r.Lake, asOf: r.AsOf, root: r.Root, timeZone: r.TimeZone,
		tempDir: r.TempDir, memory: r.MemoryLimit, threads: r.Threads, progress: r.Progress}
	for _, g := range r.Groups {
		if missing := b.missing(g); missing != "" {
			b.result.Skipped = append(b.result.Skipped, features.Skip{Group: g.Name, Reason: "the lake has no " + missing})
			continue
		}
		b.groups = append(b.groups, g)
	}
	return b.run(ctx)
}

// Labels computes label tables, see features.Engine.
func (e *Engine) Labels(ctx context.Context, r features.LabelRequest) (features.Result, error) {
	if err := r.Check(); err != nil {
		return features.Result{}, err
	}
	g, err := features.OrderLabel()
	if err != nil {
		return features.Result{}, err
	}
	b := build{disk: e.Disk, lake: r.Lake, asOf: r.AsOf, root: r.Root, timeZone: r.TimeZone,
		tempDir: r.TempDir, memory: r.MemoryLimit, threads: r.Threads, progress: r.Progress,
		gap: data.Day(r.GapDays), horizon: data.Day(r.HorizonDays)}
	if missing := b.missing(g); missing != "" {
		return features.Result{}, fmt.Errorf("labels: the lake has no %s", missing)
	}
	g.Name = features.LabelGroup(r.HorizonDays, r.GapDays)
	b.groups = []features.Group{g}
	return b.run(ctx)
}

// build is one run over one lake.
type build struct {
	disk         durable.FS
	lake         map[data.Table][]string
	asOf         []data.Day
	groups       []features.Group
	root         string
	timeZone     string
	tempDir      string
	memory       string
	threads      int
	progress     func(done, total int, what string)
	gap, horizon data.Day // of labels; horizon 0 = features

	work   string // temporary folder below root; the only one the locked database may reach
	steps  int
	result features.Result
}

// missing names the needed tables that the lake lacks, "" when none.
func (b *build) missing(g features.Group) string {
	var names []string
	for _, t := range g.Needs {
		if len(b.lake[t]) == 0 {
			names = append(names, string(t))
		}
	}
	return strings.Join(names, ", ")
}

func (b *build) run(ctx context.Context) (_ features.Result, err error) {
	for _, g := range b.groups {
		if err := features.Lint(g); err != nil {
			return features.Result{}, fmt.Errorf("feature file breaks the rules:\n%w", err)
		}
	}
	if err := b.makeWork(); err != nil {
		return features.Result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	files, err := b.compute(ctx)
	if err != nil {
		return features.Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return features.Result{}, err
	}
	return b.result, publish(b.disk, files)
}

// makeWork removes what a killed build left behind and makes the folder of this one.
func (b *build) makeWork() error {
	root, err := filepath.Abs(b.root)
	if err != nil {
		return fmt.Errorf("features root %s: %w", b.root, err)
	}
	b.root = root
	if err := b.disk.MakeDirs(root); err != nil {
		return fmt.Errorf("make features root: %w", err)
	}
	if err := b.disk.RemoveTemp(root); err != nil {
		return fmt.Errorf("remove what an earlier build left: %w", err)
	}
	b.work, err = os.MkdirTemp(root, durable.TempPrefix+"build-*")
	if err != nil {
		return fmt.Errorf("make temporary folder for features: %w", err)
	}
	return nil
}

// compute writes every table below b.work and returns where each belongs.
func (b *build) compute(ctx context.Context) (files []file, err error) {
	s, err := open(ctx, b)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := b.prepare(s); err != nil {
		return nil, err
	}
	for _, g := range b.groups {
		made, err := b.group(s, g)
		if err != nil {
			return nil, err
		}
		files = append(files, made...)
	}
	return files, nil
}

// prepare makes the views and then shuts the database off.
func (b *build) prepare(s *session) error {
	if err := b.createAsOf(s); err != nil {
		return err
	}
	for _, t := range b.tables() {
		b.step("load " + string(t))
		if err := b.load(s, t); err != nil {
			return err
		}
	}
	return s.lock(b.work)
}

// tables lists the lake tables that the groups read, in the order of data.Schemas.
func (b *build) tables() []data.Table {
	used := map[data.Table]bool{}
	for _, g := range b.groups {
		for _, t := range g.Tables() {
			used[t] = true
		}
	}
	var out []data.Table
	for _, s := range data.Schemas() {
		if used[s.Table] {
			out = append(out, s.Table)
		}
	}
	return out
}

// step reports the start of the next piece of work.
func (b *build) step(what string) {
	if b.progress != nil {
		b.progress(b.steps, len(b.tables())+len(b.groups), what)
	}
	b.steps++
}
