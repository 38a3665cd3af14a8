package main

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/spf13/cobra"

	"regulars/models/artifact"
	"regulars/models/snapshot"
	"regulars/training"
)

func newModels(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "models", Short: "Published models: list, show, promote, roll back", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(newModelsList(g), newModelsShow(g), newModelsPromote(g), newModelsRollback(g))
	return cmd
}

// modelLine is one published version.
type modelLine struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	AsOf      string `json:"as_of"`
	CreatedAt string `json:"created_at"`
	Champion  bool   `json:"champion"`
}

func (w *workspace) modelLines() ([]modelLine, error) {
	names, err := w.models.Names()
	if err != nil {
		return nil, err
	}
	var out []modelLine
	for _, name := range names {
		champion, _, err := w.models.Champion(name)
		if err != nil {
			return nil, err
		}
		list, _, err := w.models.List(name)
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			out = append(out, modelLine{name, m.Version, m.Kind, m.AsOf, m.CreatedAt, m.Version == champion})
		}
	}
	return out, nil
}

func newModelsList(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "list", Short: "All published versions; * = in use", Args: noArguments,
		Example: "  regulars models list --workspace my-shop",
		RunE: func(*cobra.Command, []string) error {
			w, err := g.open(false)
			if err != nil {
				return err
			}
			lines, err := w.modelLines()
			if err != nil {
				return err
			}
			if g.json {
				return printJSON(g.stdout, map[string]any{"models": lines})
			}
			rows := [][]string{{"model", "version", "algorithm", "as of", "created", ""}}
			for _, l := range lines {
				mark := ""
				if l.Champion {
					mark = "*"
				}
				rows = append(rows, []string{l.Name, l.Version, l.Kind, l.AsOf, l.CreatedAt, mark})
			}
			return printTable(g.stdout, rows)
		}})
}

func newModelsShow(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "show NAME [VERSION]", Short: "The manifest of a version, as JSON (default: the one in use)",
		Example: "  regulars models show --workspace my-shop churn",
		Args:    arguments(1, 2, "a model and perhaps a version"),
		RunE: func(_ *cobra.Command, args []string) error {
			w, err := g.open(false)
			if err != nil {
				return err
			}
			version, err := w.versionOf(args)
			if err != nil {
				return err
			}
			a, err := w.models.Open(args[0], version)
			if err != nil {
				return unknownModel(err)
			}
			return printJSON(g.stdout, a.Manifest)
		}})
}

func (w *workspace) versionOf(args []string) (string, error) {
	if len(args) == 2 {
		return args[1], nil
	}
	version, ok, err := w.models.Champion(args[0])
	if err == nil && !ok {
		err = fmt.Errorf("no model %q is in use: see `regulars models list`", args[0])
	}
	return version, err
}

// unknownModel says where the names and versions are that there are.
func unknownModel(err error) error {
	if errors.Is(err, artifact.ErrNotFound) {
		return fmt.Errorf("%w: see `regulars models list`", err)
	}
	return err
}

func newModelsPromote(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "promote NAME VERSION", Short: "Put a version into use",
		Example: "  regulars models promote --workspace my-shop churn 2011-12-08-1a2b3c4d",
		Args:    arguments(2, 2, "a model and a version"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.changeChampion(cmd.Context(), args[0], func(w *workspace) (string, error) { return args[1], w.models.Promote(args[0], args[1]) })
		}})
}

func newModelsRollback(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "rollback NAME", Short: "Go back to the version that was in use before",
		Example: "  regulars models rollback --workspace my-shop churn",
		Args:    arguments(1, 1, "a model"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.changeChampion(cmd.Context(), args[0], func(w *workspace) (string, error) { return w.models.Rollback(args[0]) })
		}})
}

// changeChampion changes what is in use and says what came of it.
func (g *global) changeChampion(ctx context.Context, name string, change func(*workspace) (string, error)) error {
	w, err := g.open(false)
	if err != nil {
		return err
	}
	version, found, err := w.changeChampion(ctx, func() (string, error) { return change(w) })
	if err != nil {
		return unknownModel(err)
	}
	if g.json {
		return printJSON(g.stdout, changeOf(name, version, found))
	}
	fmt.Fprintf(g.stdout, "%s: version %s is in use\n", name, version)
	if found == "" {
		fmt.Fprintf(g.stdout, "no snapshot was made from the models now in use, so the server goes on as before: run `regulars score --workspace %s` so that it answers from them\n", g.workspace)
		return nil
	}
	fmt.Fprintf(g.stdout, "the server answers from snapshot %s\n", found)
	return nil
}

// changeChampion changes what is in use, under the workspace's lock, and moves
// `current` to the newest snapshot that was made from the champions as they
// then are, which it returns; "" if there is none.
func (w *workspace) changeChampion(ctx context.Context, change func() (string, error)) (version, found string, err error) {
	lock, err := w.lock(ctx)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if version, err = change(); err != nil {
		return "", "", err
	}
	if found, err = w.snapshotOf(); err != nil || found == "" {
		return version, "", err
	}
	return version, found, snapshot.SetCurrent(w.snapshots(), w.disk, found)
}

// snapshotOf returns the newest snapshot that was made from just the models in
// use, and "" when there is none.
func (w *workspace) snapshotOf() (string, error) {
	list, _, err := snapshot.List(w.snapshots())
	if err != nil {
		return "", err
	}
	champions := map[string]string{}
	for _, name := range training.Roles() {
		if version, ok, err := w.models.Champion(name); err != nil {
			return "", err
		} else if ok {
			champions[name] = version
		}
	}
	found := ""
	for _, info := range list {
		if maps.Equal(info.Models, champions) {
			found = info.Version
		}
	}
	return found, nil
}
