package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
	b := build{disk: e.Disk, lake: r.Lake, root: r.Root, timeZone: r.TimeZone, identities: r.Identities, force: r.Force,
		tempDir: r.TempDir, memory: r.MemoryLimit, threads: r.Threads, progress: r.Progress}
	return b.run(ctx, r.Groups, r.AsOf)
}

// Labels computes label tables, see features.Engine.
func (e *Engine) Labels(ctx context.Context, r features.LabelRequest) (features.Result, error) {
	if err := r.Check(); err != nil {
		return features.Result{}, err
	}
	g, err := label(r)
	if err != nil {
		return features.Result{}, err
	}
	b := build{disk: e.Disk, lake: r.Lake, root: r.Root, timeZone: r.TimeZone, identities: r.Identities, force: r.Force,
		tempDir: r.TempDir, memory: r.MemoryLimit, threads: r.Threads, progress: r.Progress,
		gap: data.Day(r.GapDays), horizon: data.Day(r.HorizonDays)}
	if missing := b.missing(g); missing != "" {
		return features.Result{}, fmt.Errorf("labels: the lake has no %s", missing)
	}
	return b.run(ctx, []features.Group{g}, r.AsOf)
}

// label returns the definition asked for, looking as far as the request says.
func label(r features.LabelRequest) (g features.Group, err error) {
	if r.Label != nil {
		g = *r.Label
	} else if g, err = features.OrderLabel(); err != nil {
		return g, err
	}
	g.Horizon, g.Gap = r.HorizonDays, r.GapDays
	return g, nil
}

// build is one run over one lake.
type build struct {
	disk         durable.FS
	lake         map[data.Table][]string
	identities   map[data.Day][]features.Identity
	root         string
	timeZone     string
	tempDir      string
	memory       string
	threads      int
	force        bool
	progress     func(done, total int, what string)
	gap, horizon data.Day // of labels; horizon 0 = features

	asOf   []data.Day // all dates at which something is built
	groups []features.Group
	shared []features.Group  // relations that the groups use
	due    []due             // of each group
	work   string            // temporary folder below root; the only one the locked database may reach
	codes  map[string]string // the type that stands for the strings of an id column
	steps  int

	datesAtOnce int // that a shipped group computes in one pass
	result      features.Result
}

// due is what of a group must be built: dates, and what went into each.
type due struct {
	days   []data.Day
	inputs []inputs
}

// missing names the needed tables that the lake lacks, "" when none.
func (b *build) missing(g features.Group) string {
	var names []string
	for _, t := range g.Requires() {
		if len(b.lake[t]) == 0 {
			names = append(names, string(t))
		}
	}
	return strings.Join(names, ", ")
}

// plan sorts the groups into those to skip, those to keep and those to build.
func (b *build) plan(groups []features.Group, asOf []data.Day) error {
	prints, err := b.fingerprints()
	if err != nil {
		return err
	}
	needed := map[data.Day]bool{}
	for _, g := range groups {
		if err := features.Lint(g); err != nil {
			return fmt.Errorf("feature file breaks the rules:\n%w", err)
		}
		if missing := b.missing(g); missing != "" {
			b.result.Skipped = append(b.result.Skipped, features.Skip{Group: g.Name, Reason: "the lake has no " + missing})
			continue
		}
		d, err := b.findDue(g, asOf, prints)
		if err != nil {
			return err
		}
		if len(d.days) == 0 {
			continue
		}
		for _, day := range d.days {
			needed[day] = true
		}
		b.groups, b.due = append(b.groups, g), append(b.due, d)
	}
	for _, d := range asOf {
		if needed[d] {
			b.asOf = append(b.asOf, d)
		}
	}
	return b.findShared()
}

// findDue keeps what stands there and was made from the same inputs.
func (b *build) findDue(g features.Group, asOf []data.Day, prints map[data.Table][]source) (due, error) {
	var out due
	for _, d := range asOf {
		want, err := b.inputsOf(g, d, prints)
		if err != nil {
			return out, err
		}
		path := features.Path(b.root, g.Entity, g.Table(), d)
		if rows, ok := unchanged(path, want); ok && !b.force {
			b.result.Kept = append(b.result.Kept, features.Table{Entity: g.Entity, Group: g.Table(), AsOf: d, Path: path, Rows: rows})
			continue
		}
		out.days, out.inputs = append(out.days, d), append(out.inputs, want)
	}
	return out, nil
}

// findShared lists the relations that the groups to build use, each once.
func (b *build) findShared() error {
	seen := map[string]bool{}
	for _, g := range b.groups {
		for _, name := range g.Uses {
			if seen[name] {
				continue
			}
			seen[name] = true
			s, err := features.Shared(name)
			if err != nil {
				return err
			}
			b.shared = append(b.shared, s)
		}
	}
	return nil
}

func (b *build) run(ctx context.Context, groups []features.Group, asOf []data.Day) (_ features.Result, err error) {
	if b.root, err = filepath.Abs(b.root); err != nil {
		return features.Result{}, fmt.Errorf("features root: %w", err)
	}
	if err := b.plan(groups, asOf); err != nil {
		return features.Result{}, err
	}
	if len(b.groups) == 0 {
		return b.result, ctx.Err()
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
func (b *build) makeWork() (err error) {
	if err := b.disk.MakeDirs(b.root); err != nil {
		return fmt.Errorf("make features root: %w", err)
	}
	if err := b.disk.RemoveTemp(b.root); err != nil {
		return fmt.Errorf("remove what an earlier build left: %w", err)
	}
	b.work, err = os.MkdirTemp(b.root, durable.TempPrefix+"build-*")
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
	var notes []file // after all tables, so that a crash in between leaves none that is newer than its table
	for i, g := range b.groups {
		tables, inputs, err := b.group(s, g, b.due[i])
		if err != nil {
			return nil, err
		}
		files, notes = append(files, tables...), append(notes, inputs...)
	}
	return append(files, notes...), nil
}

// prepare makes the views and then shuts the database off.
func (b *build) prepare(s *session) error {
	if err := b.views(s); err != nil {
		return err
	}
	if err := b.planPasses(s); err != nil {
		return err
	}
	if err := b.dropUnread(s); err != nil {
		return err
	}
	return s.lock(b.work)
}

// views makes all that the groups can see.
func (b *build) views(s *session) error {
	if err := b.createAsOf(s); err != nil {
		return err
	}
	var picked []columns
	for _, t := range b.tables() {
		c, err := b.pick(s, t)
		if err != nil {
			return err
		}
		picked = append(picked, c)
	}
	if err := b.createCodes(s, picked); err != nil {
		return err
	}
	if err := b.createIdentities(s); err != nil {
		return err
	}
	for _, c := range picked {
		b.step("load " + string(c.table))
		if err := b.load(s, c); err != nil {
			return err
		}
	}
	for _, g := range b.shared {
		b.step("prepare " + g.Name)
		if err := b.createShared(s, g); err != nil {
			return err
		}
	}
	return nil
}

// dropUnread frees the lake tables that only the shared relations have read.
func (b *build) dropUnread(s *session) error {
	read := map[data.Table]bool{}
	for _, g := range b.groups {
		for _, t := range g.Tables() {
			read[t] = true
		}
	}
	for _, t := range b.tables() {
		if read[t] {
			continue
		}
		if err := s.exec("DROP SCHEMA IF EXISTS " + within + " CASCADE; DROP VIEW " + name(string(t)) + "; DROP TABLE " + stored(t)); err != nil {
			return fmt.Errorf("free lake table %s: %w", t, err)
		}
	}
	return nil
}

// tables lists the lake tables that the groups read, in the order of data.Schemas.
func (b *build) tables() []data.Table {
	used := map[data.Table]bool{}
	for _, g := range slices.Concat(b.groups, b.shared) {
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
		b.progress(b.steps, len(b.tables())+len(b.shared)+len(b.groups), what)
	}
	b.steps++
}
