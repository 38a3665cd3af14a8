package interactions

import (
	"context"
	"errors"
	"fmt"

	"regulars/data"
	"regulars/data/ingest"
)

// Groups says which region, channel or segment a user belongs to.
type Groups struct {
	Path       string
	Users      []string // distinct
	Group      []int32  // one a user: place in Names
	Names      []string // distinct
	Quarantine Quarantine
}

// ReadGroups reads a file with user_id and the column that names the group. Of a
// user with several rows the group that most of them name counts, of equals the
// one that sorts first: so a file of orders gives the main channel. A row whose
// group is empty says nothing, one without user goes to the quarantine. A column
// that is missing, and a file in which no user has a group, are errors that name it.
func ReadGroups(ctx context.Context, path, column string) (_ *Groups, err error) {
	file, err := ingest.OpenTable(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := &groupReader{file: file, column: column, users: map[string]int32{}, groups: map[string]int32{},
		rows: map[membership]int{}, out: &Groups{Path: path, Quarantine: Quarantine{File: path}}}
	if err := r.plan(); err != nil {
		return nil, err
	}
	if _, err := readRows(ctx, file, &r.out.Quarantine, r.row, nil); err != nil {
		return nil, err
	}
	if len(r.out.Users) == 0 {
		return nil, fmt.Errorf("%s: no row has both user_id and %s", path, column)
	}
	r.choose()
	return r.out, nil
}

// membership is of a user in a group.
type membership struct{ user, group int32 }

type groupReader struct {
	file          *ingest.Table
	out           *Groups
	column        string
	user, group   int
	toID, toGroup convert
	users, groups map[string]int32
	rows          map[membership]int
}

func (r *groupReader) plan() (err error) {
	if r.user, err = r.file.Require("user_id"); err != nil {
		return err
	}
	if r.group, err = r.file.Require(r.column); err != nil {
		return err
	}
	if r.toID, err = r.file.Converter(r.user, data.KindString); err != nil {
		return err
	}
	if r.toGroup, err = r.file.Converter(r.group, data.KindString); err != nil {
		return err
	}
	return r.file.Select([]int{r.user, r.group})
}

func (r *groupReader) row(row data.Row) error {
	user, err := text(row[r.user], r.toID, "user_id")
	if err != nil {
		return err
	}
	group := row[r.group]
	if !group.IsNull() {
		if group, err = r.toGroup(group); err != nil {
			return fmt.Errorf("%s %w", r.column, err)
		}
	}
	if group.IsNull() || group.Str() == "" {
		return nil
	}
	r.rows[membership{code(r.users, &r.out.Users, user), code(r.groups, &r.out.Names, group.Str())}]++
	return nil
}

// choose gives every user the group of most rows. What it finds does not depend
// on the order in which memberships come.
func (r *groupReader) choose() {
	most := make([]int, len(r.out.Users))
	r.out.Group = make([]int32, len(r.out.Users))
	for m, n := range r.rows {
		chosen := r.out.Group[m.user]
		if n > most[m.user] || n == most[m.user] && r.out.Names[m.group] < r.out.Names[chosen] {
			most[m.user], r.out.Group[m.user] = n, m.group
		}
	}
}
