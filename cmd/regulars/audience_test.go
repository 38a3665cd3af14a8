package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/cmd/regulars/config"
	"regulars/data/durable"
	"regulars/models/snapshot"
	"regulars/serving/events"
)

// smallShop is a workspace with a snapshot of three customers, one of whom has
// opted out, and with two audiences that have names.
func smallShop(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const yaml = `audiences:
  slipping:
    filter: score.churn > 0.6
    sort: -score.churn
    columns: [churn_probability, region]
  broken:
    filter: user.gone > 1
`
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "snapshots")
	customer := func(churn float64, region string, out bool) snapshot.User {
		return snapshot.User{Profile: []snapshot.Value{snapshot.StringValue(region), snapshot.BoolValue(out)},
			Scores: &snapshot.Scores{Churn: &snapshot.Churn{Probability: churn, Percentile: .5, Band: "high"}, ReturnProbability: 1 - churn}}
	}
	v, err := snapshot.Publish(root, durable.FS{}, snapshot.Info{CreatedAt: "2011-12-08T03:00:00Z", AsOf: "2011-12-08T00:00:00Z", HorizonDays: 90, Strategies: []string{"s"},
		UserFields: []snapshot.Field{{Name: "region", Kind: snapshot.String}, {Name: "opt_out", Kind: snapshot.Bool}}}, func(w *snapshot.Writer) error {
		return errors.Join(w.Items([]snapshot.Item{{ID: "a"}}), w.Popular(nil),
			w.User("ann", customer(.7, "north", false)), w.User("bob", customer(.9, "=south", false)), w.User("out", customer(.8, "west", true)))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := snapshot.SetCurrent(root, durable.FS{}, v); err != nil {
		t.Fatal(err)
	}
	return dir
}

// typed runs a command line.
func typed(args ...string) (stdout, stderr string, err error) {
	var out, told bytes.Buffer
	root := newRoot(&out, &told)
	root.SetArgs(args)
	err = root.Execute()
	return out.String(), told.String(), err
}

func TestAudienceCommands(t *testing.T) {
	dir := smallShop(t)
	file := filepath.Join(dir, "slipping.csv")
	const csv = "user_id,churn_probability,region\r\nbob,0.9,'=south\r\nann,0.7,north\r\n"
	for line, want := range map[string]string{
		"export slipping --format csv":                                   csv,
		"export --filter score.churn<.8 --columns region":                `{"user_id":"ann","region":"north"}` + "\n",
		"export --sort -user_id --limit 1 --columns region --format csv": "user_id,region\r\nbob,'=south\r\n",
		"count slipping":                      "2\n",
		"count --include opted_out":           "3\n",
		"count --filter score.churn>1 --json": "{\n  \"count\": 0\n}\n",
	} {
		out, _, err := typed(append(append([]string{"audience"}, strings.Fields(line)...), "--workspace", dir)...)
		if err != nil || out != want {
			t.Errorf("%s: %q, error %v", line, out, err)
		}
	}
	out, told, err := typed("audience", "export", "slipping", "--out", file, "--workspace", dir) // whose name says the format
	text, read := os.ReadFile(file)
	if err := errors.Join(err, read); err != nil || out != "" || string(text) != csv || !strings.HasPrefix(told, "2 rows of snapshot 2011-12-08-") {
		t.Errorf("%q, told %q, file %q, error %v", out, told, text, err)
	}
	out, _, err = typed("audience", "list", "--workspace", dir)
	if err != nil || !strings.Contains(out, "slipping  2          score.churn > 0.6\n") || !strings.Contains(out, `broken    ?          filter: user has no field "gone"`) {
		t.Errorf("%s, error %v", out, err)
	}
}

// Who has unsubscribed since the snapshot is in no file that is written to by that channel.
func TestUnsubscribedAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "snapshots")
	agreed := snapshot.User{Profile: []snapshot.Value{snapshot.BoolValue(true)}}
	v, err := snapshot.Publish(root, durable.FS{}, snapshot.Info{CreatedAt: "2011-12-08T03:00:00Z", AsOf: "2011-12-08T00:00:00Z", HorizonDays: 90, Strategies: []string{"s"},
		UserFields: []snapshot.Field{{Name: "consent_email", Kind: snapshot.Bool}}}, func(w *snapshot.Writer) error {
		return errors.Join(w.Items([]snapshot.Item{{ID: "a"}}), w.Popular(nil), w.User("ann", agreed), w.User("bob", agreed))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := snapshot.SetCurrent(root, durable.FS{}, v); err != nil {
		t.Fatal(err)
	}
	count := func(want string) {
		t.Helper()
		if out, _, err := typed("audience", "count", "--channel", "email", "--workspace", dir); err != nil || out != want {
			t.Errorf("%q, %v, want %q", out, err, want)
		}
	}
	count("2\n")
	log, err := events.Open(filepath.Join(dir, events.FileName), events.Options{})
	if err != nil {
		t.Fatal(err)
	}
	res, err := log.Contacts(t.Context(), []json.RawMessage{json.RawMessage(
		`{"contact_id":"c","campaign_id":"k","user_id":"bob","channel":"email","arm":"a","unsubscribed_at":"2011-12-09T08:00:00Z"}`)})
	if err := errors.Join(err, log.Close()); err != nil || res.Accepted != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	count("1\n")
}

func TestAudienceCommandsRefuse(t *testing.T) {
	dir := smallShop(t)
	file := filepath.Join(dir, "none.csv")
	for line, want := range map[string]string{
		"count --filter score.chrun>1":     "line 1, column 7",
		"count slipping --filter true":     "--filter",
		"count --filter=":                  "--filter is empty",
		"count --channel=":                 "--channel is empty",
		"count slipping --limit 3":         "--limit",
		"count nobody":                     `no audience "nobody"`,
		"export --format xlsx":             "--format",
		"export --lang fr":                 "--lang",
		"export --sort nope --out " + file: "nope",
		"export --limit -1":                "limit",
		"count a b":                        "name of an audience",
	} {
		var usage usageError
		_, _, err := typed(append(append([]string{"audience"}, strings.Fields(line)...), "--workspace", dir)...)
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
	if _, _, err := typed("audience", "count", "--since", "2010-01-01-00000000", "--workspace", dir); err == nil || !strings.Contains(err.Error(), "no such snapshot") {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file is there though nothing was exported")
	}
	if _, _, err := typed("audience", "count", "--workspace", t.TempDir()); err == nil || !strings.Contains(err.Error(), "regulars run pipeline") {
		t.Error(err)
	}
}

func TestAFilterThatCannotBeReadStopsTheServer(t *testing.T) {
	dir := smallShop(t)
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte("audiences:\n  slipping:\n    filter: score.churn >> 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := typed("serve", "--addr", "127.0.0.1:0", "--workspace", dir)
	if err == nil || !strings.Contains(err.Error(), "audiences.slipping.filter") || !strings.Contains(err.Error(), "column 14") {
		t.Error(err)
	}
}
