package main

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"regulars/data/identity"
	"regulars/data/lake"
	"regulars/data/privacy"
	"regulars/models/artifact"
	"regulars/models/snapshot"
	"regulars/serving/events"
	shown "regulars/serving/served"
	"regulars/training"
)

// undonePlace is the file of links that were taken back.
type undonePlace struct{ w *workspace }

func (p undonePlace) Each(_ context.Context, s lake.Subject, do func(where, row string) error) error {
	undone, err := training.ReadUndone(p.w.dir)
	if err != nil {
		return err
	}
	for _, k := range undone.Keys() {
		if !slices.Contains(s.IDs, k.Alias) {
			continue
		}
		row, err := json.Marshal(k)
		if err != nil {
			return err
		}
		if err := do("identities.undo", string(row)); err != nil {
			return err
		}
	}
	return nil
}

func (p undonePlace) Erase(_ context.Context, s lake.Subject) error {
	undone, err := training.ReadUndone(p.w.dir)
	if err != nil {
		return err
	}
	changed := false
	for _, k := range undone.Keys() {
		if slices.Contains(s.IDs, k.Alias) {
			changed = undone.Remove(k) || changed
		}
	}
	if !changed {
		return nil
	}
	return training.WriteUndone(p.w.disk, p.w.dir, undone)
}

// eventsPlace is the event log, where there is one.
type eventsPlace struct{ w *workspace }

// with opens the event log, if there is one.
func (p eventsPlace) with(use func(*events.DB) error) (err error) {
	db, err := p.w.openEvents()
	if db == nil || err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return use(db)
}

func (p eventsPlace) Each(ctx context.Context, s lake.Subject, do func(where, row string) error) error {
	return p.with(func(db *events.DB) error {
		return db.Each(ctx, eventsPerson(s), func(table, row string) error { return do(events.FileName+"/"+table, row) })
	})
}

func (p eventsPlace) Erase(ctx context.Context, s lake.Subject) error {
	return p.with(func(db *events.DB) error { return db.Erase(ctx, s.Erasure, eventsPerson(s), time.Now()) })
}

func eventsPerson(s lake.Subject) events.Person {
	return events.Person{IDs: s.IDs, Aliases: s.Aliases, Sessions: s.Sessions}
}

func (p eventsPlace) lift(ctx context.Context, erasure string) error {
	return p.with(func(db *events.DB) error { return db.Lift(ctx, erasure) })
}

func (p eventsPlace) sessions(ctx context.Context, ids []string) (out []string, err error) {
	err = p.with(func(db *events.DB) (err error) { out, err = db.Sessions(ctx, ids); return err })
	return out, err
}

func (p eventsPlace) aliases(ctx context.Context) (out []identity.Link, err error) {
	err = p.with(func(db *events.DB) error {
		links, err := db.Aliases(ctx)
		for _, l := range links {
			out = append(out, identity.Link{Source: l.Source, Alias: l.Alias, UserID: l.UserID, Dated: true, Micros: l.At.UnixMicro()})
		}
		return err
	})
	return out, err
}

// servedPlace is what the server has written down of the lists that it showed.
type servedPlace struct{ w *workspace }

func (p servedPlace) dir() string { return filepath.Join(p.w.dir, servedFolder) }

func (p servedPlace) Each(ctx context.Context, s lake.Subject, do func(where, row string) error) error {
	return shown.Each(ctx, p.dir(), shownTo(s), func(row string) error { return do(servedFolder, row) })
}

// servedWait bounds how long a server may take to begin a new file: it looks
// every second.
const servedWait = 10 * time.Second

func (p servedPlace) Erase(ctx context.Context, s lake.Subject) error {
	return shown.Forget(ctx, p.w.disk, p.dir(), shownTo(s), servedWait)
}

// shownTo says which lists were the person's: a session counts where nobody else is named.
func shownTo(s lake.Subject) shown.Whose {
	return func(user, session string) bool {
		if user != "" {
			return slices.Contains(s.IDs, user)
		}
		return slices.Contains(s.Sessions, session) || slices.Contains(s.IDs, session)
	}
}

// snapshotPlace is every snapshot that is kept, with the files beside its own.
type snapshotPlace struct{ w *workspace }

// references are the fields of profiles by which customers name one another.
var references = []string{"referrer_id"}

func (p snapshotPlace) Each(ctx context.Context, s lake.Subject, do func(where, row string) error) error {
	list, _, err := snapshot.List(p.w.snapshots())
	if err != nil {
		return err
	}
	for _, info := range list {
		var told error
		err := p.each(ctx, info, s, func(where, row string) error { told = do(where, row); return told })
		if err != nil && (told != nil || ctx.Err() != nil || !p.lost(info)) {
			return err
		}
	}
	return nil
}

// lost reports whether nothing can be read of a version: it went while it was
// read, as they do when newer ones come, or it is damaged, and Erase removes it.
func (p snapshotPlace) lost(info snapshot.Info) bool {
	return errors.Is(artifact.Verify(filepath.Join(p.w.snapshots(), info.Version), info.Files), snapshot.ErrDamaged)
}

func (p snapshotPlace) each(ctx context.Context, info snapshot.Info, s lake.Subject, do func(where, row string) error) error {
	dir, where := filepath.Join(p.w.snapshots(), info.Version), "snapshots/"+info.Version
	err := snapshot.Each(ctx, dir, s.IDs, references, func(at snapshot.Trace) error {
		name, row := where, any(map[string]string{at.Field: at.ID})
		switch {
		case at.Customer != nil:
			r, err := recordOf(at.Customer, &info)
			if err != nil {
				return err
			}
			row = r
		case at.Field != "":
			name += "." + at.Field
		default:
			name, row = name+".aliases", map[string]string{"alias": at.ID}
		}
		text, err := json.Marshal(row)
		if err != nil {
			return err
		}
		return do(name, string(text))
	})
	if err != nil {
		return err
	}
	for _, f := range info.Files {
		if filepath.Ext(f.Name) != ".parquet" {
			continue
		}
		err := privacy.EachRow(ctx, filepath.Join(dir, filepath.FromSlash(f.Name)), s.IDs, func(row string) error { return do(where+"/"+f.Name, row) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (p snapshotPlace) Erase(ctx context.Context, s lake.Subject) error {
	_, err := snapshot.Erasure{Root: p.w.snapshots(), Disk: p.w.disk, IDs: s.IDs, References: references,
		Attached: func(ctx context.Context, path string) (bool, error) {
			if filepath.Ext(path) != ".parquet" {
				return false, nil
			}
			return privacy.RemoveRows(ctx, path, s.IDs)
		}}.Erase(ctx)
	return err
}

// record is a customer of a snapshot by names in place of numbers.
type record struct {
	AsOf    string              `json:"as_of"`
	UserID  string              `json:"user_id"`
	Profile map[string]any      `json:"profile,omitempty"`
	Aliases []recordAlias       `json:"aliases,omitempty"`
	Bought  []string            `json:"bought,omitempty"`
	Lists   map[string][]string `json:"lists,omitempty"`
	Scores  any                 `json:"scores,omitempty"`
}

// recordAlias is another id of the customer, and what system knows them by it.
type recordAlias struct {
	Source string `json:"source"`
	Alias  string `json:"alias"`
}

func recordOf(c *snapshot.Customer, info *snapshot.Info) (record, error) {
	u, err := c.User()
	if err != nil {
		return record{}, err
	}
	r := record{AsOf: info.AsOf, UserID: u.ID, Profile: profileOf(u.Profile, info.UserFields), Bought: c.ItemIDs(u.Bought), Lists: map[string][]string{}}
	for _, a := range u.Aliases {
		r.Aliases = append(r.Aliases, recordAlias{a.Source, a.ID})
	}
	name := func(list string, candidates []snapshot.Candidate) {
		var items []int32
		for _, c := range candidates {
			items = append(items, c.Item)
		}
		if len(items) > 0 {
			r.Lists[list] = append(r.Lists[list], c.ItemIDs(items)...)
		}
	}
	name("main", u.Candidates)
	for n, kind := range info.Lists {
		if kind.Shared || len(kind.Groups) > 0 {
			continue // the same for others
		}
		list, err := c.List(n)
		if err != nil {
			return r, err
		}
		name(kind.Strategy, list)
	}
	r.Scores = scoresOf(u.Scores, info.Features)
	return r, nil
}

// profileOf is what is known of a customer, by the names of the fields.
func profileOf(values []snapshot.Value, fields []snapshot.Field) map[string]any {
	out := map[string]any{}
	for i, v := range values {
		switch v.Kind {
		case snapshot.String:
			out[fields[i].Name] = v.Text
		case snapshot.Number:
			out[fields[i].Name] = v.Num
		case snapshot.Bool:
			out[fields[i].Name] = v.Bool()
		case snapshot.Time:
			out[fields[i].Name] = time.UnixMicro(int64(v.Num)).UTC().Format(time.RFC3339)
		}
	}
	return out
}

// scoresOf is what is told of scores, the features of reasons by name; nil of none.
func scoresOf(s *snapshot.Scores, features []snapshot.Feature) any {
	if s == nil {
		return nil
	}
	out := plain(reflect.ValueOf(*s)).(map[string]any)
	if s.Churn == nil { // then nothing is said of these
		delete(out, "return_probability")
		delete(out, "lapsed")
	}
	for i, r := range s.Reasons {
		out["reasons"].([]any)[i].(map[string]any)["feature"] = features[r.Feature].Name
	}
	return out
}

// plain is a value as JSON has it, its names in the manner of every other answer; a
// number that is not known (NaN) is null, for which JSON has no other word.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			out[snakeName(v.Type().Field(i).Name)] = plain(v.Field(i))
		}
		return out
	case reflect.Slice:
		var out []any
		for i := range v.Len() {
			out = append(out, plain(v.Index(i)))
		}
		return out
	case reflect.Float32, reflect.Float64:
		if math.IsNaN(v.Float()) {
			return nil
		}
	}
	return v.Interface()
}

// snakeName turns RecencyDays into recency_days, and RFM into rfm.
func snakeName(name string) string {
	var b strings.Builder
	upper := true // whether the letter before was
	for _, r := range name {
		if unicode.IsUpper(r) && !upper {
			b.WriteByte('_')
		}
		upper = unicode.IsUpper(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
