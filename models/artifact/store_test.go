package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/data/durable"
)

// clock ticks a minute a call, so that no two versions are of one time.
func clock() func() time.Time {
	t := time.Date(2011, 12, 8, 3, 0, 0, 0, time.UTC)
	return func() time.Time { t = t.Add(time.Minute); return t }
}

func newStore(t testing.TB, disk durable.FS) *Store {
	t.Helper()
	return NewStore(filepath.Join(t.TempDir(), "models"), disk, clock())
}

func writing(files ...string) func(dir string) error {
	return func(dir string) error {
		for i, text := range files {
			path := filepath.Join(dir, "part", fmt.Sprintf("f%d.txt", i))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				return err
			}
		}
		return nil
	}
}

func manifest() Manifest {
	return Manifest{Name: "churn", Kind: "logistic", AsOf: "2011-12-08", Options: json.RawMessage(`{"l2": 1, "name": "a<b"}`),
		Data: Fingerprint{Files: 2, Rows: 10, Checksum: "abc"}, Metrics: json.RawMessage(`{"auc":{"value":0.77}}`)}
}

func publish(t testing.TB, s *Store, m Manifest, files ...string) string {
	t.Helper()
	v, err := s.Publish(m, writing(files...))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPublishNamesByContent(t *testing.T) {
	s := newStore(t, durable.FS{})
	first := publish(t, s, manifest(), "one", "two")
	if !strings.HasPrefix(first, "2011-12-08-") || len(first) != len("2011-12-08-")+8 {
		t.Errorf("version %q is not <as_of>-<8 hex>", first)
	}
	before, err := s.Open("churn", first)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(before.Path("part/f1.txt")); err != nil || string(text) != "two" {
		t.Errorf("part/f1.txt holds %q, %v", text, err)
	}
	again := manifest()
	again.Parent = first // the champion by then; not content
	if v := publish(t, s, again, "one", "two"); v != first {
		t.Errorf("the same content is version %s, first %s", v, first)
	}
	after, err := s.Open("churn", first)
	if err != nil || after.CreatedAt != before.CreatedAt || after.Parent != "" {
		t.Errorf("publishing again rewrote the manifest: %+v, %v", after, err)
	}
	changes := map[string]func(*Manifest){
		"kind":    func(m *Manifest) { m.Kind = "forest" },
		"options": func(m *Manifest) { m.Options = json.RawMessage(`{"l2":2}`) },
		"data":    func(m *Manifest) { m.Data.Checksum = "abd" },
		"metrics": func(m *Manifest) { m.Metrics = nil },
	}
	for name, change := range changes {
		m := manifest()
		change(&m)
		if v := publish(t, s, m, "one", "two"); v == first {
			t.Errorf("other %s gave the same version", name)
		}
	}
	if v := publish(t, s, manifest(), "one", "tow"); v == first {
		t.Error("another file gave the same version")
	}
	list, _, err := s.List("churn")
	if err != nil || len(list) != 2+len(changes) || list[0].Version != first {
		t.Errorf("list has %d versions, %v", len(list), err)
	}
}

func TestPublishRefuses(t *testing.T) {
	cases := map[string]struct {
		change func(*Manifest)
		fill   func(string) error
		want   string
	}{
		"path as name":  {change: func(m *Manifest) { m.Name = "../x" }, want: `"../x" is not a name`},
		"no as_of":      {change: func(m *Manifest) { m.AsOf = "yesterday" }, want: `as_of "yesterday" is neither a date`},
		"bad options":   {change: func(m *Manifest) { m.Options = json.RawMessage(`{`) }, want: "options are not JSON"},
		"fill fails":    {fill: func(string) error { return errors.New("disk on fire") }, want: "publishing churn: disk on fire"},
		"own manifest":  {fill: func(d string) error { return os.WriteFile(filepath.Join(d, ManifestName), nil, 0o644) }, want: `"manifest.json" cannot be published`},
		"symbolic link": {fill: func(d string) error { return os.Symlink("/etc/hosts", filepath.Join(d, "l")) }, want: `"l" cannot be published`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, m := newStore(t, durable.FS{}), manifest()
			if c.change != nil {
				c.change(&m)
			}
			if c.fill == nil {
				c.fill = writing("x")
			}
			if _, err := s.Publish(m, c.fill); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if left, _ := filepath.Glob(filepath.Join(s.root, "churn", "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestOpenFindsDamage(t *testing.T) {
	edit := func(name string, change func([]byte) []byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, change(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	replace := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte { return []byte(strings.Replace(string(b), old, new, 1)) }
	}
	cases := map[string]struct {
		damage func(t *testing.T, dir string)
		wraps  error
		want   string
	}{
		"flipped byte":    {edit("part/f1.txt", func(b []byte) []byte { b[0] ^= 1; return b }), ErrDamaged, "f1.txt has a checksum other than published"},
		"cut":             {edit("part/f1.txt", func(b []byte) []byte { return b[:1] }), ErrDamaged, "f1.txt has 1 bytes, published with 3"},
		"file gone":       {func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "part/f0.txt")) }, ErrDamaged, "f0.txt is missing"},
		"manifest gone":   {func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, ManifestName)) }, ErrDamaged, "manifest.json is missing"},
		"manifest cut":    {edit(ManifestName, func(b []byte) []byte { return b[:len(b)/2] }), ErrDamaged, "is not a manifest"},
		"metric improved": {edit(ManifestName, replace("0.77", "0.99")), ErrDamaged, "is not the manifest that was published"},
		"later format":    {edit(ManifestName, replace(`"format_version": 1`, `"format_version": 2`)), ErrFormat, "has format 2, this program reads 1"},
		"other folder name": {func(t *testing.T, dir string) { // a copy under another version
			if err := os.Rename(dir, dir[:len(dir)-1]); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(dir, os.DirFS(dir[:len(dir)-1])); err != nil {
				t.Fatal(err)
			}
			text, _ := os.ReadFile(filepath.Join(dir, ManifestName))
			os.WriteFile(filepath.Join(dir, ManifestName), replace(`"version": "2011`, `"version": "2012`)(text), 0o644)
		}, ErrDamaged, "is not the manifest that was published"},
		"gone": {func(t *testing.T, dir string) { os.RemoveAll(dir) }, ErrNotFound, "not found"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, durable.FS{})
			v := publish(t, s, manifest(), "one", "two")
			c.damage(t, filepath.Join(s.root, "churn", v))
			_, err := s.Open("churn", v)
			if !errors.Is(err, c.wraps) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q wrapping %v", err, c.want, c.wraps)
			}
			if err := s.Promote("churn", v); !errors.Is(err, c.wraps) {
				t.Errorf("promoting it: %v", err)
			}
		})
	}
}

// TestOpenToleratesLaterFields reads a manifest with a field that this program
// does not know, but that is part of the content.
func TestOpenToleratesLaterFields(t *testing.T) {
	type later struct {
		Manifest
		Licence string `json:"licence"`
	}
	s, m := newStore(t, durable.FS{}), later{manifest(), "CC0"}
	m.FormatVersion = FormatVersion
	v, err := PublishFolder(durable.FS{}, s.dir("churn"), Folder{AsOf: m.AsOf, Fill: writing("x"),
		Manifest: func(files []FileEntry) (any, error) { m.Files = files; return m, nil },
		Named:    func(version string) any { m.Version = version; return m }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open("churn", v); err != nil {
		t.Error(err)
	}
}

// TestPublishSurvivesFaults stops a publication at every step it has and finds
// the store as it was, and able to publish after cleaning up.
func TestPublishSurvivesFaults(t *testing.T) {
	stop := errors.New("stopped")
	for step := 0; ; step++ {
		at, last := 0, durable.Op("")
		s := newStore(t, durable.FS{Fault: func(op durable.Op, path string) error {
			if at++; at > step && last == "" {
				last = op
				return stop
			}
			return nil
		}})
		_, err := s.Publish(manifest(), writing("one"))
		if last == "" {
			if step < 6 {
				t.Fatalf("only %d steps were tried", step)
			}
			return
		}
		if !errors.Is(err, stop) {
			t.Fatalf("step %d (%s): %v", step, last, err)
		}
		list, _, err := s.List("churn")
		if err != nil {
			t.Fatalf("step %d (%s): %v", step, last, err)
		}
		for _, m := range list { // after the rename the version is whole
			if _, err := s.Open("churn", m.Version); err != nil {
				t.Errorf("step %d (%s): %v", step, last, err)
			}
		}
		if err := s.CleanUp(); err != nil {
			t.Fatal(err)
		}
		v, err := s.Publish(manifest(), writing("one"))
		if err != nil {
			t.Fatalf("step %d: publishing afterwards: %v", step, err)
		}
		if _, err := s.Open("churn", v); err != nil {
			t.Error(err)
		}
	}
}

func TestChampion(t *testing.T) {
	s := newStore(t, durable.FS{})
	a, b := publish(t, s, manifest(), "a"), publish(t, s, manifest(), "b")
	if _, ok, err := s.Champion("churn"); ok || err != nil {
		t.Fatalf("a champion before any was promoted: %v %v", ok, err)
	}
	if _, err := s.Rollback("churn"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "churn has no champion before") {
		t.Errorf("rollback of nothing: %v", err)
	}
	for _, v := range []string{a, b, b} {
		if err := s.Promote("churn", v); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove("churn", b); err == nil {
		t.Error("the champion was removed")
	}
	if v, ok, err := s.Previous("churn"); v != a || !ok || err != nil {
		t.Errorf("previous is %s %v %v, want %s", v, ok, err, a)
	}
	if v, err := s.Rollback("churn"); v != a || err != nil {
		t.Errorf("rolled back to %s, %v, want %s", v, err, a)
	}
	if text, _ := os.ReadFile(filepath.Join(s.root, "churn", "champion")); string(text) != a+"\n" {
		t.Errorf("the alias holds %q", text)
	}
	if _, err := s.Rollback("churn"); !errors.Is(err, ErrNotFound) {
		t.Errorf("rollback beyond the first: %v", err)
	}
	if err := s.Promote("churn", "2011-12-08-00000000"); !errors.Is(err, ErrNotFound) {
		t.Errorf("promoting what is not there: %v", err)
	}
	if err := s.Remove("churn", b); err != nil {
		t.Error(err)
	}
	if names, err := s.Names(); err != nil || len(names) != 1 || names[0] != "churn" {
		t.Errorf("names %v, %v", names, err)
	}
}

// TestChampionFollowsAStack drives promotions and rollbacks, any of which may be
// cut short at any step, against a plain stack of versions.
func TestChampionFollowsAStack(t *testing.T) {
	stop := errors.New("stopped")
	rapid.Check(t, func(rt *rapid.T) {
		left := -1 // steps until the fault; negative: none
		s := newStore(t, durable.FS{Fault: func(durable.Op, string) error {
			if left--; left == 0 {
				return stop
			}
			return nil
		}})
		versions := []string{publish(t, s, manifest(), "a"), publish(t, s, manifest(), "b"), publish(t, s, manifest(), "c")}
		var stack []string
		for range rapid.IntRange(1, 12).Draw(rt, "actions") {
			next := stack
			var err error
			left = rapid.IntRange(-1, 12).Draw(rt, "fault")
			if rapid.Bool().Draw(rt, "promote") {
				v := rapid.SampledFrom(versions).Draw(rt, "version")
				if err = s.Promote("churn", v); len(stack) == 0 || stack[len(stack)-1] != v {
					next = append(stack[:len(stack):len(stack)], v)
				}
			} else if _, err = s.Rollback("churn"); len(stack) > 1 {
				next = stack[:len(stack)-1]
			} else if err == nil {
				rt.Fatal("rolled back beyond the first champion")
			}
			left = -1
			have, ok, readErr := s.Champion("churn")
			if readErr != nil || ok != (have != "") {
				rt.Fatal(have, ok, readErr)
			}
			switch { // before the alias is renamed the old state holds, after it the new
			case top(next) == have:
				stack = next
			case err == nil || top(stack) != have:
				rt.Fatalf("champion %q after %v, want %q", have, err, top(next))
			}
			if prev, ok, err := s.Previous("churn"); err != nil || ok != (len(stack) > 1) || ok && prev != stack[len(stack)-2] {
				rt.Fatalf("previous %q %v %v of %v", prev, ok, err, stack)
			}
		}
	})
}

func top(stack []string) string {
	if len(stack) == 0 {
		return ""
	}
	return stack[len(stack)-1]
}

// TestListSurvivesDamage: what cannot be read is named, and hides nothing else.
func TestListSurvivesDamage(t *testing.T) {
	s := newStore(t, durable.FS{})
	good, cut, later := publish(t, s, manifest(), "a"), publish(t, s, manifest(), "b"), publish(t, s, manifest(), "c")
	edit := func(version string, change func(text string) string) {
		path := filepath.Join(s.dir("churn"), version, ManifestName)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(change(string(text))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	edit(cut, func(text string) string { return text[:9] })
	edit(later, func(text string) string {
		return strings.Replace(text, `"format_version": 1`, `"format_version": 9`, 1)
	})
	if err := os.Mkdir(filepath.Join(s.dir("churn"), "notes"), 0o755); err != nil {
		t.Fatal(err)
	}
	list, damaged, err := s.List("churn")
	if err != nil || len(list) != 1 || list[0].Version != good || !slices.Equal(damaged, []string{cut, "notes"}) {
		t.Errorf("list %v, damaged %v, %v", list, damaged, err)
	}
	if removed, err := s.Prune("churn", 1, nil); err != nil || len(removed) != 0 {
		t.Errorf("pruning removed %v, %v", removed, err)
	}
}

func TestPrune(t *testing.T) {
	published := func(t *testing.T) (*Store, []string) {
		s := newStore(t, durable.FS{})
		var versions []string
		for i := range 6 {
			versions = append(versions, publish(t, s, manifest(), fmt.Sprint(i)))
		}
		return s, versions
	}
	cases := map[string]struct {
		promote []int
		inUse   []int
		keep    int
		removed []int // in this order
	}{
		"nobody's":                 {keep: 2, removed: []int{0, 1, 2, 3}},
		"no keep is one":           {keep: 0, removed: []int{0, 1, 2, 3, 4}},
		"more than there are":      {keep: 7},
		"the champion":             {promote: []int{1}, keep: 2, removed: []int{0, 2, 3}},
		"champions past":           {promote: []int{2, 0, 5}, keep: 1, removed: []int{1, 3, 4}},
		"in use":                   {inUse: []int{3, 5}, keep: 1, removed: []int{0, 1, 2, 4}},
		"champion among the kept":  {promote: []int{5}, keep: 3, removed: []int{0, 1, 2}},
		"champion and use at once": {promote: []int{0, 1}, inUse: []int{1, 2}, keep: 2, removed: []int{3}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, versions := published(t)
			for _, i := range c.promote {
				if err := s.Promote("churn", versions[i]); err != nil {
					t.Fatal(err)
				}
			}
			removed, err := s.Prune("churn", c.keep, func(v string) bool {
				return slices.Contains(c.inUse, slices.Index(versions, v))
			})
			var want, left []string
			for i, v := range versions {
				if slices.Contains(c.removed, i) {
					want = append(want, v)
				} else {
					left = append(left, v)
				}
			}
			if err != nil || !slices.Equal(removed, want) {
				t.Errorf("removed %v, %v, want %v", removed, err, want)
			}
			slices.Sort(left)
			if have, err := Versions(s.dir("churn")); err != nil || !slices.Equal(have, left) {
				t.Errorf("left %v, %v, want %v", have, err, left)
			}
		})
	}
}

// TestPruneKeepsAnUnfinishedPromotion: what the log names beyond the champion
// is of a promotion cut short, which may be repeated.
func TestPruneKeepsAnUnfinishedPromotion(t *testing.T) {
	s := newStore(t, durable.FS{})
	a, b := publish(t, s, manifest(), "a"), publish(t, s, manifest(), "b")
	publish(t, s, manifest(), "c")
	log := "2011-12-08T03:00:00Z " + a + "\n2011-12-08T04:00:00Z " + b + "\n"
	for name, text := range map[string]string{"champion": a + "\n", "champion.log": log} {
		if err := os.WriteFile(filepath.Join(s.dir("churn"), name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if removed, err := s.Prune("churn", 1, nil); err != nil || len(removed) != 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
	if err := os.WriteFile(s.log("churn"), []byte("torn"), 0o644); err != nil {
		t.Fatal(err)
	}
	if removed, err := s.Prune("churn", 1, nil); err == nil || len(removed) != 0 {
		t.Errorf("with a log that cannot be read it removed %v, %v", removed, err)
	}
}

func FuzzReadManifest(f *testing.F) {
	f.Add([]byte(`{"format_version":1,"version":"2011-12-08-00000000","as_of":"2011-12-08","files":[{"name":"../../etc/passwd"}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := filepath.Join(t.TempDir(), "2011-12-08-00000000")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, ManifestName), text, 0o644); err != nil {
			t.Fatal(err)
		}
		var m Manifest
		if err := ReadManifest(dir, FormatVersion, &m); err == nil {
			t.Errorf("a manifest passed that is not what its name was made from: %q", text)
		}
	})
}
