package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regulars/cmd/regulars/config"
	"regulars/data/state"
	"regulars/serving/api"
)

func newKeys(g *global) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Who may ask the server: create, list, revoke keys", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(newKeysCreate(g), newKeysList(g), newKeysRevoke(g))
	return cmd
}

// keyLine is a key as it is listed.
type keyLine struct {
	state.Key
	Status state.KeyStatus `json:"status"`
}

func keyLineOf(k state.Key) keyLine { return keyLine{k, k.Status(time.Now())} }

func newKeysCreate(g *global) *cobra.Command {
	var k state.Key
	var expires string
	cmd := &cobra.Command{Use: "create --role ROLE", Short: "Make a key and print it: it is not shown again", Args: noArguments,
		Long: `Make a key and print it. What is kept is a hash of it, so that it cannot be
shown again. Once there is a key, every request needs one, as the header
"Authorization: Bearer KEY" or "X-API-Key: KEY"; a server that runs knows new
keys within a second.

  storefront  recommendations, similar items, what is popular; tells events,
              identities, stock, prices and who opts out
  marketing   what storefront may, scores, audiences and reports of placements;
              tells contacts
  monitoring  /metrics, which this machine may read without a key
  admin       everything, such as jobs`,
		Example: `  regulars keys create --workspace my-shop --role storefront --name "web shop"
  regulars keys create --workspace my-shop --role marketing --expires 90d`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkRole(k.Role); err != nil {
				return usageError{err}
			}
			lasts, err := parseLifetime(expires)
			if err != nil {
				return usageError{err}
			}
			if lasts > 0 {
				k.ExpiresAt = time.Now().Add(lasts)
			}
			return g.withKeys(func(db *state.DB) error { return g.createKey(cmd.Context(), db, k) })
		}}
	cmd.Flags().StringVar(&k.Role, "role", "", "what it may ask: "+roleNames())
	cmd.Flags().StringVar(&k.Name, "name", "", "whom it is for, as a reminder")
	cmd.Flags().StringVar(&expires, "expires", "", "how long it lasts, such as 90d or 12h (default: until it is revoked)")
	return g.withJSON(cmd)
}

// createKey prints the key alone to stdout, so that a script can take it.
func (g *global) createKey(ctx context.Context, db *state.DB, k state.Key) error {
	made, text, err := db.CreateKey(ctx, k)
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(g.stdout, struct {
			Text string `json:"key"`
			keyLine
		}{text, keyLineOf(made)})
	}
	if _, err := fmt.Fprintln(g.stdout, text); err != nil {
		return fmt.Errorf("key %s was made, but could not be printed: revoke it and make another: %w", made.ID, err)
	}
	_, err = fmt.Fprintf(g.stderr, "Key %s for %s. Keep it now: it is not shown again.\n", made.ID, made.Role)
	return err
}

func checkRole(role string) error {
	if !slices.Contains(api.Roles(), api.Role(role)) {
		return fmt.Errorf("--role %q is not one of %s", role, roleNames())
	}
	return nil
}

func roleNames() string {
	var names []string
	for _, r := range api.Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// longestLife of a key is ten years: beyond it, a key might as well not expire.
const longestLife = 3650 * 24 * time.Hour

// parseLifetime reads days such as 90d, or a duration such as 12h; nothing is 0.
func parseLifetime(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := config.ParseDuration(text)
	if err != nil || d <= 0 || d > longestLife {
		return 0, fmt.Errorf("--expires %q must be a time such as 90d or 12h, at most 3650d", text)
	}
	return d, nil
}

func newKeysList(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{Use: "list", Short: "All keys, oldest first, without what is secret in them", Args: noArguments,
		Example: "  regulars keys list --workspace my-shop",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withKeys(func(db *state.DB) error {
				keys, err := db.Keys(cmd.Context())
				if err != nil {
					return err
				}
				return g.printKeys(keys)
			})
		}})
}

func (g *global) printKeys(keys []state.Key) error {
	lines := make([]keyLine, len(keys))
	rows := [][]string{{"id", "name", "role", "status", "created", "last used", "expires"}}
	for i, k := range keys {
		lines[i] = keyLineOf(k)
		rows = append(rows, []string{k.ID, k.Name, k.Role, string(lines[i].Status), shortTime(k.CreatedAt), shortTime(k.LastUsedAt), shortTime(k.ExpiresAt)})
	}
	if g.json {
		return printJSON(g.stdout, map[string]any{"keys": lines})
	}
	if len(keys) == 0 {
		_, err := fmt.Fprintln(g.stdout, "There are no keys: a server started now answers everybody on this machine, and nobody else. Make one with `regulars keys create`.")
		return err
	}
	return printTable(g.stdout, rows)
}

func shortTime(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.Format("2006-01-02 15:04Z")
}

func newKeysRevoke(g *global) *cobra.Command {
	var forget bool
	cmd := &cobra.Command{Use: "revoke ID", Short: "End a key for good", Args: arguments(1, 1, "the id of a key"),
		Long: `End a key for good. A server that runs refuses it within a second.

The key stays on the list, and while there are keys on it, valid or not, every
request needs one. With --forget it is taken off as well: a server that starts
when no key is left answers everybody on its own machine again.`,
		Example: "  regulars keys revoke --workspace my-shop abcdefgh",
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withKeys(func(db *state.DB) error { return g.revokeKey(cmd.Context(), db, args[0], forget) })
		}}
	cmd.Flags().BoolVar(&forget, "forget", false, "also take it off the list")
	return g.withJSON(cmd)
}

func (g *global) revokeKey(ctx context.Context, db *state.DB, id string, forget bool) error {
	end := db.RevokeKey
	if forget {
		end = db.ForgetKey
	}
	k, err := end(ctx, id)
	if errors.Is(err, state.ErrNoKey) {
		return fmt.Errorf("there is no key %q: see `regulars keys list`", id)
	}
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(g.stdout, keyLineOf(k))
	}
	_, err = fmt.Fprintf(g.stdout, "key %s opens nothing any more\n", k.ID)
	return err
}

func (g *global) withKeys(use func(*state.DB) error) error {
	w, err := g.open(false)
	if err != nil {
		return err
	}
	return w.withState(use)
}
