package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/identity"
	"regulars/data/lake"
	"regulars/data/state"
)

const zebra = "zebra-7731-erase-me"

// drawer is a place in memory; fails, when set, ends an Erase before it is done.
type drawer struct {
	rows  map[string][]string // by id
	fails error
	stuck bool
}

func (d *drawer) Each(_ context.Context, s lake.Subject, do func(where, row string) error) error {
	for _, id := range s.IDs {
		for _, row := range d.rows[id] {
			if err := do("drawer", row); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *drawer) Erase(_ context.Context, s lake.Subject) error {
	if d.stuck {
		return nil
	}
	delete(d.rows, s.IDs[0])
	if d.fails != nil {
		return d.fails
	}
	for _, id := range s.IDs {
		delete(d.rows, id)
	}
	return nil
}

func newEraser(t *testing.T, links []identity.Link, places ...Place) *Eraser {
	t.Helper()
	dir := t.TempDir()
	db, err := state.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	l, err := lake.Open(dir, durable.FS{})
	if err != nil {
		t.Fatal(err)
	}
	return &Eraser{DB: db, Lake: l, Places: places, Links: func(context.Context) ([]identity.Link, error) { return links, nil }}
}

var zebraLinks = []identity.Link{{Source: "app", Alias: "z-app", UserID: zebra}, {Source: "pos", Alias: "z-pos", UserID: "z-app"},
	{Source: "email", Alias: "ann@x", UserID: "ann"}, {Source: "pos", Alias: "7", UserID: zebra}, {Source: "web", Alias: "7", UserID: "ann"}}

func TestWhoIsEveryIDOfThePerson(t *testing.T) {
	e := newEraser(t, zebraLinks)
	for _, id := range []string{zebra, "z-app", "z-pos"} {
		s, err := e.Who(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.Clone(s.IDs)
		slices.Sort(got)
		if want := []string{"z-app", "z-pos", zebra}; s.IDs[0] != id || !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q with it first", id, s.IDs, want)
		}
	}
	if s, err := e.Who(t.Context(), "stranger"); err != nil || !slices.Equal(s.IDs, []string{"stranger"}) {
		t.Errorf("a stranger is %q (%v)", s.IDs, err)
	}
	// 7 is one person's at the till and another's on the web.
	if s, err := e.Who(t.Context(), "7"); err != nil || !slices.Equal(s.IDs, []string{"7"}) || len(s.Aliases) != 0 {
		t.Errorf("an ambiguous alias is %+v (%v)", s, err)
	}
}

// The receipt counts what was held at the beginning, however often the work had to start again.
func TestReceiptSurvivesInterruption(t *testing.T) {
	broken := errors.New("killed")
	first, later := &drawer{rows: map[string][]string{zebra: {`1`, `2`}, "ann": {`9`}}}, &drawer{rows: map[string][]string{"z-app": {`3`}, zebra: {`4`}}, fails: broken}
	e := newEraser(t, zebraLinks, first, later)
	found, err := e.Find(t.Context(), "z-pos")
	if err != nil || found.Status != DryRun || len(found.Removed) != 1 || found.Removed[0] != (Count{"drawer", 4}) || found.ID != "" {
		t.Fatalf("dry run: %+v (%v)", found, err)
	}
	one, err := e.Request(t.Context(), "z-pos")
	if err != nil {
		t.Fatal(err)
	}
	if r, err := ReceiptOf(one); err != nil || r.Status != Pending || len(r.Removed) != 0 {
		t.Errorf("pending: %+v (%v)", r, err)
	}
	if _, err := e.Resume(t.Context()); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	later.fails, later.stuck = nil, true
	if _, err := e.Resume(t.Context()); err == nil || !strings.Contains(err.Error(), "left in drawer") {
		t.Fatalf("what is left went unseen: %v", err)
	}
	later.stuck = false
	done, err := e.Resume(t.Context())
	if err != nil || len(done) != 1 {
		t.Fatalf("%v (%v)", done, err)
	}
	r, err := ReceiptOf(done[0])
	if err != nil || r.Status != Done || len(r.Removed) != 1 || r.Removed[0].Rows != 4 || len(r.Remains) == 0 {
		t.Errorf("receipt %+v (%v)", r, err)
	}
	if text, err := json.Marshal(r); err != nil || strings.Contains(string(text), "z-") || strings.Contains(string(text), zebra) {
		t.Errorf("the receipt names somebody: %s (%v)", text, err)
	}
	if len(first.rows) != 1 || len(later.rows) != 0 {
		t.Errorf("left %v and %v", first.rows, later.rows)
	}
}

func TestTellIsOneObject(t *testing.T) {
	d := &drawer{rows: map[string][]string{zebra: {`{"a":1}`, `{"a":2}`}}}
	e := newEraser(t, nil, d, OptOuts{})
	e.Places[1] = OptOuts{e.DB}
	if err := e.DB.SetOptOut(t.Context(), zebra, true); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	found, err := e.Tell(t.Context(), zebra, &out)
	want := `{"user_id":"` + zebra + `","ids":["` + zebra + `"],"erasures":[],"held":[{"where":"drawer","rows":[{"a":1},{"a":2}]},{"where":"opt-outs","rows":[{"personalization":false}]}]}` + "\n"
	if err != nil || !found || out.String() != want {
		t.Errorf("%v %v\n%s\nwant\n%s", found, err, out.String(), want)
	}
	out.Reset()
	if found, err := e.Tell(t.Context(), "nobody", &out); err != nil || found || out.Len() > 0 {
		t.Errorf("nobody: %v %v %q", found, err, out.String())
	}
	if err := e.Places[1].Erase(t.Context(), lake.Subject{IDs: []string{zebra}}); err != nil {
		t.Fatal(err)
	}
	if said, err := e.DB.OptOuts(t.Context()); err != nil || len(said) != 0 {
		t.Errorf("opt-outs %v (%v)", said, err)
	}
}

// row is a score or a feature of somebody.
type row struct {
	UserID string   `parquet:"user_id"`
	Value  *float64 `parquet:"value"`
	Stage  string   `parquet:"stage,dict"`
}

func write(t *testing.T, path string, content any) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	switch c := content.(type) {
	case string:
		err = errors.Join(err, os.WriteFile(path, []byte(c), 0o600))
	case []row:
		err = errors.Join(err, parquet.WriteFile(path, c, parquet.MaxRowsPerRowGroup(2)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func rowsIn(t *testing.T, path string) (ids string) {
	t.Helper()
	rows, err := parquet.ReadFile[row](path)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if (r.Value == nil) != (r.UserID == "bob") || r.Value != nil && *r.Value != float64(len(r.UserID)) {
			t.Errorf("the row of %s changed", r.UserID)
		}
		ids += r.UserID + " "
	}
	return ids
}

func scores(ids ...string) (out []row) {
	for _, id := range ids {
		v := float64(len(id))
		one := row{id, &v, "active"}
		if id == "bob" {
			one.Value = nil
		}
		out = append(out, one)
	}
	return out
}

func TestRemoveRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.parquet")
	write(t, path, scores("ann", zebra, "bob", "cid", zebra, "dan"))
	if had, err := RemoveRows(t.Context(), path, []string{zebra}); err != nil || !had {
		t.Fatal(had, err)
	}
	if got := rowsIn(t, path); got != "ann bob cid dan " {
		t.Errorf("left %s", got)
	}
	before, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(before), zebra) {
		t.Errorf("the id still stands in the file (%v)", err)
	}
	if had, err := RemoveRows(t.Context(), path, []string{zebra}); err != nil || had {
		t.Error(had, err)
	}
	write(t, path, "no Parquet")
	if _, err := RemoveRows(t.Context(), path, []string{zebra}); err == nil {
		t.Error("a damaged file was taken for one without the person")
	}
}

func TestFeaturesOfThePersonGo(t *testing.T) {
	root := t.TempDir()
	theirs, others := filepath.Join(root, "user", "gaps", "as_of=2025-01-01"), filepath.Join(root, "user", "gaps", "as_of=2024-01-01")
	write(t, filepath.Join(theirs, "part-0.parquet"), scores("ann", zebra))
	write(t, filepath.Join(theirs, "_inputs.json"), "{}")
	write(t, filepath.Join(others, "part-0.parquet"), scores("ann"))
	f, s := Features{Root: root}, lake.Subject{IDs: []string{zebra}}
	var told []string
	day := func(where, row string) error {
		var of struct {
			AsOf   string `json:"as_of"`
			UserID string `json:"user_id"`
		}
		err := json.Unmarshal([]byte(row), &of)
		told = append(told, where+" "+of.AsOf+" "+of.UserID)
		return err
	}
	if err := f.Each(t.Context(), s, day); err != nil || !slices.Equal(told, []string{"features/user/gaps 2025-01-01 " + zebra}) {
		t.Errorf("told %q (%v)", told, err)
	}
	if err := f.Erase(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(theirs); !errors.Is(err, os.ErrNotExist) {
		t.Error("the table is still there")
	}
	if got := rowsIn(t, filepath.Join(others, "part-0.parquet")); got != "ann " {
		t.Errorf("another table holds %s", got)
	}
	if err := (Features{Root: filepath.Join(root, "none")}).Erase(t.Context(), s); err != nil {
		t.Error(err)
	}
}

func TestExports(t *testing.T) {
	root := filepath.Join(t.TempDir(), "exports")
	s := lake.Subject{IDs: []string{zebra, "=z"}}
	if err := (Exports{Root: root}).Erase(t.Context(), s); err != nil {
		t.Fatalf("without a folder: %v", err)
	}
	csv := "\ufeffuser_id,note\r\nann,\"two\nlines, " + zebra + " in a text\"\r\n"
	write(t, filepath.Join(root, "a.csv"), csv+zebra+",\"x\ny\"\r\n'=z,formula\r\nbob,\r\n")
	write(t, filepath.Join(root, "b.jsonl"), `{"user_id":"ann"}`+"\n"+`{"ids":{"email":"`+zebra+`"}}`+"\n"+`{"user_id":"bob"}`)
	write(t, filepath.Join(root, "sub", "c.parquet"), scores("ann", zebra, "bob"))
	write(t, filepath.Join(root, "d.bin"), "\x00\x01"+zebra)
	write(t, filepath.Join(root, "e.bin"), "\x00\x01")
	x := Exports{Root: root}
	n := 0
	if err := x.Each(t.Context(), s, func(_, row string) error {
		n++
		if !json.Valid([]byte(row)) {
			t.Errorf("%s is no JSON", row)
		}
		return nil
	}); err != nil || n != 5 {
		t.Errorf("%d rows (%v), want 5", n, err)
	}
	for range 2 { // again: nothing changes
		if err := x.Erase(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"a.csv": csv + "bob,\r\n", "b.jsonl": `{"user_id":"ann"}` + "\n" + `{"user_id":"bob"}`, "e.bin": "\x00\x01"} {
			if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != want {
				t.Errorf("%s holds %q (%v), want %q", name, got, err, want)
			}
		}
		if got := rowsIn(t, filepath.Join(root, "sub", "c.parquet")); got != "ann bob " {
			t.Errorf("Parquet holds %s", got)
		}
		if _, err := os.Stat(filepath.Join(root, "d.bin")); !errors.Is(err, os.ErrNotExist) {
			t.Error("a file that cannot be read holds the id")
		}
	}
}

// Lake and register together: what the lake holds goes, and is refused afterwards.
func TestEraserOnALake(t *testing.T) {
	e := newEraser(t, nil)
	e.Places = []Place{e.Lake}
	schema, _ := data.SchemaOf(data.Consents)
	consent := func(id string) data.Row {
		return data.Row{data.String(id), data.String("sms"), data.Bool(true), data.Micros(1_300_000_000_000_000)}
	}
	bring := func(ids ...string) lake.TableReport {
		im, err := e.Lake.Begin()
		if err != nil {
			t.Fatal(err)
		}
		b := lake.Batch{Schema: schema, Source: "c", First: 1}
		for _, id := range ids {
			b.Rows = append(b.Rows, consent(id))
		}
		if err := im.Write(b); err != nil {
			t.Fatal(err)
		}
		r, err := im.Commit()
		if err != nil {
			t.Fatal(err)
		}
		return r.Table(data.Consents)
	}
	bring("ann", zebra)
	if _, err := e.Request(t.Context(), zebra); err != nil {
		t.Fatal(err)
	}
	e.Lake.Refuse(func() (func(string) bool, error) {
		m, err := e.DB.Marks(t.Context())
		if err != nil {
			return nil, err
		}
		return m.Erased, nil
	})
	if r := bring(zebra, "bob"); r.Accepted != 1 || r.Reasons[lake.ErasedReason] != 1 {
		t.Errorf("a pending erasure lets rows in: %+v", r)
	}
	if _, err := e.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found, err := e.Tell(t.Context(), "ann", io.Discard); err != nil || !found {
		t.Errorf("ann is gone as well (%v)", err)
	}
	r, err := e.Find(t.Context(), zebra)
	if err != nil || len(r.Removed) != 0 {
		t.Errorf("left: %+v (%v)", r, err)
	}
}

// What was exported to elsewhere in the workspace is known by a list; nothing
// outside is touched, even where a link leads there.
func TestExportsElsewhere(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	x := Exports{Root: filepath.Join(dir, "exports"), List: filepath.Join(dir, "exports.list")}
	rows := "user_id\r\nann\r\n" + zebra + "\r\nx;'=1\r\n"
	write(t, filepath.Join(outside, "linked.csv"), rows)
	if err := os.Symlink(filepath.Join(outside, "linked.csv"), filepath.Join(dir, "linked.csv")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{filepath.Join(dir, "a b\n.csv"): true, filepath.Join(dir, "linked.csv"): true, filepath.Join(dir, "gone.csv"): true,
		filepath.Join(x.Root, "in.csv"): true, filepath.Join(outside, "o.csv"): false, filepath.Join(dir, "..", "up.csv"): false} {
		if want && !strings.Contains(path, "gone") && !strings.Contains(path, "linked") || strings.Contains(path, "o.csv") {
			write(t, path, rows)
		}
		for range 2 {
			if within, err := x.Note(t.Context(), path); err != nil || within != want {
				t.Errorf("%q is noted: %v (%v)", path, within, err)
			}
		}
	}
	write(t, filepath.Join(dir, "not-ours.csv"), rows)
	s := lake.Subject{IDs: []string{zebra, "x;=1"}}
	n := 0
	if err := x.Each(t.Context(), s, func(_, _ string) error { n++; return nil }); err != nil || n != 4 {
		t.Errorf("%d rows (%v), want 4: two files of two", n, err)
	}
	if err := x.Erase(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{filepath.Join(dir, "a b\n.csv"): "user_id\r\nann\r\n", filepath.Join(x.Root, "in.csv"): "user_id\r\nann\r\n",
		filepath.Join(outside, "o.csv"): rows, filepath.Join(dir, "linked.csv"): rows, filepath.Join(dir, "not-ours.csv"): rows} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s holds %q (%v), want %q", path, got, err, want)
		}
	}
}

// Commands that export at the same time all have their file listed.
func TestExportsElsewhereAtOnce(t *testing.T) {
	dir := t.TempDir()
	x := Exports{Root: filepath.Join(dir, "exports"), List: filepath.Join(dir, "exports.list")}
	const many = 20
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			if within, err := x.Note(t.Context(), filepath.Join(dir, fmt.Sprint(i, ".csv"))); err != nil || !within {
				t.Errorf("noted %v (%v)", within, err)
			}
		})
	}
	all.Wait()
	if listed, err := x.listed(); err != nil || len(listed) != many {
		t.Errorf("%d are listed (%v), want %d", len(listed), err, many)
	}
}

// Somebody else's id that differs by an apostrophe is theirs; one behind which a
// spreadsheet would read a formula is found with the apostrophe that was put there.
func TestApostrophesInExports(t *testing.T) {
	dir := t.TempDir()
	x := Exports{Root: dir}
	file := filepath.Join(dir, "a.csv")
	const others = "user_id\r\no'b\r\n'ob\r\n"
	write(t, file, others+"ob\r\no'd;'=1\r\n'=x\r\n'＋1x\r\n'\t'=y\r\n")
	s := lake.Subject{IDs: []string{"ob", "o'd;=1", "=x", "＋1x", "\t=y"}}
	n := 0
	if err := x.Each(t.Context(), s, func(_, _ string) error { n++; return nil }); err != nil || n != 5 {
		t.Errorf("%d rows (%v), want 5", n, err)
	}
	if err := x.Erase(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadFile(file); err != nil || string(left) != others {
		t.Errorf("left is %q (%v)", left, err)
	}
}

// What a file is called does not hide what it holds.
func TestExportsByOtherNames(t *testing.T) {
	dir := t.TempDir()
	x, s := Exports{Root: dir}, lake.Subject{IDs: []string{zebra}}
	for _, name := range []string{"packed.dat", "packed.csv"} {
		write(t, filepath.Join(dir, name), scores("ann", zebra))
	}
	write(t, filepath.Join(dir, "text.parquet"), "user_id\r\n"+zebra+"\r\n")
	if err := x.Erase(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := x.Each(t.Context(), s, func(_, row string) error { t.Error("left is", row); return nil }); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"packed.dat", "packed.csv"} {
		if err := eachRowOf(t.Context(), filepath.Join(dir, name), map[string]bool{zebra: true}, func(row string) error { t.Error(name, "holds", row); return nil }); err != nil {
			t.Error(err)
		}
	}
}
