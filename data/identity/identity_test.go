package identity_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/data"
	"regulars/data/identity"
)

func link(source, alias, user string) identity.Link {
	return identity.Link{Source: source, Alias: alias, UserID: user}
}

func since(l identity.Link, day data.Day) identity.Link {
	l.Dated, l.Micros = true, day.Micros()
	return l
}

const asOf = data.Day(20_000)

func TestResolve(t *testing.T) {
	tests := map[string]struct {
		links []identity.Link
		want  identity.Resolution
	}{
		"none":               {nil, identity.Resolution{}},
		"one":                {[]identity.Link{link("pos", "p1", "c1")}, identity.Resolution{"p1": "c1"}},
		"alias smaller":      {[]identity.Link{link("pos", "a", "z")}, identity.Resolution{"a": "z"}},
		"two users":          {[]identity.Link{link("pos", "p", "c2"), link("pos", "p", "c1")}, identity.Resolution{"p": "c1", "c2": "c1"}},
		"shared by sources":  {[]identity.Link{link("pos", "p", "c"), link("web", "w", "c")}, identity.Resolution{"p": "c", "w": "c"}},
		"chain":              {[]identity.Link{link("web", "w", "b"), link("crm", "b", "z")}, identity.Resolution{"w": "z", "b": "z"}},
		"circle":             {[]identity.Link{link("x", "b", "a"), link("y", "a", "b")}, identity.Resolution{"b": "a"}},
		"itself":             {[]identity.Link{link("crm", "c", "c"), link("pos", "p", "c")}, identity.Resolution{"p": "c"}},
		"text of two":        {[]identity.Link{link("pos", "7", "a"), link("web", "7", "b")}, identity.Resolution{}},
		"text of two agreed": {[]identity.Link{link("pos", "7", "a"), link("web", "7", "a")}, identity.Resolution{"7": "a"}},
		"text settled":       {[]identity.Link{link("pos", "7", "a"), link("web", "7", "b"), link("crm", "b", "a")}, identity.Resolution{"7": "a", "b": "a"}},
		"text of a customer": {[]identity.Link{link("pos", "7", "a"), link("crm", "7", "7")}, identity.Resolution{}},
		"empty":              {[]identity.Link{link("pos", "", "a"), link("pos", "", "b"), link("pos", "x", "")}, identity.Resolution{}},
		"not yet known":      {[]identity.Link{since(link("pos", "p", "c"), asOf)}, identity.Resolution{}},
		"just known":         {[]identity.Link{{Source: "pos", Alias: "p", UserID: "c", Dated: true, Micros: asOf.Micros() - 1}}, identity.Resolution{"p": "c"}},
	}
	for name, test := range tests {
		if got := identity.Resolve(test.links, asOf); !maps.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

var drawLinks = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) identity.Link {
	ids := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "7", "8", ""})
	l := link(rapid.SampledFrom([]string{"pos", "web", "crm"}).Draw(t, "source"), ids.Draw(t, "alias"), ids.Draw(t, "user"))
	if rapid.Bool().Draw(t, "dated") {
		l = since(l, asOf+data.Day(rapid.IntRange(-1, 1).Draw(t, "day")))
	}
	return l
}), 0, 12)

// naive is the same by the book: join until nothing changes.
func naive(links []identity.Link) identity.Resolution {
	var known []identity.Link
	for _, l := range links {
		if l.Alias != "" && l.UserID != "" && (!l.Dated || l.Micros < asOf.Micros()) {
			known = append(known, l)
		}
	}
	node := func(l identity.Link) string {
		for _, m := range known {
			for _, n := range known {
				if m.Alias == l.Alias && n.Alias == l.Alias && m.Source != n.Source && (m.UserID != n.UserID || m.UserID != l.UserID) {
					return l.Source + "\n" + l.Alias
				}
			}
		}
		return l.Alias
	}
	group := map[string]string{} // node → least node reached
	for _, l := range known {
		group[node(l)], group[l.UserID] = node(l), l.UserID
	}
	for changed := true; changed; {
		changed = false
		for _, l := range known {
			a, b := node(l), l.UserID
			least := min(group[a], group[b])
			if group[a] != least || group[b] != least {
				group[a], group[b], changed = least, least, true
			}
		}
	}
	out := identity.Resolution{}
	for id, root := range group {
		if !strings.Contains(id, "\n") {
			if to := naiveRepresentative(known, node, group, root); to != id {
				out[id] = to
			}
		}
	}
	for _, l := range known {
		if node(l) == l.Alias {
			continue
		}
		meant := map[string]bool{}
		for _, m := range known {
			if m.Alias == l.Alias {
				meant[group[node(m)]] = true
			}
			if m.UserID == l.Alias {
				meant[group[l.Alias]] = true
			}
		}
		if to := naiveRepresentative(known, node, group, group[node(l)]); len(meant) == 1 && to != l.Alias {
			out[l.Alias] = to
		}
	}
	return out
}

func naiveRepresentative(known []identity.Link, node func(identity.Link) string, group map[string]string, root string) string {
	var users, proper []string
	for _, l := range known {
		if group[l.UserID] != root {
			continue
		}
		users = append(users, l.UserID)
		if !slices.ContainsFunc(known, func(m identity.Link) bool { return node(m) == l.UserID && m.UserID != l.UserID }) {
			proper = append(proper, l.UserID)
		}
	}
	if len(proper) > 0 {
		return slices.Min(proper)
	}
	return slices.Min(users)
}

func TestResolveProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		links := drawLinks.Draw(t, "links")
		got := identity.Resolve(links, asOf)
		if want := naive(links); !maps.Equal(got, want) {
			t.Fatalf("%v: %v, by the book %v", links, got, want)
		}
		for id, to := range got {
			if id == to || got.Of(to) != to || got.Of(id) != to {
				t.Fatalf("%q → %q → %q: applying twice is not applying once", id, to, got.Of(to))
			}
		}
		shuffled := append(slices.Clone(links), links...) // each twice, in any order
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if again := identity.Resolve(shuffled, asOf); !maps.Equal(got, again) {
			t.Fatalf("in another order: %v, was %v", again, got)
		}
		if !reflect.DeepEqual(identity.Conflicts(links, asOf, 2), identity.Conflicts(shuffled, asOf, 2)) {
			t.Fatal("conflicts depend on the order")
		}
	})
}

// TestUndo: undoing every link added later restores what was, and redoing brings it back.
func TestUndo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, later := drawLinks.Draw(t, "before"), drawLinks.Draw(t, "later")
		later = slices.DeleteFunc(later, func(l identity.Link) bool {
			return slices.ContainsFunc(before, func(b identity.Link) bool { return b.Key() == l.Key() })
		})
		all := slices.Concat(before, later)
		var undone identity.Undone
		for _, l := range later {
			undone.Add(l.Key())
		}
		var file bytes.Buffer
		if err := undone.Write(&file); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(undone.Keys(), func(k identity.Key) bool { return k.Alias == "" }) {
			return // the file takes no empty alias, nor does the command
		}
		read, err := identity.ReadUndone(&file)
		if err != nil || !slices.Equal(read.Keys(), undone.Keys()) {
			t.Fatalf("read back %v, wrote %v, %v", read, undone.Keys(), err)
		}
		if got, want := identity.Resolve(read.Keep(all), asOf), identity.Resolve(before, asOf); !maps.Equal(got, want) {
			t.Fatalf("undone: %v, before: %v", got, want)
		}
		for _, k := range read.Keys() {
			if read.Add(k) || !read.Remove(k) || read.Remove(k) {
				t.Fatalf("%v is added or removed twice", k)
			}
		}
		if got, want := identity.Resolve(read.Keep(all), asOf), identity.Resolve(all, asOf); !maps.Equal(got, want) {
			t.Fatalf("redone: %v, first: %v", got, want)
		}
	})
}

func TestConflicts(t *testing.T) {
	links := []identity.Link{
		link("pos", "p1", "c1"), link("pos", "p1", "c2"), // claimed twice, and so one person …
		link("pos", "p2", "c2"),                        // … with two aliases at the till
		link("web", "7", "d1"), link("crm", "7", "d2"), // one text, two people
		link("pos", "q1", "e"), link("pos", "q2", "e"), // one user_id with two cards: ordinary
		since(link("pos", "late", "x"), asOf), since(link("pos", "late", "y"), asOf),
	}
	want := []identity.Conflict{
		{Reason: identity.Ambiguous, Sources: []string{"crm", "web"}, Aliases: []string{"7"}, UserIDs: []string{"d1", "d2"}},
		{Reason: identity.Claimed, Person: "c1", Sources: []string{"pos"}, Aliases: []string{"p1"}, UserIDs: []string{"c1", "c2"}},
		{Reason: identity.SeveralAliases, Person: "c1", Sources: []string{"pos"}, Aliases: []string{"p1", "p2"}, UserIDs: []string{"c1", "c2"}},
	}
	if got := identity.Conflicts(links, asOf, 0); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	var many []identity.Link
	for i := range identity.DefaultLargest {
		many = append(many, link("web", fmt.Sprint("w", i), "u"))
	}
	if got, want := identity.Conflicts(many, asOf, 0), []identity.Conflict{{Reason: identity.Large, Person: "u", IDs: 21}}; !reflect.DeepEqual(got, want) {
		t.Errorf("21 ids of one person: %+v, want %+v", got, want)
	}
	if got := identity.Conflicts(many[1:], asOf, 0); len(got) > 0 {
		t.Errorf("20 ids of one person are reported: %+v", got)
	}
}

func TestReadUndoneRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"source":"pos","alias":"a"}` + "\nx":       "line 2: want {",
		`{"source":"pos"}`:                           "line 1: source and alias must not be empty",
		`{"source":"pos","alias":"a","user_id":"b"}`: `unknown field "user_id"`,
		`{"source":"pos","alias":"a"}{"source":"x"}`: "one alias a line",
		`["pos","a"]`: "line 1: want {",
	} {
		if _, err := identity.ReadUndone(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

func FuzzReadUndone(f *testing.F) {
	f.Add([]byte("{\"source\":\"pos\",\"alias\":\"a\"}\n\n{\"source\":\"web\",\"alias\":\"\\u0000\"}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		u, err := identity.ReadUndone(bytes.NewReader(text))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := u.Write(&out); err != nil {
			t.Fatal(err)
		}
		again, err := identity.ReadUndone(&out)
		if err != nil || !slices.Equal(again.Keys(), u.Keys()) {
			t.Fatalf("%v written and read is %v, %v", u.Keys(), again, err)
		}
	})
}

// rows is a reader of rows held in memory.
type rows struct {
	left []data.Row
	err  error
}

func (r *rows) Read(into []data.Row) (int, error) {
	n := copy(into, r.left[:min(2, len(r.left))])
	r.left = r.left[n:]
	if n == 0 {
		return 0, r.err
	}
	return n, nil
}

func (*rows) Close() error { return nil }

func TestReadLinks(t *testing.T) {
	schema, _ := data.SchemaOf(data.Identities)
	row := func(source, alias, user string, ts data.Value) data.Row {
		return data.Row{data.String(source), data.String(alias), data.String(user), ts}
	}
	in := []data.Row{row("pos", "a", "u", data.Null), row("web", "b", "u", data.Micros(5)), row("crm", "c", "v", data.Micros(0))}
	got, err := identity.ReadLinks(&rows{in, io.EOF}, schema)
	want := []identity.Link{{"pos", "a", "u", false, 0}, {"web", "b", "u", true, 5}, {"crm", "c", "v", true, 0}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	broken := errors.New("disk")
	if _, err := identity.ReadLinks(&rows{in, broken}, schema); !errors.Is(err, broken) || !strings.Contains(err.Error(), "after row 3") {
		t.Error(err)
	}
	if _, err := identity.ReadLinks(&rows{in, io.EOF}, data.Schema{Table: "identities"}); err == nil {
		t.Error("a table without columns is read")
	}
}

// BenchmarkResolve reports nanoseconds a link at one size and at ten times that:
// near-linear means that the ratio stays near 1.
func BenchmarkResolve(b *testing.B) {
	perLink := map[int]float64{}
	for _, n := range []int{20_000, 200_000} {
		links := make([]identity.Link, n)
		for i := range links {
			links[i] = link("pos", fmt.Sprint("p", i), fmt.Sprint("u", i/3))
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				identity.Resolve(links, asOf)
			}
			perLink[n] = float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(n)
			b.ReportMetric(perLink[n], "ns/link")
			if n > 20_000 && perLink[20_000] > 0 {
				b.ReportMetric(perLink[n]/perLink[20_000], "ratio")
			}
		})
	}
}
