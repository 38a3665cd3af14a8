package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"regulars/cmd/regulars/config"
	"regulars/serving"
	"regulars/serving/audience"
)

// audiences answers who is meant by a filter, or by a name of regulars.yaml.
func (w *workspace) audiences(store *serving.Store, live audience.Live) (*audience.Engine, error) {
	named := map[string]audience.Spec{}
	for _, name := range slices.Sorted(maps.Keys(w.config.Audiences)) {
		spec := audienceSpec(w.config.Audiences[name])
		if err := spec.Check(); err != nil {
			return nil, fmt.Errorf("%s: audiences.%s.%w", filepath.Join(w.dir, config.FileName), name, err)
		}
		named[name] = spec
	}
	return audience.New(audience.Options{Store: store, Live: live, Named: named, TempDir: filepath.Join(w.dir, "tmp")}), nil
}

func audienceSpec(a config.Audience) audience.Spec {
	return audience.Spec{Filter: a.Filter, Sort: byComma(a.Sort), Limit: a.Limit, Columns: a.Columns, Channel: a.Channel}
}

func byComma(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// checkAudiences tells of audiences that the snapshot in use cannot answer, such
// as where a column of the shop's own is gone. Everything else is served.
func (s *server) checkAudiences() {
	if s.audiences == nil {
		return
	}
	for _, name := range s.audiences.Names() {
		spec, _ := s.audiences.Named(name)
		x, err := s.audiences.Open(spec, "")
		if err != nil {
			s.log.Error("an audience cannot be answered", "audience", name, "error", err)
			continue
		}
		x.Close()
	}
}

func newAudience(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "audience", Short: "Who is meant: list, count and export customers by a filter or a name", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(newAudienceList(g), newAudienceCount(g), newAudienceExport(g))
	return cmd
}

// withAudiences opens the current snapshot for audiences.
func (g *global) withAudiences(ctx context.Context, use func(*workspace, *audience.Engine) error) error {
	w, err := g.open(false)
	if err != nil {
		return err
	}
	return w.withTold(ctx, func(known live) error { return g.useAudiences(w, known, use) })
}

func (g *global) useAudiences(w *workspace, known live, use func(*workspace, *audience.Engine) error) error {
	store := serving.NewStore(w.snapshots(), serving.Options{})
	defer store.Close()
	engine, err := w.audiences(store, known)
	if err != nil {
		return err
	}
	if err := store.Refresh(); err != nil {
		return err
	}
	err = use(w, engine)
	if errors.Is(err, serving.ErrNotReady) {
		return fmt.Errorf("there is no snapshot to take customers from: make one with `regulars run pipeline --workspace %s`", g.workspace)
	}
	return err
}

// audienceLine is a named audience as it is listed.
type audienceLine struct {
	Name   string `json:"name"`
	Filter string `json:"filter,omitempty"`
	Count  *int   `json:"count,omitempty"`
	Error  string `json:"error,omitempty"`
}

func newAudienceList(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "list", Short: "The audiences of regulars.yaml, and how many are in each", Args: noArguments,
		Example: "  regulars audience list --workspace my-shop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withAudiences(cmd.Context(), func(_ *workspace, e *audience.Engine) error {
				lines := []audienceLine{}
				for _, name := range e.Names() {
					line, err := audienceLineOf(cmd.Context(), e, name)
					if err != nil {
						return err
					}
					lines = append(lines, line)
				}
				return g.printAudiences(lines)
			})
		}})
}

// audienceLineOf counts an audience, or says what is wrong with it.
func audienceLineOf(ctx context.Context, e *audience.Engine, name string) (audienceLine, error) {
	spec, _ := e.Named(name)
	line := audienceLine{Name: name, Filter: spec.Filter}
	n, err := countAudience(ctx, e, spec, "")
	var wrong *audience.SpecError
	switch {
	case errors.As(err, &wrong):
		line.Error = err.Error()
	case err != nil:
		return line, err
	default:
		line.Count = &n.Rows
	}
	return line, nil
}

func (g *global) printAudiences(lines []audienceLine) error {
	if g.json {
		return printJSON(g.stdout, map[string]any{"audiences": lines})
	}
	rows := [][]string{{"audience", "customers", "filter"}}
	for _, l := range lines {
		count, told := "?", l.Error
		if l.Count != nil {
			count, told = strconv.Itoa(*l.Count), l.Filter
		}
		told, _, _ = strings.Cut(told, "\n")
		rows = append(rows, []string{l.Name, count, told})
	}
	return printTable(g.stdout, rows)
}

func countAudience(ctx context.Context, e *audience.Engine, spec audience.Spec, since string) (audience.Counts, error) {
	x, err := e.Open(spec, since)
	if err != nil {
		return audience.Counts{}, err
	}
	defer x.Close()
	return x.Count(ctx)
}

// audienceFlags say who is meant and what of them is told.
type audienceFlags struct {
	filter, sort, channel, since string
	limit                        int
	columns, ids, include        []string
	lang, format, out            string
}

// ofName are the flags that a name has settled.
var ofName = []string{"filter", "sort", "limit", "channel"}

func (f *audienceFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.filter, "filter", "", "such as 'score.churn > 0.6 and user.consent_email' (default: everybody)")
	flags.StringVar(&f.sort, "sort", "", "fields by comma, - turns one round, such as -score.value_at_risk")
	flags.IntVar(&f.limit, "limit", 0, "how many at most (default: all)")
	flags.StringVar(&f.channel, "channel", "", "leave out who has not agreed to be written to by it, such as email")
	flags.StringSliceVar(&f.include, "include", nil, "who is left out otherwise: opted_out, suppressed")
	flags.StringVar(&f.since, "since", "", "the version of an older snapshot: only who entered, left or changed since")
}

// spec is the audience of the arguments: a name, or what the flags say.
func (f *audienceFlags) spec(cmd *cobra.Command, e *audience.Engine, args []string) (audience.Spec, error) {
	for _, name := range []string{"filter", "channel", "since"} {
		if given := cmd.Flags().Lookup(name); given.Changed && given.Value.String() == "" {
			return audience.Spec{}, usageError{fmt.Errorf("--%s is empty: leave it out to have everybody", name)}
		}
	}
	spec := audience.Spec{Filter: f.filter, Sort: byComma(f.sort), Limit: f.limit, Channel: f.channel}
	if len(args) == 1 {
		var err error
		if spec, err = f.named(cmd, e, args[0]); err != nil {
			return spec, usageError{err}
		}
	}
	if len(f.columns) > 0 {
		spec.Columns = f.columns
	}
	spec.IDs, spec.Include, spec.Lang = f.ids, f.include, serving.Lang(f.lang)
	return spec, nil
}

func (f *audienceFlags) named(cmd *cobra.Command, e *audience.Engine, name string) (audience.Spec, error) {
	spec, ok := e.Named(name)
	if !ok {
		return spec, fmt.Errorf("there is no audience %q in %s; see `regulars audience list`", name, config.FileName)
	}
	for _, flag := range ofName {
		if cmd.Flags().Changed(flag) {
			return spec, fmt.Errorf("--%s: the audience %q says itself who is in it", flag, name)
		}
	}
	return spec, nil
}

// asUsage makes what is wrong with flags wrong usage.
func asUsage(err error) error {
	var spec *audience.SpecError
	if errors.As(err, &spec) {
		return usageError{err}
	}
	return err
}

func newAudienceCount(g *global) *cobra.Command {
	var f audienceFlags
	cmd := &cobra.Command{Use: "count [NAME]", Short: "How many customers are meant",
		Example: `  regulars audience count --workspace my-shop --filter 'score.churn > 0.6'
  regulars audience count --workspace my-shop slipping`,
		Args: arguments(0, 1, "at most the name of an audience"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withAudiences(cmd.Context(), func(_ *workspace, e *audience.Engine) error {
				spec, err := f.spec(cmd, e, args)
				if err != nil {
					return err
				}
				n, err := countAudience(cmd.Context(), e, spec, f.since)
				if err != nil {
					return asUsage(err)
				}
				return g.printCount(n, f.since != "")
			})
		}}
	f.bind(cmd)
	return g.withJSON(cmd)
}

func (g *global) printCount(n audience.Counts, changes bool) (err error) {
	switch {
	case g.json && changes:
		return printJSON(g.stdout, map[string]int{"count": n.Rows, "entered": n.Entered, "left": n.Left, "changed": n.Changed})
	case g.json:
		return printJSON(g.stdout, map[string]int{"count": n.Rows})
	case changes:
		_, err = fmt.Fprintf(g.stdout, "%d: %d entered, %d left, %d changed\n", n.Rows, n.Entered, n.Left, n.Changed)
	default:
		_, err = fmt.Fprintln(g.stdout, n.Rows)
	}
	return err
}

func newAudienceExport(g *global) *cobra.Command {
	var f audienceFlags
	cmd := &cobra.Command{Use: "export [NAME]", Short: "Write the customers that are meant to a file or to stdout",
		Long: `Write the customers that are meant, with their scores, to a file or to stdout.
Customers who refuse personalisation, and with a channel those who have not
agreed to it, are left out unless --include names them. A file is there whole or
not at all.`,
		Example: `  regulars audience export --workspace my-shop --filter 'score.churn > 0.6' --sort -score.value_at_risk --limit 5000 --out slipping.csv
  regulars audience export --workspace my-shop slipping --lang zh --ids wecom --out slipping.csv
  regulars audience export --workspace my-shop slipping --since 2011-12-07-1a2b3c4d`,
		Args: arguments(0, 1, "at most the name of an audience"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.settle(); !slices.Contains(audience.Formats(), f.format) {
				return usageError{fmt.Errorf("--format %q must be one of %s", f.format, strings.Join(audience.Formats(), ", "))}
			}
			if f.lang != string(serving.English) && f.lang != string(serving.Chinese) {
				return usageError{fmt.Errorf("--lang %q must be en or zh", f.lang)}
			}
			return g.withAudiences(cmd.Context(), func(w *workspace, e *audience.Engine) error {
				spec, err := f.spec(cmd, e, args)
				if err != nil {
					return err
				}
				return g.exportAudience(cmd.Context(), w, e, spec, &f)
			})
		}}
	f.bind(cmd)
	cmd.Flags().StringSliceVar(&f.columns, "columns", nil, "which, beside the id (default: all)")
	cmd.Flags().StringSliceVar(&f.ids, "ids", nil, "sources whose ids of the customers become columns, such as wecom,email")
	cmd.Flags().StringVar(&f.lang, "lang", string(serving.English), "of reasons and of the headers of CSV: en or zh")
	cmd.Flags().StringVar(&f.format, "format", "", strings.Join(audience.Formats(), ", ")+" (default: as the name of --out ends, or else jsonl)")
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "the file to write (default: stdout)")
	return cmd
}

// settle takes the format that the name of the file says, where none is given.
func (f *audienceFlags) settle() {
	if f.format != "" {
		return
	}
	if f.format = strings.ToLower(strings.TrimPrefix(filepath.Ext(f.out), ".")); !slices.Contains(audience.Formats(), f.format) {
		f.format = string(audience.JSONL)
	}
}

func (g *global) exportAudience(ctx context.Context, w *workspace, e *audience.Engine, spec audience.Spec, f *audienceFlags) error {
	x, err := e.Open(spec, f.since)
	if err != nil {
		return asUsage(err)
	}
	defer x.Close()
	if f.out == "" {
		_, err := x.Write(ctx, g.stdout, audience.Format(f.format))
		return err
	}
	within, err := w.exports().Note(ctx, f.out)
	if err != nil {
		return err
	}
	var n audience.Counts
	err = w.disk.WriteFile(f.out, func(out io.Writer) error {
		n, err = x.Write(ctx, out, audience.Format(f.format))
		return err
	})
	if err != nil {
		return err
	}
	reach := ""
	if !within {
		reach = ", outside the workspace: erasing a customer does not reach there"
	}
	_, err = fmt.Fprintf(g.stderr, "%d rows of snapshot %s are in %s%s\n", n.Rows, x.Snapshot(), f.out, reach)
	return err
}
