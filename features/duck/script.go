package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"regulars/data"
	"regulars/features"
)

// Script returns what a build of one group does as SQL that a bare DuckDB can
// run: the views of the lake's files cut at each as_of, and last the group's
// query, which yields the rows of the table, as_of before them.
func Script(ctx context.Context, g features.Group, r features.Request) (text string, err error) {
	if err := features.Lint(g); err != nil {
		return "", fmt.Errorf("feature file breaks the rules:\n%w", err)
	}
	b := build{lake: r.Lake, identities: r.Identities, timeZone: r.TimeZone, asOf: r.AsOf, groups: []features.Group{g},
		gap: data.Day(g.Gap), horizon: data.Day(g.Horizon)}
	if missing := b.missing(g); missing != "" {
		return "", fmt.Errorf("features %s/%s: the lake has no %s", g.Entity, g.Name, missing)
	}
	if err := b.findShared(); err != nil {
		return "", err
	}
	if b.work, err = os.MkdirTemp("", "regulars-script-*"); err != nil {
		return "", fmt.Errorf("make temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.work)) }()
	s, err := open(ctx, &b)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	statements := []string{"SET TimeZone = 'UTC'", "SET default_collation = ''"}
	s.script = &statements
	if err := b.views(s); err != nil {
		return "", err
	}
	return strings.Join(statements, ";\n") + ";\n\n" + strings.TrimSpace(g.Query()) + ";\n", nil
}
