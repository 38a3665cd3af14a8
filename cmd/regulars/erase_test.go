package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/cmd/regulars/config"
	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
	"regulars/data/privacy"
	"regulars/models/snapshot"
)

// zebra is an id that stands nowhere by chance.
const zebra = "zebra-7731-erase-me"

// zebraFiles are what a shop might bring of the zebra: orders under one id,
// events under another, and the link between them.
var zebraFiles = map[data.Table]string{
	data.Orders: "order_id,user_id,item_id,ts,quantity,unit_price,is_return\n" +
		"z1," + zebra + ",i00001,2025-06-01T10:00:00Z,1,9.50,false\n" +
		"z2," + zebra + ",i00002,2025-09-01T10:00:00Z,2,4.00,false\n" +
		"z3," + zebra + ",i00001,2025-12-20T10:00:00Z,1,9.50,false\n" +
		"z4," + zebra + ",i00001,not a time,1,9.50,false\n",
	data.Events: "event_id,user_id,session_id,item_id,ts,type\n" +
		"ze1," + zebra + "-app,,i00003,2025-12-01T10:00:00Z,view\n" +
		"ze2," + zebra + "-app," + zebra + "-visit,i00003,2025-12-02T10:00:00Z,view\n" +
		"ze3,," + zebra + "-visit,i00004,2025-12-02T09:59:00Z,view\n",
	data.Users:      "user_id,region,referrer_id\n" + zebra + ",north,\nfriend-of-zebra," + "south," + zebra + "\n",
	data.Identities: "source,alias,user_id\napp," + zebra + "-app," + zebra + "\n",
}

// zebraShop is a workspace whose published snapshot knows the zebra.
func zebraShop(t *testing.T) (dir string, files map[data.Table]string) {
	t.Helper()
	dir = t.TempDir()
	short := "training:\n  train_dates: 2\nserve:\n  addr: 127.0.0.1:0\n"
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(short), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "generate", "--workspace", dir, "--users", "200", "--items", "40")
	files, outside := map[data.Table]string{}, t.TempDir()
	for table, text := range zebraFiles {
		files[table] = filepath.Join(outside, string(table)+".csv")
		if err := os.WriteFile(files[table], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		mustRun(t, "import", "csv", "--workspace", dir, "--table", string(table), files[table])
	}
	mustRun(t, "run", "pipeline", "--workspace", dir)
	exports := filepath.Join(dir, "exports")
	if err := os.Mkdir(exports, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(exports, "lapsed.csv"), []byte("user_id,note\nsomebody,x\n"+zebra+",\"two\nlines\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, files
}

// holders returns the files that hold a text, in their bytes or, of Parquet, in
// what the bytes stand for.
func holders(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(path, ".parquet") {
			b = append(b, decoded(t, path)...)
		}
		if bytes.Contains(b, []byte(text)) || strings.Contains(path, text) {
			found = append(found, strings.TrimPrefix(path, dir+"/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// decoded returns all values of a Parquet file as text.
func decoded(t *testing.T, path string) (text []byte) {
	t.Helper()
	p, err := lake.OpenParquet(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var names []string
	var columns []int
	for i, c := range p.Columns() {
		if c.Kind == data.KindNull {
			t.Fatalf("%s: column %s cannot be searched", path, c.Name)
		}
		names, columns = append(names, c.Name), append(columns, i)
	}
	r, err := p.Reader(columns)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows := make([]data.Row, 512)
	for {
		n, err := r.Read(rows)
		if err == io.EOF {
			return text
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[:n] {
			text = append(text, lake.RowJSON(names, row)...)
		}
	}
}

// request sends a request without a body and returns status and answer.
func request(t *testing.T, method, address string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// tellServer sends a JSON body and wants the status.
func tellServer(t *testing.T, address, body string, want int) string {
	t.Helper()
	resp, err := http.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Fatalf("POST %s: %d %s (%v), want %d", address, resp.StatusCode, text, err, want)
	}
	return string(text)
}

// tellOfZebra has a server know the zebra by what it does: as a customer, as an
// alias that nobody has heard of, and in sessions.
func tellOfZebra(t *testing.T, dir, address string) {
	t.Helper()
	tellServer(t, address+"/v1/identities", `{"identities":[{"source":"pos","alias":"`+zebra+`-card","user_id":"`+zebra+`"},{"session_id":"`+zebra+`-tab","user_id":"`+zebra+`"}]}`, 200)
	tellServer(t, address+"/v1/events", `{"events":[{"type":"view","user_id":"`+zebra+`","item_id":"i00001"},{"type":"view","session_id":"`+zebra+`-tab","item_id":"i00002"},
		{"type":"view","user_id":"`+zebra+`-card","item_id":"i00003"},{"type":"view","user_id":"somebody","item_id":"i00003"}]}`, 202)
	for _, who := range []string{zebra + "/recommendations?k=3", zebra + "-app/recommendations?k=3", "u000001/recommendations?k=3"} {
		if code, text := request(t, "GET", address+"/v1/users/"+who); code != 200 {
			t.Fatalf("%d %s", code, text)
		}
	}
	tellServer(t, address+"/v1/recommendations", `{"session_id":"`+zebra+`-tab","k":3}`, 200)
	awaitLists(t, dir, 4)
}

// awaitLists waits until so many lists are written down, and returns what is.
func awaitLists(t *testing.T, dir string, n int) (all string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(dir, servedFolder, "*.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		all = ""
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all += string(text)
		}
		if strings.Count(all, "\n") >= n {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d lists are written down, want %d:\n%s", strings.Count(all, "\n"), n, all)
		}
	}
}

// expectUnknown wants the zebra to be served as anybody whom nobody knows, and
// nothing of it to be taken in or written down.
func expectUnknown(t *testing.T, dir, address string) {
	t.Helper()
	for _, id := range []string{zebra, zebra + "-app", zebra + "-card"} {
		if code, text := request(t, "GET", address+"/v1/users/"+id+"/scores"); code != 404 {
			t.Errorf("scores: %d %s", code, text)
		}
		if code, text := request(t, "GET", address+"/v1/users/"+id+"/recommendations?k=3"); code != 200 || strings.Count(text, `"strategy":"popular"`) != 3 || !strings.Contains(text, `"fallback":true`) {
			t.Errorf("recommendations: %d %s", code, text)
		}
	}
	batch := tellServer(t, address+"/v1/scores/batch", `{"user_ids":["`+zebra+`","u000001"]}`, 200)
	if !strings.Contains(batch, `"unknown_users":["`+zebra+`"]`) {
		t.Errorf("scores of several: %s", batch)
	}
	if code, text := request(t, "GET", address+"/v1/audiences?format=jsonl&include=opted_out,suppressed"); code != 200 || strings.Contains(text, zebra) || !strings.Contains(text, "u000001") {
		t.Errorf("audience: %d %.300s", code, text)
	}
	if export := mustRun(t, "audience", "export", "--workspace", dir); strings.Contains(export, zebra) || !strings.Contains(export, "u000001") {
		t.Errorf("audience by command: %.300s", export)
	}
	taken := tellServer(t, address+"/v1/events", `{"events":[{"type":"view","user_id":"`+zebra+`","item_id":"i00001"},{"type":"view","session_id":"`+zebra+`-tab","item_id":"i00002"}]}`, 400)
	if strings.Contains(taken, zebra) {
		t.Errorf("events: %s", taken)
	}
	tellServer(t, address+"/v1/users/"+zebra+"/opt-out", `{"personalization":false}`, 404)
	// Asked for again, it is the same erasure; of nobody there is none.
	if code, text := request(t, "DELETE", address+"/v1/users/"+zebra); code != 200 || !strings.Contains(text, `"status":"done"`) {
		t.Errorf("erased again: %d %s", code, text)
	}
	for _, method := range []string{"DELETE", "GET"} {
		path := map[string]string{"DELETE": "", "GET": "/data"}[method]
		if code, text := request(t, method, address+"/v1/users/no%2Fbody%E8%8C%B6"+path); code != 404 || !strings.Contains(text, `"title":"Not Found"`) {
			t.Errorf("%s of nobody: %d %s", method, code, text)
		}
	}
}

// expectOptedOut has a customer refuse personalisation and wants that to hold at once.
func expectOptedOut(t *testing.T, dir, address, id string) {
	t.Helper()
	ask := address + "/v1/users/" + id
	if code, text := request(t, "GET", ask+"/recommendations?k=3"); code != 200 || !strings.Contains(text, `"fallback":false`) {
		t.Errorf("before: %d %s", code, text)
	}
	tellServer(t, ask+"/opt-out", `{"personalization":false}`, 200)
	if code, text := request(t, "GET", ask+"/recommendations?k=3"); code != 200 || strings.Count(text, `"strategy":"popular"`) != 3 {
		t.Errorf("recommendations: %d %s", code, text)
	}
	if code, text := request(t, "GET", ask+"/scores"); code != 200 || !strings.Contains(text, `"churn":null`) || !strings.Contains(text, "personali") {
		t.Errorf("scores: %d %s", code, text)
	}
	for include, want := range map[string]bool{"": false, "&include=opted_out": true} {
		if code, text := request(t, "GET", address+"/v1/audiences?format=jsonl"+include); code != 200 || strings.Contains(text, `"user_id":"`+id+`"`) != want {
			t.Errorf("audience%s: %d %.300s", include, code, text)
		}
	}
	if export := mustRun(t, "audience", "export", "--workspace", dir); strings.Contains(export, `"user_id":"`+id+`"`) {
		t.Errorf("audience by command names %s", id)
	}
}

// TestErasedPersonIsNowhere goes through the life of an erasure: everything that
// is held is told; a request while a job is at work is recorded; once the job has
// ended nothing of the person is left in any byte of the workspace; nor does it
// come back by another import, a rollback or another run.
func TestErasedPersonIsNowhere(t *testing.T) {
	if testing.Short() {
		t.Skip("runs two pipelines")
	}
	dir, files := zebraShop(t)
	if found := holders(t, dir, zebra); len(found) < 20 {
		t.Errorf("before, only these hold the id: %q", found)
	}
	// A process of its own: reading the files of a database, as this test does, frees
	// the locks that its process holds on them.
	address := startServer(t, dir)
	base := address + "/v1/users/"
	awaitStatus(t, http.DefaultClient, base+zebra+"/scores", "", 200)
	tellOfZebra(t, dir, address)
	code, all := request(t, "GET", base+zebra+"-app/data")
	var held struct {
		IDs  []string `json:"ids"`
		Held []struct {
			Where string            `json:"where"`
			Rows  []json.RawMessage `json:"rows"`
		} `json:"held"`
	}
	if err := json.Unmarshal([]byte(all), &held); err != nil || code != 200 || len(held.IDs) != 3 {
		t.Fatalf("%d %s (%v)", code, all, err)
	}
	places := map[string]int{}
	for _, h := range held.Held {
		places[h.Where] += len(h.Rows)
	}
	snap := "snapshots/" + currentVersion(t, dir)
	for where, want := range map[string]int{"lake/orders": 3, "lake/events": 3, "lake/users": 1, "lake/users.referrer_id": 1, "lake/identities": 1,
		"quarantine/orders": 1, "events.db/events": 3, "events.db/identities": 2, "served": 3, "exports": 1, snap: 1, snap + "/scores.parquet": 1} {
		if places[where] != want {
			t.Errorf("%s holds %d rows, want %d", where, places[where], want)
		}
	}
	if places["features/user/gaps"] == 0 {
		t.Errorf("no feature is held: %v", places)
	}

	expectOptedOut(t, dir, address, "u000002")

	lock, err := durable.AcquireLock(filepath.Join(dir, ".lock")) // a job at work
	if err != nil {
		t.Fatal(err)
	}
	code, pending := request(t, "DELETE", base+zebra+"-app")
	if code != 202 || !strings.Contains(pending, `"status":"pending"`) || strings.Contains(pending, zebra) {
		t.Errorf("beside a job: %d %s", code, pending)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	var receipt privacy.Receipt
	for deadline := time.Now().Add(patience); receipt.Status != privacy.Done; time.Sleep(100 * time.Millisecond) {
		list := mustRun(t, "erase", "--workspace", dir, "--list", "--json")
		var out struct{ Erasures []privacy.Receipt }
		if err := json.Unmarshal([]byte(list), &out); err != nil || len(out.Erasures) != 1 {
			t.Fatalf("%s (%v)", list, err)
		}
		if receipt = out.Erasures[0]; time.Now().After(deadline) {
			t.Fatalf("not finished: %s", list)
		}
	}
	for _, c := range receipt.Removed {
		if int(c.Rows) != places[c.Where] {
			t.Errorf("the receipt says %d rows of %s, held were %d", c.Rows, c.Where, places[c.Where])
		}
	}
	if found := holders(t, dir, zebra); len(found) > 0 {
		t.Errorf("the id is still in %q", found)
	}
	if lists := awaitLists(t, dir, 6); strings.Count(lists, "\n") != 6 || strings.Count(lists, `"user_id"`) != 2 {
		t.Errorf("of six lists, two of them others' by name, there are\n%s", lists)
	}
	expectUnknown(t, dir, address)
	awaitStatus(t, http.DefaultClient, base+zebra+"/scores", "", 404)
	if code, text := request(t, "GET", base+zebra+"/data"); code != 200 || !strings.Contains(text, `"held":[]`) || !strings.Contains(text, receipt.ID) {
		t.Errorf("afterwards %d %s", code, text)
	}

	// It does not come back: not by the same files as another export, nor by a run.
	again := files[data.Orders] + ".csv"
	text, err := os.ReadFile(files[data.Orders])
	if err == nil {
		err = os.WriteFile(again, append(text, "o-new,somebody-new,i00001,2025-12-21T10:00:00Z,1,9.50,false\n"...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	report := mustRun(t, "import", "csv", "--workspace", dir, "--table", "orders", again)
	if !strings.Contains(report, lake.ErasedReason) {
		t.Errorf("the import says nothing of it:\n%s", report)
	}
	mustRun(t, "run", "pipeline", "--workspace", dir)
	if found := holders(t, dir, zebra); len(found) > 0 {
		t.Errorf("the id came back to %q", found)
	}
	if n := mustRun(t, "audience", "count", "--workspace", dir, "--filter", "user.opt_out and user.id == 'u000002'", "--include", "opted_out"); n != "1\n" {
		t.Errorf("the snapshot says of %q of one customer that they refuse personalisation", n)
	}
	mustRun(t, "erase", "--workspace", dir, "--forget", receipt.ID, "--yes")
	if err := os.WriteFile(again, append(text, "o-newer,somebody-new,i00001,2025-12-21T10:00:00Z,1,9.50,false\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "import", "csv", "--workspace", dir, "--table", "orders", again)
	if code, text := request(t, "GET", base+zebra+"/data"); code != 200 || !strings.Contains(text, `"where":"lake/orders"`) {
		t.Errorf("who may come back did not: %d %s", code, text)
	}
	seen := `{"events":[{"type":"view","user_id":"` + zebra + `","item_id":"i00001"}]}`
	for deadline := time.Now().Add(patience / 9); post(address+"/v1/events", seen) != 202; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("events of who may come back are refused")
		}
	}
}

func currentVersion(t *testing.T, dir string) string {
	t.Helper()
	version, ok, err := snapshot.Current(filepath.Join(dir, "snapshots"))
	if err != nil || !ok {
		t.Fatalf("no current snapshot: %v", err)
	}
	return version
}

// A reason may rest on what is not known, for which JSON has no number. What was
// exported into the workspace is written anew.
func TestErasureFromScoresAndExports(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "snapshots")
	info := snapshot.Info{CreatedAt: "2011-12-08T03:00:00Z", AsOf: "2011-12-08T00:00:00Z", HorizonDays: 90, Strategies: []string{"s"},
		Features: []snapshot.Feature{{Name: "gap_mean", With: []string{"orders"}}}}
	v, err := snapshot.Publish(root, durable.FS{}, info, func(w *snapshot.Writer) error {
		scores := &snapshot.Scores{Churn: &snapshot.Churn{Probability: .75, Percentile: .5, Band: "high"}, ReturnProbability: .25,
			Reasons: []snapshot.FeatureReason{{Contribution: .5, Values: []float64{math.NaN(), 1}}}}
		return errors.Join(w.Items([]snapshot.Item{{ID: "a"}}), w.Popular(nil), w.User("ann", snapshot.User{Scores: scores}),
			w.User("bob", snapshot.User{Scores: &snapshot.Scores{Note: "no orders yet"}}))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := snapshot.SetCurrent(root, durable.FS{}, v); err != nil {
		t.Fatal(err)
	}
	exported := filepath.Join(dir, "all.csv")
	mustRun(t, "audience", "export", "--workspace", dir, "--columns", "user_id", "--format", "csv", "--out", exported)
	for id, want := range map[string]string{
		"ann": `"lapsed":false,"method":"","next":null,"note":"","reasons":[{"contribution":0.5,"feature":"gap_mean","values":[null,1]}],"response":null,"return_probability":0.25`,
		"bob": `"hour":null,"method":"","next":null,"note":"no orders yet","reasons":null,"response":null,"returns"`,
	} {
		if held := mustRun(t, "data", "--workspace", dir, id); !strings.Contains(held, want) {
			t.Errorf("of %s is told\n%s", id, held)
		}
		if receipt := mustRun(t, "erase", "--workspace", dir, id); !strings.Contains(receipt, "snapshots/") {
			t.Errorf("the receipt of %s is\n%s", id, receipt)
		}
	}
	if left, err := os.ReadFile(exported); err != nil || string(left) != "user_id\r\n" {
		t.Errorf("of what was exported is left %q (%v)", left, err)
	}
}
