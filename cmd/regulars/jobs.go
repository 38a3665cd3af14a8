package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/data/state"
)

func newJobs(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "jobs", Short: "What ran, when, and how it ended", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(newJobsList(g), newJobsShow(g), newJobsLogs(g))
	return cmd
}

func newJobsList(g *global) *cobra.Command {
	filter := state.RunFilter{}
	cmd := &cobra.Command{Use: "list", Short: "The latest runs, newest first", Args: noArguments,
		Example: "  regulars jobs list --workspace my-shop --job pipeline",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if filter.Limit < 1 {
				return usageError{fmt.Errorf("--limit is %d: it must be above 0", filter.Limit)}
			}
			return g.withHistory(func(db *state.DB) error {
				runs, err := db.Runs(cmd.Context(), filter)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(g.stdout, map[string]any{"jobs": runs})
				}
				return printRuns(g, runs)
			})
		}}
	cmd.Flags().StringVar(&filter.Job, "job", "", "only runs of this job")
	cmd.Flags().IntVar(&filter.Limit, "limit", 20, "at most so many")
	return g.withJSON(cmd)
}

func printRuns(g *global, runs []state.Run) error {
	rows := [][]string{{"run", "job", "by", "status", "as of", "took", "error"}}
	for _, r := range runs {
		took := "–"
		if !r.FinishedAt.IsZero() {
			took = r.FinishedAt.Sub(r.StartedAt).Round(100 * time.Millisecond).String()
		}
		rows = append(rows, []string{r.ID, r.Job, r.Trigger, r.Status, r.AsOf, took, cause(r.Error)})
	}
	return printTable(g.stdout, rows)
}

func newJobsShow(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "show RUN", Short: "One run with its report, as JSON", Args: arguments(1, 1, "the id of a run"),
		Example: "  regulars jobs show --workspace my-shop 20260102T030405Z-0001",
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withRun(cmd.Context(), args[0], func(r state.Run) error { return printJSON(g.stdout, r) })
		}})
}

func newJobsLogs(g *global) *cobra.Command {
	return &cobra.Command{Use: "logs RUN", Short: "What a scheduled run printed", Args: arguments(1, 1, "the id of a run"),
		Example: "  regulars jobs logs --workspace my-shop 20260102T030405Z-0001",
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withRun(cmd.Context(), args[0], func(r state.Run) error {
				if r.Log == "" {
					return fmt.Errorf("run %s was started by hand and printed to its terminal: it has no log", r.ID)
				}
				text, err := os.ReadFile(filepath.Join(g.workspace, r.Log))
				if err != nil {
					return err
				}
				_, err = g.stdout.Write(text)
				return err
			})
		}}
}

func (g *global) withRun(ctx context.Context, id string, show func(state.Run) error) error {
	return g.withHistory(func(db *state.DB) error {
		r, ok, err := db.Run(ctx, id)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("there is no run %q: see `regulars jobs list`", id)
		}
		return show(r)
	})
}

func (g *global) withHistory(use func(*state.DB) error) error {
	w, err := g.open(false)
	if err != nil {
		return err
	}
	if !w.stateExists() {
		return fmt.Errorf("nothing has run in %s yet", w.dir)
	}
	return w.withState(func(db *state.DB) error {
		if _, err := db.MarkInterrupted(context.Background(), state.ProcessAlive); err != nil {
			return err
		}
		return use(db)
	})
}

// cause picks from the end of a log the line in which this program says why it
// failed; otherwise the first line.
func cause(text string) string {
	lines := strings.Split(text, "\n")
	for _, line := range slices.Backward(lines) {
		if said, ok := strings.CutPrefix(line, "regulars: "); ok {
			return said
		}
	}
	return lines[0]
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
