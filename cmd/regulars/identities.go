package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/data"
	"regulars/data/identity"
	"regulars/training"
)

func newIdentities(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "identities", Short: "Several ids of one person: list, conflicts, undo, redo",
		Long: `Several ids of one person. The lake's identities table links an alias of a source
(pos, wecom, email, …) to a customer; linked ids count as one customer in every
feature. A link that is wrong can be taken out of use, and put back.`,
		Args: noArguments, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(newIdentitiesList(g), newIdentitiesConflicts(g), newIdentitiesUndo(g), newIdentitiesRedo(g))
	return cmd
}

// identityLine is one link, and for whom it counts.
type identityLine struct {
	Source string `json:"source"`
	Alias  string `json:"alias"`
	UserID string `json:"user_id"`
	Since  string `json:"since,omitempty"`  // empty: always known
	Person string `json:"person,omitempty"` // the id that stands for the person; empty when out of use
	Undone bool   `json:"undone,omitempty"`
}

// links reads all links and which are out of use.
func (w *workspace) links() ([]identity.Link, *identity.Undone, error) {
	links, err := training.IdentityLinks(w.lake)
	if err != nil {
		return nil, nil, err
	}
	undone, err := training.ReadUndone(w.dir)
	return links, undone, err
}

// identityDay reads --as-of; without it, everything known by now counts.
func identityDay(flag string) (data.Day, error) {
	if flag == "" {
		return data.DayOf(time.Now()) + 1, nil
	}
	day, err := data.ParseDay(flag)
	if err != nil {
		return 0, usageError{fmt.Errorf("--as-of: %w", err)}
	}
	return day, nil
}

func newIdentitiesList(g *global) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{Use: "list", Short: "Every link, and the id that stands for the person", Args: noArguments,
		Example: "  regulars identities list --workspace my-shop",
		RunE: func(*cobra.Command, []string) error {
			w, err := g.open(false)
			if err != nil {
				return err
			}
			day, err := identityDay(asOf)
			if err != nil {
				return err
			}
			lines, err := w.identityLines(day)
			if err != nil {
				return err
			}
			if g.json {
				return printJSON(g.stdout, map[string]any{"identities": lines})
			}
			rows := [][]string{{"source", "alias", "customer", "since", "person", ""}}
			for _, l := range lines {
				mark := ""
				if l.Undone {
					mark = "undone"
				}
				rows = append(rows, []string{l.Source, l.Alias, l.UserID, l.Since, l.Person, mark})
			}
			return printTable(g.stdout, rows)
		}}
	cmd.Flags().StringVar(&asOf, "as-of", "", "only links known before this date (default: all known by now)")
	return g.withJSON(cmd)
}

func (w *workspace) identityLines(day data.Day) ([]identityLine, error) {
	links, undone, err := w.links()
	if err != nil {
		return nil, err
	}
	people := identity.Resolve(undone.Keep(links), day)
	lines := []identityLine{}
	for _, l := range links {
		if !l.Known(day) {
			continue
		}
		line := identityLine{Source: l.Source, Alias: l.Alias, UserID: l.UserID, Undone: undone.Has(l.Key())}
		if l.Dated {
			line.Since = time.UnixMicro(l.Micros).UTC().Format(time.RFC3339)
		}
		if !line.Undone {
			line.Person = people.Of(l.UserID)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func newIdentitiesConflicts(g *global) *cobra.Command {
	var asOf string
	largest := identity.DefaultLargest
	cmd := &cobra.Command{Use: "conflicts", Short: "Links that look wrong", Args: noArguments,
		Long: `Links that look wrong:

  claimed          one alias of one source is linked to several customers, who count as one person
  ambiguous        several sources use the same alias for different people; it joins nothing
  several_aliases  several customers were joined although one source knows them by several aliases
  large            a person of very many ids: perhaps a placeholder was used as alias`,
		Example: "  regulars identities conflicts --workspace my-shop",
		RunE: func(*cobra.Command, []string) error {
			if largest < 1 {
				return usageError{fmt.Errorf("--largest is %d: it must be above 0", largest)}
			}
			w, err := g.open(false)
			if err != nil {
				return err
			}
			day, err := identityDay(asOf)
			if err != nil {
				return err
			}
			links, undone, err := w.links()
			if err != nil {
				return err
			}
			conflicts := identity.Conflicts(undone.Keep(links), day, largest)
			if g.json {
				return printJSON(g.stdout, map[string]any{"conflicts": append([]identity.Conflict{}, conflicts...)})
			}
			return printConflicts(g, conflicts)
		}}
	cmd.Flags().StringVar(&asOf, "as-of", "", "only links known before this date (default: all known by now)")
	cmd.Flags().IntVar(&largest, "largest", largest, "report persons of more ids than this")
	return g.withJSON(cmd)
}

func printConflicts(g *global, conflicts []identity.Conflict) error {
	rows := [][]string{{"reason", "person", "sources", "aliases", "customers", "ids"}}
	for _, c := range conflicts {
		ids := ""
		if c.IDs > 0 {
			ids = fmt.Sprint(c.IDs)
		}
		rows = append(rows, []string{c.Reason, c.Person, strings.Join(c.Sources, " "), strings.Join(c.Aliases, " "), strings.Join(c.UserIDs, " "), ids})
	}
	return printTable(g.stdout, rows)
}

func newIdentitiesUndo(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "undo SOURCE ALIAS", Short: "Take the links of an alias out of use",
		Example: "  regulars identities undo --workspace my-shop pos 4711",
		Args:    arguments(2, 2, "a source and an alias"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.changeUndone(cmd.Context(), args, func(links []identity.Link, u *identity.Undone, k identity.Key) error {
				known := false
				for _, l := range links {
					known = known || l.Key() == k
				}
				if !known {
					return fmt.Errorf("there is no link of alias %q from source %q: see `regulars identities list`", k.Alias, k.Source)
				}
				if !u.Add(k) {
					return fmt.Errorf("alias %q of source %q is out of use already", k.Alias, k.Source)
				}
				return nil
			})
		}})
}

func newIdentitiesRedo(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "redo SOURCE ALIAS", Short: "Put the links of an alias back into use",
		Example: "  regulars identities redo --workspace my-shop pos 4711",
		Args:    arguments(2, 2, "a source and an alias"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.changeUndone(cmd.Context(), args, func(_ []identity.Link, u *identity.Undone, k identity.Key) error {
				if !u.Remove(k) {
					return fmt.Errorf("alias %q of source %q is not out of use", k.Alias, k.Source)
				}
				return nil
			})
		}})
}

// changeUndone changes what is out of use under the workspace's lock.
func (g *global) changeUndone(ctx context.Context, args []string, change func([]identity.Link, *identity.Undone, identity.Key) error) error {
	k := identity.Key{Source: args[0], Alias: args[1]}
	if k.Source == "" || k.Alias == "" {
		return usageError{errors.New("source and alias must not be empty")}
	}
	var undone *identity.Undone
	err := g.locked(ctx, func(w *workspace) (err error) {
		var links []identity.Link
		if links, undone, err = w.links(); err != nil {
			return err
		}
		if err := change(links, undone, k); err != nil {
			return err
		}
		return training.WriteUndone(w.disk, w.dir, undone)
	})
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(g.stdout, map[string]any{"undone": append([]identity.Key{}, undone.Keys()...)})
	}
	_, err = fmt.Fprintf(g.stdout, "%s %s: done; features built from now on follow\n", k.Source, k.Alias)
	return err
}
