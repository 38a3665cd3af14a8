package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"regulars/data"
	"regulars/features"
	"regulars/features/duck"
	"regulars/training"
)

func newFeatures(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "features", Short: "Feature tables: build, list, describe, sql, join",
		Long: `Feature tables: what is known of every customer and item at a date.

A definition is one .sql file that documents itself. The shipped ones are in the
program; a shop adds its own in the workspace's features.d, and labels in labels.d.`,
		Args: noArguments, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(newFeaturesBuild(g), newFeaturesList(g), newFeaturesDescribe(g), newFeaturesSQL(g), newFeaturesJoin(g), newFeaturesDocs(g), newFeaturesEngine(g))
	return cmd
}

// groups returns the shipped definitions and the workspace's own, labels too,
// with the workspace's parameters.
func (w *workspace) groups() ([]features.Group, error) {
	groups, err := features.Load(filepath.Join(w.dir, "features.d"), filepath.Join(w.dir, "labels.d"))
	if err != nil {
		return nil, err
	}
	if groups, err = features.WithParameters(groups, w.config.Features.Parameters); err != nil {
		return nil, fmt.Errorf("regulars.yaml: %w", err)
	}
	return groups, nil
}

// allGroups adds the shipped label, which has no place among the catalogue's groups.
func (w *workspace) allGroups() ([]features.Group, error) {
	groups, err := w.groups()
	if err != nil {
		return nil, err
	}
	label, err := features.OrderLabel()
	return append(groups, label), err
}

// find returns the groups of a name, in whatever entity.
func (w *workspace) find(name string) ([]features.Group, error) {
	groups, err := w.allGroups()
	if err != nil {
		return nil, err
	}
	return features.Find(groups, name)
}

// days reads --as-of D[,D…]; without it, the one date of the jobs.
func (w *workspace) days(flag string) ([]data.Day, error) {
	if flag == "" {
		day, err := w.asOf("")
		return []data.Day{day}, err
	}
	var days []data.Day
	for _, text := range strings.Split(flag, ",") {
		day, err := data.ParseDay(strings.TrimSpace(text))
		if err != nil {
			return nil, usageError{fmt.Errorf("--as-of: %w", err)}
		}
		days = append(days, day)
	}
	return days, nil
}

// request fills in what every build of this workspace has in common.
func (w *workspace) request(days []data.Day) (features.Request, error) {
	paths, err := w.lake.Tables()
	if err != nil {
		return features.Request{}, err
	}
	identities, err := training.Identities(w.lake, w.dir, days)
	if err != nil {
		return features.Request{}, err
	}
	return features.Request{Lake: paths, AsOf: days, Root: w.featureRoot(), TimeZone: w.config.TimeZone, Identities: identities,
		MemoryLimit: w.config.Machine.Memory, Threads: w.config.Machine.Threads}, nil
}

func (w *workspace) featureRoot() string { return filepath.Join(w.dir, "features") }

type buildOptions struct {
	asOf   string
	groups []string
	force  bool
}

func newFeaturesBuild(g *global) *cobra.Command {
	var o buildOptions
	cmd := &cobra.Command{Use: "build", Short: "Build feature tables at one or more dates",
		Long: `Build feature tables at one or more dates, all in one pass over the lake. A table
that was made from the same lake files, SQL, parameters, time zone and identities
is kept. Labels of the workspace's labels.d are built where their horizon is over.`,
		Example: `  regulars features build --workspace my-shop --as-of 2011-12-08
  regulars features build --workspace my-shop --as-of 2011-09-09,2011-12-08 --group rfm,windows --force`, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.buildFeatures(cmd.Context(), o) }}
	cmd.Flags().StringVar(&o.asOf, "as-of", "", "dates that features may not look beyond, separated by commas (default: the day after the last order)")
	cmd.Flags().StringSliceVar(&o.groups, "group", nil, "only these groups, NAME or ENTITY/NAME, separated by commas")
	cmd.Flags().BoolVar(&o.force, "force", false, "build also what is unchanged")
	return g.withJSON(cmd)
}

// builtTables is the report of a build.
type builtTables struct {
	Written []builtTable `json:"written"`
	Kept    []builtTable `json:"kept"`
	Skipped []skipped    `json:"skipped"`
}

type builtTable struct {
	Table string `json:"table"`
	AsOf  string `json:"as_of"`
	Rows  int64  `json:"rows"`
	Path  string `json:"path"`
}

type skipped struct {
	Group  string `json:"group"`
	Reason string `json:"reason"`
}

func (b *builtTables) add(r features.Result) {
	for _, t := range r.Written {
		b.Written = append(b.Written, builtTable{t.Entity + "/" + t.Group, t.AsOf.String(), t.Rows, t.Path})
	}
	for _, t := range r.Kept {
		b.Kept = append(b.Kept, builtTable{t.Entity + "/" + t.Group, t.AsOf.String(), t.Rows, t.Path})
	}
	for _, s := range r.Skipped {
		b.Skipped = append(b.Skipped, skipped(s))
	}
}

func (g *global) buildFeatures(ctx context.Context, o buildOptions) error {
	report := builtTables{Written: []builtTable{}, Kept: []builtTable{}, Skipped: []skipped{}}
	err := g.locked(ctx, func(w *workspace) error {
		days, err := w.days(o.asOf)
		if err != nil {
			return err
		}
		return w.recorded(ctx, "features", days[len(days)-1].String(), func() (any, error) {
			bar := newProgress(g.stderr)
			defer bar.end()
			err := w.buildTables(ctx, o, days, bar, &report)
			return report, err
		})
	})
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(g.stdout, report)
	}
	return printBuilt(g, report)
}

func (w *workspace) buildTables(ctx context.Context, o buildOptions, days []data.Day, bar *progress, report *builtTables) error {
	groups, err := w.groups()
	if err != nil {
		return err
	}
	if groups, err = choose(groups, o.groups); err != nil {
		return err
	}
	r, err := w.request(days)
	if err != nil {
		return err
	}
	engine := w.engine()
	r.Force, r.Progress = o.force, func(done, total int, _ string) { bar.step("features", done, total) }
	var labels []features.Group
	r.Groups, labels = features.Split(groups)
	if len(r.Groups) > 0 {
		result, err := engine.Build(ctx, r)
		if err != nil {
			return err
		}
		report.add(result)
	}
	for _, label := range labels {
		if err := w.buildLabel(ctx, engine, label, r, report); err != nil {
			return err
		}
	}
	return nil
}

// choose keeps the named groups; no name means all.
func choose(groups []features.Group, names []string) ([]features.Group, error) {
	if len(names) == 0 {
		return groups, nil
	}
	var out []features.Group
	for _, name := range names {
		found, err := features.Find(groups, name)
		if err != nil {
			return nil, usageError{err}
		}
		for _, f := range found {
			if !slices.ContainsFunc(out, func(g features.Group) bool { return g.Entity == f.Entity && g.Name == f.Name }) {
				out = append(out, f)
			}
		}
	}
	return out, nil
}

// buildLabel builds a label of the shop's own at the dates whose horizon is over.
func (w *workspace) buildLabel(ctx context.Context, engine features.Engine, label features.Group, r features.Request, report *builtTables) error {
	until, err := w.asOf("")
	if err != nil {
		return err
	}
	var days []data.Day
	for _, d := range r.AsOf {
		if d+data.Day(label.Gap+label.Horizon) <= until {
			days = append(days, d)
		}
	}
	if len(days) == 0 {
		report.Skipped = append(report.Skipped, skipped{label.Name, fmt.Sprintf("its horizon of %d days is over at none of the dates", label.Horizon)})
		return nil
	}
	result, err := engine.Labels(ctx, features.LabelRequest{Lake: r.Lake, AsOf: days, Root: r.Root, TimeZone: r.TimeZone, Identities: r.Identities, Force: r.Force,
		Label: &label, HorizonDays: label.Horizon, GapDays: label.Gap, Until: until, MemoryLimit: r.MemoryLimit, Threads: r.Threads, Progress: r.Progress})
	if err != nil {
		return err
	}
	report.add(result)
	return nil
}

func printBuilt(g *global, r builtTables) error {
	rows := [][]string{{"table", "as_of", "rows", ""}}
	for _, t := range r.Written {
		rows = append(rows, []string{t.Table, t.AsOf, fmt.Sprint(t.Rows), "built"})
	}
	for _, t := range r.Kept {
		rows = append(rows, []string{t.Table, t.AsOf, fmt.Sprint(t.Rows), "unchanged"})
	}
	for _, s := range r.Skipped {
		rows = append(rows, []string{s.Group, "", "", "skipped: " + s.Reason})
	}
	return printTable(g.stdout, rows)
}

// groupLine is a group as `list` and `describe` show it.
type groupLine struct {
	Name       string          `json:"name"`
	Entity     string          `json:"entity"`
	Kind       string          `json:"kind"`
	Doc        string          `json:"doc"`
	File       string          `json:"file"`
	Needs      []data.Table    `json:"needs"`
	Optional   []data.Table    `json:"optional,omitempty"`
	Uses       []string        `json:"uses,omitempty"`
	Available  bool            `json:"available"` // the lake has what it needs
	Features   int             `json:"features"`
	Keys       []string        `json:"keys,omitempty"`
	Horizon    int             `json:"horizon_days,omitempty"`
	Gap        int             `json:"gap_days,omitempty"`
	Parameters []parameterLine `json:"parameters,omitempty"`
	Columns    []columnLine    `json:"columns,omitempty"`
}

type parameterLine struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Doc   string `json:"doc"`
}

type columnLine struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Unit string `json:"unit"`
	Doc  string `json:"doc"`
}

func lineOf(g features.Group, lake map[data.Table][]string, columns bool) groupLine {
	l := groupLine{Name: g.Name, Entity: g.Entity, Kind: "feature", Doc: g.Doc, File: g.File, Needs: g.Requires(), Optional: g.Optional, Uses: g.Uses,
		Features: len(g.Features()), Available: true, Horizon: g.Horizon, Gap: g.Gap}
	if g.Label {
		l.Kind = "label"
	}
	for _, t := range g.Requires() {
		l.Available = l.Available && len(lake[t]) > 0
	}
	if !columns {
		return l
	}
	l.Keys = g.Keys
	for _, p := range g.Parameters {
		l.Parameters = append(l.Parameters, parameterLine{g.Name + "." + p.Name, p.Value, p.Doc})
	}
	for _, c := range g.Columns {
		l.Columns = append(l.Columns, columnLine(c))
	}
	return l
}

func newFeaturesList(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "list", Short: "The feature groups and labels, shipped and the shop's own",
		Example: "  regulars features list --workspace my-shop", Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return g.listFeatures() }})
}

func (g *global) listFeatures() error {
	w, err := g.open(false)
	if err != nil {
		return err
	}
	groups, err := w.allGroups()
	if err != nil {
		return err
	}
	paths, err := w.lake.Tables()
	if err != nil {
		return err
	}
	lines := make([]groupLine, len(groups))
	rows := [][]string{{"group", "features", "needs", "", "what it is"}}
	for i, group := range groups {
		l := lineOf(group, paths, false)
		lines[i] = l
		state := "ready"
		if !l.Available {
			state = "no data"
		}
		rows = append(rows, []string{l.Entity + "/" + l.Name, fmt.Sprint(l.Features), joinTables(l.Needs), state, firstSentence(l.Doc)})
	}
	if g.json {
		return printJSON(g.stdout, lines)
	}
	return printTable(g.stdout, rows)
}

// firstSentence is what a list has room for; describe has the rest.
func firstSentence(doc string) string {
	if end := strings.IndexAny(doc, ".;:"); end > 0 {
		return doc[:end]
	}
	return doc
}

func joinTables(tables []data.Table) string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = string(t)
	}
	return strings.Join(names, " ")
}

func newFeaturesDescribe(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "describe NAME", Short: "The columns of a group: type, unit and meaning",
		Example: "  regulars features describe rfm --workspace my-shop", Args: arguments(1, 1, "one group"),
		RunE: func(_ *cobra.Command, args []string) error { return g.describeFeatures(args[0]) }})
}

func (g *global) describeFeatures(name string) error {
	w, err := g.open(false)
	if err != nil {
		return err
	}
	found, err := w.find(name)
	if err != nil {
		return err
	}
	paths, err := w.lake.Tables()
	if err != nil {
		return err
	}
	var lines []groupLine
	for _, group := range found {
		lines = append(lines, lineOf(group, paths, true))
	}
	if g.json {
		return printJSON(g.stdout, lines)
	}
	for _, l := range lines {
		if err := g.printGroup(l); err != nil {
			return err
		}
	}
	return nil
}

func (g *global) printGroup(l groupLine) error {
	fmt.Fprintf(g.stdout, "%s/%s (%s)\n%s\nneeds: %s\n", l.Entity, l.Name, l.File, l.Doc, joinTables(l.Needs))
	if len(l.Parameters) > 0 {
		rows := [][]string{{"parameter", "value", "meaning"}}
		for _, p := range l.Parameters {
			rows = append(rows, []string{p.Name, p.Value, p.Doc})
		}
		if err := printTable(g.stdout, rows); err != nil {
			return err
		}
	}
	rows := [][]string{{"column", "type", "unit", "meaning"}}
	for _, c := range l.Columns {
		rows = append(rows, []string{c.Name, c.Type, c.Unit, c.Doc})
	}
	return printTable(g.stdout, rows)
}

func newFeaturesSQL(g *global) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{Use: "sql NAME", Short: "The SQL of a group, runnable in DuckDB on the workspace's own files",
		Example: "  regulars features sql rfm --workspace my-shop --as-of 2011-12-08 > rfm.sql && duckdb < rfm.sql", Args: arguments(1, 1, "one group"),
		RunE: func(cmd *cobra.Command, args []string) error { return g.printSQL(cmd.Context(), args[0], asOf) }}
	cmd.Flags().StringVar(&asOf, "as-of", "", "dates that features may not look beyond, separated by commas (default: the day after the last order)")
	return cmd
}

func (g *global) printSQL(ctx context.Context, name, asOf string) error {
	w, err := g.open(false)
	if err != nil {
		return err
	}
	found, err := w.find(name)
	if err != nil {
		return err
	}
	if len(found) > 1 {
		return usageError{fmt.Errorf("%s is the name of several groups: say %s/%s or %s/%s", name, found[0].Entity, name, found[1].Entity, name)}
	}
	days, err := w.days(asOf)
	if err != nil {
		return err
	}
	r, err := w.request(days)
	if err != nil {
		return err
	}
	text, err := duck.Script(ctx, found[0], r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(g.stdout, text)
	return err
}

type joinOptions struct {
	spine, out string
	groups     []string
}

func newFeaturesJoin(g *global) *cobra.Command {
	var o joinOptions
	cmd := &cobra.Command{Use: "join --spine FILE --out FILE.parquet", Short: "The features of (user_id, ts) rows of your own",
		Long: `The features of customers at times of your own. The spine is CSV or Parquet with the
columns user_id and ts, and any others; its rows keep their order and columns. A row
gets the features as of the start of its UTC day, so that nothing of that day is known
to it; a customer who is not known by then gets nulls.`,
		Example: "  regulars features join --workspace my-shop --spine rows.csv --out rows.parquet --group rfm,windows", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.joinFeatures(cmd.Context(), o) }}
	cmd.Flags().StringVar(&o.spine, "spine", "", "CSV or Parquet file with user_id and ts")
	cmd.Flags().StringVar(&o.out, "out", "", "Parquet file to write")
	cmd.Flags().StringSliceVar(&o.groups, "group", nil, "only these groups of entity user, separated by commas")
	return g.withJSON(cmd)
}

func (g *global) joinFeatures(ctx context.Context, o joinOptions) error {
	if o.spine == "" || o.out == "" {
		return usageError{errors.New("join wants --spine FILE and --out FILE.parquet")}
	}
	w, err := g.open(false)
	if err != nil {
		return err
	}
	r, err := w.joinRequest(ctx, o)
	if err != nil {
		return err
	}
	bar := newProgress(g.stderr)
	r.Progress = func(done, total int, _ string) { bar.step("join", done, total) }
	result, err := w.engine().Join(ctx, r)
	bar.end()
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(g.stdout, map[string]any{"out": r.Out, "rows": result.Rows, "columns": result.Columns, "dates": result.Dates, "unknown": result.Unknown})
	}
	_, err = fmt.Fprintf(g.stdout, "%s: %d rows at %d dates, %d columns; %d rows are of customers unknown at their time\n", o.out, result.Rows, result.Dates, result.Columns, result.Unknown)
	return err
}

func (w *workspace) joinRequest(ctx context.Context, o joinOptions) (r duck.JoinRequest, err error) {
	groups, err := w.groups()
	if err != nil {
		return r, err
	}
	shipped, _ := features.Split(groups)
	if groups, err = choose(shipped, o.groups); err != nil {
		return r, err
	}
	if len(o.groups) == 0 {
		groups = slices.DeleteFunc(groups, func(g features.Group) bool { return g.Entity != "user" })
	}
	if r.Spine, err = filepath.Abs(o.spine); err != nil {
		return r, err
	}
	if r.Out, err = filepath.Abs(o.out); err != nil {
		return r, err
	}
	if _, err := os.Stat(r.Spine); err != nil {
		return r, fmt.Errorf("--spine: %w", err)
	}
	days, err := duck.SpineDays(ctx, r.Spine)
	if err != nil {
		return r, err
	}
	r.Request, err = w.request(days)
	r.Groups = groups
	return r, err
}

func newFeaturesDocs(g *global) *cobra.Command {
	return &cobra.Command{Use: "docs", Short: "The shipped catalogue as Markdown: docs/features.md",
		Example: "  regulars features docs > docs/features.md", Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return writeDocs(g) }}
}

func writeDocs(g *global) error {
	groups, err := features.Catalogue()
	if err != nil {
		return err
	}
	shared, err := features.SharedRelations()
	if err != nil {
		return err
	}
	label, err := features.OrderLabel()
	if err != nil {
		return err
	}
	return features.WriteDocs(g.stdout, groups, shared, []features.Group{label})
}
