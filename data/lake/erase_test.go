package lake_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
)

const zebra = "zebra-7731-erase-me"

// rowOf returns a row of a table with these columns.
func rowOf(t data.Table, values map[string]data.Value) data.Row {
	s, _ := data.SchemaOf(t)
	row := make(data.Row, len(s.Columns))
	for name, v := range values {
		row[s.Index(name)] = v
	}
	return row
}

func event(user, session, kind string) data.Row {
	row := rowOf(data.Events, map[string]data.Value{"ts": data.Micros(day0), "type": data.String(kind), "session_id": data.String(session)})
	if user != "" {
		row[2-1] = data.String(user)
	}
	return row
}

func user(id, referrer string) data.Row {
	row := rowOf(data.Users, map[string]data.Value{"user_id": data.String(id)})
	if referrer != "" {
		s, _ := data.SchemaOf(data.Users)
		row[s.Index("referrer_id")] = data.String(referrer)
	}
	return row
}

func link(source, alias, user string) data.Row {
	return rowOf(data.Identities, map[string]data.Value{"source": data.String(source), "alias": data.String(alias), "user_id": data.String(user)})
}

// batches of a shop, with the zebra in every place or, without, as if there had never been one.
func batches(with bool) []lake.Batch {
	one := func(rows ...data.Row) []data.Row {
		return slices.DeleteFunc(rows, func(row data.Row) bool {
			return !with && slices.ContainsFunc(row, func(v data.Value) bool { return strings.Contains(v.Str(), zebra) })
		})
	}
	referred := zebra
	if !with {
		referred = ""
	}
	return []lake.Batch{
		batch(data.Orders, "a.csv", one(order("o1", data.Null, "ann", day0), order("o2", data.Null, zebra, day0+1), order("o3", data.Null, "bob", day0+2),
			order("o4", data.Null, zebra, day0+3), order("o5", data.Null, "ann", day0+4))...),
		batch(data.Events, "b.csv", one(event("ann", "s1", "view"), event(zebra, zebra+"-visit", "view"), event("", zebra+"-visit", "click"),
			event(zebra, "kiosk", "view"), event("bob", "kiosk", "view"), event("", "kiosk", "click"))...),
		batch(data.Users, "c.csv", append(one(user("ann", ""), user(zebra, "ann")), user("bob", referred))...),
		batch(data.Identities, "d.csv", one(link("email", "ann@x", "ann"), link("email", zebra+"@x", zebra))...),
	}
}

func zebraSubject(t fataler, l *lake.Lake) lake.Subject {
	s := lake.Subject{IDs: []string{zebra, zebra + "@x"}, Aliases: []string{zebra, zebra + "@x"}}
	var err error
	if s.Sessions, err = l.Sessions(context.Background(), s.IDs); err != nil {
		t.Fatal(err)
	}
	return s
}

// What is left is, byte for byte, what an import without the person makes:
// nothing of others was touched, and nothing of the person can be left.
func TestErasedAsIfNeverThere(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	l := open(t, dir, durable.FS{})
	importAll(t, l, lake.Source{}, batches(true)...)
	before := map[string]int{}
	s := zebraSubject(t, l)
	if !slices.Equal(s.Sessions, []string{zebra + "-visit"}) {
		t.Fatalf("sessions %q: want the visit that was theirs alone", s.Sessions)
	}
	if err := l.Each(t.Context(), s, func(where, _ string) error { before[where]++; return nil }); err != nil {
		t.Fatal(err)
	}
	want := "map[lake/events:3 lake/identities:1 lake/orders:2 lake/users:1 lake/users.referrer_id:1]"
	if got := fmt.Sprint(before); got != want {
		t.Errorf("held %s, want %s", got, want)
	}
	if err := l.Erase(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	importAll(t, open(t, other, durable.FS{}), lake.Source{}, batches(false)...)
	if got, want := contents(t, dir), contents(t, other); !slices.Equal(got, want) {
		t.Error("the files are not those of an import without the person")
	}
	if strings.Contains(tree(t, dir), zebra) {
		t.Error("the id still stands somewhere")
	}
	expectJournalRight(t, l, dir)
	after := tree(t, dir)
	if err := l.Erase(t.Context(), s); err != nil || tree(t, dir) != after {
		t.Errorf("erasing again changed something (%v)", err)
	}
}

// contents returns what the data files hold, without their names, which tell of the import.
func contents(t *testing.T, dir string) (out []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "*.parquet"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files (%v)", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

// expectJournalRight compares the journal's checksums with the files.
func expectJournalRight(t fataler, l *lake.Lake, dir string) {
	t.Helper()
	files, err := l.Files()
	if err != nil {
		t.Fatal(err)
	}
	journals, err := filepath.Glob(filepath.Join(dir, "lake", ".imports", "*.json"))
	if err != nil || len(journals) != 1 {
		t.Fatalf("journals %v (%v)", journals, err)
	}
	text, err := os.ReadFile(journals[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.Contains(string(text), f.SHA256) {
			t.Fatalf("the journal does not have the checksum of %s", f.Path)
		}
	}
}

// Whatever step fails, doing it again ends as if nothing had happened.
func TestErasureIsFinishedAfterAnyFault(t *testing.T) {
	whole := t.TempDir()
	l := open(t, whole, durable.FS{})
	importAll(t, l, lake.Source{}, batches(true)...)
	s := zebraSubject(t, l)
	copied := func() string {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	right := copied()
	if err := open(t, right, durable.FS{}).Erase(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(tree(t, right), right, "")
	fault, steps := errors.New("killed"), 0
	for ; ; steps++ {
		dir, left := copied(), steps
		err := open(t, dir, durable.FS{Fault: func(durable.Op, string) error {
			if left--; left < 0 { // and nothing after it, as after a kill
				return fault
			}
			return nil
		}}).Erase(t.Context(), s)
		if err == nil {
			break
		}
		if !errors.Is(err, fault) {
			t.Fatal(err)
		}
		if err := open(t, dir, durable.FS{}).Erase(t.Context(), s); err != nil {
			t.Fatalf("after a fault at step %d: %v", steps, err)
		}
		if got := strings.ReplaceAll(tree(t, dir), dir, ""); got != want {
			t.Fatalf("after a fault at step %d the workspace is another one", steps)
		}
	}
	if steps < 20 {
		t.Errorf("only %d steps could fail", steps)
	}
}

func TestErasedAreNotTakenInAgain(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, durable.FS{})
	l.Refuse(func() (func(string) bool, error) {
		return func(id string) bool { return strings.HasPrefix(id, zebra) }, nil
	})
	bad := order("o9", data.Null, zebra, day0)
	bad[slices.Index(schemaNames(data.Orders), "quantity")] = data.Int(-1)
	report := importAll(t, l, lake.Source{}, append(batches(true), batch(data.Orders, "e.csv", bad))...)
	orders := report.Table(data.Orders)
	if orders.Read != 6 || orders.Accepted != 3 || orders.Quarantined != 3 || orders.Reasons[lake.ErasedReason] != 3 {
		t.Errorf("orders: %+v", orders)
	}
	users := report.Table(data.Users)
	if users.Accepted != 2 || users.Reasons[lake.ErasedReason] != 1 {
		t.Errorf("users: %+v", users)
	}
	if strings.Contains(tree(t, dir), zebra) {
		t.Error("the id stands somewhere")
	}
	// A row that could not be read is kept as it stood, unless it names them: also as a number.
	l.Refuse(func() (func(string) bool, error) { return func(id string) bool { return id == "17850" }, nil })
	im, err := l.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for i, raw := range []string{`{"Customer ID":17850,"x":"??"}`, `{"Customer ID":17850.0}`, `["a"," 17850 "]`, `{"Customer ID":17851}`} {
		if err := im.Reject(data.Orders, "f.csv", int64(i+1), "ts is not a time", raw); err != nil {
			t.Fatal(err)
		}
	}
	report, err = im.Commit()
	if err != nil || report.Table(data.Orders).Reasons[lake.ErasedReason] != 3 {
		t.Errorf("%+v (%v)", report, err)
	}
	broken := errors.New("no list")
	l.Refuse(func() (func(string) bool, error) { return nil, broken })
	if _, err := l.Begin(); !errors.Is(err, broken) {
		t.Errorf("without the list nothing may be imported, got %v", err)
	}
}

func schemaNames(t data.Table) []string {
	s, _ := data.SchemaOf(t)
	return s.ColumnNames()
}

// Bad rows stay, without what they held.
func TestErasureBlanksTheQuarantine(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, durable.FS{})
	bad, good := order("o1", data.Null, zebra, day0), order("o2", data.Null, "ann", day0)
	for _, row := range []data.Row{bad, good} {
		row[slices.Index(schemaNames(data.Orders), "quantity")] = data.Int(-1)
	}
	report := importAll(t, l, lake.Source{}, batch(data.Orders, "a.csv", bad, good))
	n := 0
	s := lake.Subject{IDs: []string{zebra}}
	if err := l.Each(t.Context(), s, func(where, _ string) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d rows held (%v), want 1", n, err)
	}
	if err := l.Erase(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	p, err := lake.OpenParquet(filepath.Join(dir, filepath.FromSlash(report.Table(data.Orders).QuarantineFile)))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r, err := p.Reader([]int{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := drain(r)
	if err != nil || len(rows) != 2 || rows[0][2].Str() != "" || !strings.Contains(rows[1][2].Str(), "ann") || rows[0][1].Str() != rows[1][1].Str() {
		t.Errorf("quarantine: %v (%v)", rows, err)
	}
}

// A file of another program keeps its columns; one that cannot be written anew is named.
func TestErasureFromForeignFiles(t *testing.T) {
	type consent struct {
		UserID  string  `parquet:"user_id,optional"`
		Channel string  `parquet:"channel"`
		Granted bool    `parquet:"granted"`
		TS      int64   `parquet:"ts,timestamp(microsecond)"`
		Note    *string `parquet:"note"`
		Level   int32   `parquet:"level"`
	}
	dir := t.TempDir()
	l := open(t, dir, durable.FS{})
	note := "x"
	path := filepath.Join(dir, "lake", "consents", "region=north", "theirs.parquet")
	writeParquet(t, path, []consent{{"ann", "sms", true, day0, &note, 3}, {zebra, "sms", true, day0, nil, 4}, {"bob", "sms", false, day0, nil, 5}})
	before, _ := readAll(t, l, data.Consents)
	if err := l.Erase(t.Context(), lake.Subject{IDs: []string{zebra}}); err != nil {
		t.Fatal(err)
	}
	after, _ := readAll(t, l, data.Consents)
	if want := []data.Row{before[0], before[2]}; !slices.EqualFunc(after, want, equalRows) {
		t.Errorf("left %v, want %v", after, want)
	}
	type nested struct {
		UserID  string            `parquet:"user_id"`
		Channel string            `parquet:"channel"`
		Granted bool              `parquet:"granted"`
		TS      int64             `parquet:"ts,timestamp(microsecond)"`
		Deep    struct{ X int64 } `parquet:"deep"`
	}
	writeParquet(t, path, []nested{{UserID: zebra, TS: day0}})
	expectError(t, l.Erase(t.Context(), lake.Subject{IDs: []string{zebra}}), "theirs.parquet", `"deep"`)
}

func equalRows(a, b data.Row) bool { return slices.EqualFunc(a, b, data.Value.Equal) }

// Whoever is erased, the rows of all others are what they were, in their order.
func TestErasureLeavesOthersAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		l := open(rt, dir, durable.FS{})
		users := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "17850", ""}), 1, 60).Draw(rt, "users")
		var rows []data.Row
		for i, u := range users {
			rows = append(rows, order(fmt.Sprint(i), data.Null, "u"+u, day0+int64(i)))
		}
		importAll(rt, l, lake.Source{}, batch(data.Orders, "a", rows...))
		gone := "u" + rapid.SampledFrom(users).Draw(rt, "gone")
		before, _ := readAll(rt, l, data.Orders)
		if err := l.Erase(context.Background(), lake.Subject{IDs: []string{gone}}); err != nil {
			rt.Fatal(err)
		}
		after, s := readAll(rt, l, data.Orders)
		want := slices.DeleteFunc(before, func(row data.Row) bool { return row[s.Index("user_id")].Str() == gone })
		if !slices.EqualFunc(after, want, equalRows) {
			rt.Fatalf("%d rows left, want %d", len(after), len(want))
		}
		expectJournalRight(rt, l, dir)
	})
}
