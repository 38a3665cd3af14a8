package events

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/ingest"
	"regulars/data/lake"
)

const forever = 1000 * 24 * time.Hour

// shop is a workspace with a server's store.
type shop struct {
	*Store
	t    *testing.T
	dir  string
	lake *lake.Lake
}

func newShop(t *testing.T, disk durable.FS) *shop {
	t.Helper()
	dir := t.TempDir()
	l, err := lake.Open(dir, disk)
	if err != nil {
		t.Fatal(err)
	}
	return &shop{Store: opened(t, filepath.Join(dir, FileName), Options{}), t: t, dir: dir, lake: l}
}

// flush sends to the lake and returns what became of each table: read/accepted/duplicate.
func (s *shop) flush(now time.Time) string {
	s.t.Helper()
	report, err := s.db.Flush(s.t.Context(), s.lake, now, forever)
	if err != nil {
		s.t.Fatal(err)
	}
	return counts(report)
}

func counts(r lake.Report) string {
	var out []string
	for _, t := range r.Tables {
		out = append(out, fmt.Sprintf("%s %d/%d/%d", t.Table, t.Read, t.Accepted, t.Duplicate))
	}
	return strings.Join(out, ", ")
}

// rows returns a table of the lake as JSON objects without nulls.
func (s *shop) rows(table data.Table) []string {
	s.t.Helper()
	r, schema, err := s.lake.Reader(table)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	var out []string
	for {
		rows := make([]data.Row, 100)
		n, err := r.Read(rows)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			s.t.Fatal(err)
		}
		for _, row := range rows[:n] {
			var names []string
			var values data.Row
			for i, v := range row {
				if !v.IsNull() {
					names, values = append(names, schema.Columns[i].Name), append(values, v)
				}
			}
			out = append(out, lake.RowJSON(names, values))
		}
	}
}

func (s *shop) csv(table data.Table, text string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), string(table)+".csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	report, err := ingest.CSV(s.t.Context(), s.lake, table, nil, []string{path}, ingest.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	return counts(report)
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A purchase becomes an order line, and a later import of that order is known.
func TestPurchasesBecomeOrderLines(t *testing.T) {
	s := newShop(t, durable.FS{})
	tell(t, s.Events,
		`{"event_id":"1","type":"purchase","user_id":"u","item_id":"a","order_id":"o","quantity":2,"unit_price":1.25,"currency":"GBP","channel":"web","ts":"2026-02-28T10:00:00Z"}`,
		`{"event_id":"2","type":"purchase","user_id":"u","item_id":"b","order_id":"o","unit_price":"3","ts":"2026-02-28T10:00:00Z"}`,
		`{"event_id":"3","type":"purchase","user_id":"u","item_id":"c","order_id":"p","line_number":7,"unit_price":4,"is_return":true,"ts":"2026-02-28T11:00:00Z"}`,
		`{"event_id":"4","type":"purchase","user_id":"u","item_id":"c","order_id":"p","unit_price":4,"ts":"2026-02-28T11:00:00Z"}`,
		`{"event_id":"5","type":"purchase","user_id":"u","item_id":"d"}`)
	if got := s.flush(noon); got != "orders 4/4/0, events 5/5/0" {
		t.Errorf("sent %s", got)
	}
	equal(t, "orders", s.rows(data.Orders),
		`{"order_id":"o","line_number":1,"user_id":"u","item_id":"a","ts":"2026-02-28T10:00:00Z","quantity":2,"unit_price":1.2500,"is_return":false,"channel":"web","currency":"GBP"}`,
		`{"order_id":"o","line_number":2,"user_id":"u","item_id":"b","ts":"2026-02-28T10:00:00Z","quantity":1,"unit_price":3.0000,"is_return":false}`,
		`{"order_id":"p","line_number":7,"user_id":"u","item_id":"c","ts":"2026-02-28T11:00:00Z","quantity":1,"unit_price":4.0000,"is_return":true}`,
		`{"order_id":"p","line_number":8,"user_id":"u","item_id":"c","ts":"2026-02-28T11:00:00Z","quantity":1,"unit_price":4.0000,"is_return":false}`)
	if got := s.flush(noon); got != "" {
		t.Errorf("sent again %s", got)
	}
	if got := s.csv(data.Orders, "order_id,line_number,user_id,item_id,ts,quantity,unit_price\no,1,u,a,2026-02-28 10:00,2,1.25\no,2,u,b,2026-02-28 10:00,1,3\nq,1,u,b,2026-02-28 10:00,1,3\n"); got != "orders 3/1/2" {
		t.Errorf("imported %s, want both lines of the order known", got)
	}
	// The other way round: what an import has brought is not brought again.
	tell(t, s.Events, `{"event_id":"6","type":"purchase","user_id":"u","item_id":"b","order_id":"q","unit_price":3}`)
	if got := s.flush(noon); got != "orders 1/0/1, events 1/1/0" {
		t.Errorf("sent %s", got)
	}
}

// An order line waits for its customer; events go with the customer known by then.
func TestSessionsInTheLake(t *testing.T) {
	s := newShop(t, durable.FS{})
	tell(t, s.Events, `{"event_id":"1","type":"view","session_id":"s","item_id":"a","ts":"2026-02-28T10:00:00Z"}`,
		`{"event_id":"2","type":"purchase","session_id":"z","item_id":"a","order_id":"o","unit_price":1,"ts":"2026-02-28T10:00:00Z"}`)
	tell(t, s.Identities, `{"session_id":"s","user_id":"u"}`, `{"source":"pos","alias":"7","user_id":"u","ts":"2026-02-01T00:00:00Z"}`)
	if got := s.flush(noon); got != "events 2/2/0, identities 1/1/0" {
		t.Errorf("sent %s", got)
	}
	equal(t, "events", s.rows(data.Events), `{"event_id":"1","user_id":"u","session_id":"s","item_id":"a","ts":"2026-02-28T10:00:00Z","type":"view"}`,
		`{"event_id":"2","session_id":"z","item_id":"a","ts":"2026-02-28T10:00:00Z","type":"purchase","order_id":"o"}`)
	equal(t, "identities", s.rows(data.Identities), `{"source":"pos","alias":"7","user_id":"u","ts":"2026-02-01T00:00:00Z"}`)
	if waits, err := s.Waiting(t.Context()); err != nil || waits {
		t.Errorf("waiting %v, %v", waits, err)
	}
	tell(t, s.Identities, `{"session_id":"z","user_id":"v"}`)
	if waits, err := s.Waiting(t.Context()); err != nil || !waits {
		t.Errorf("waiting %v, %v", waits, err)
	}
	if got := s.flush(noon); got != "orders 1/1/0" {
		t.Errorf("sent %s", got)
	}
}

func TestContactsWaitToBeComplete(t *testing.T) {
	s := newShop(t, durable.FS{})
	const rest = `,"campaign_id":"k","user_id":"u","channel":"email","ts":"2026-03-01T11:00:00Z"}`
	tell(t, s.Contacts, `{"contact_id":"sent","arm":"a"`+rest, `{"contact_id":"withheld","arm":"control"`+rest, `{"contact_id":"back","arm":"a","bounced_at":"2026-03-01T11:01:00Z"`+rest)
	if got := s.flush(noon); got != "contacts 2/2/0" {
		t.Errorf("sent %s", got)
	}
	tell(t, s.Contacts, `{"contact_id":"sent","opened_at":"2026-03-01T11:30:00Z"}`)
	if got := s.flush(noon.Add(22 * time.Hour)); got != "" {
		t.Errorf("sent before a day was over %s", got)
	}
	if got := s.flush(noon.Add(23 * time.Hour)); got != "contacts 1/1/0" {
		t.Errorf("sent %s", got)
	}
	if got := s.rows(data.Contacts); len(got) != 3 || !strings.Contains(got[2], `"contact_id":"sent"`) || !strings.Contains(got[2], `"opened_at":"2026-03-01T11:30:00Z"`) {
		t.Errorf("contacts %s", got)
	}
}

// Who unsubscribes refuses the channel in the lake as well, however long after the
// message has gone there, once.
func TestUnsubscribedInTheLake(t *testing.T) {
	s := newShop(t, durable.FS{})
	tell(t, s.Contacts, `{"contact_id":"1","campaign_id":"k","user_id":"u","channel":"email","arm":"a","ts":"2026-02-01T08:00:00Z"}`)
	if got := s.flush(noon); got != "contacts 1/1/0" {
		t.Errorf("sent %s", got)
	}
	tell(t, s.Contacts, `{"contact_id":"1","unsubscribed_at":"2026-02-20T09:00:00Z"}`)
	if waits, err := s.Waiting(t.Context()); !waits || err != nil {
		t.Errorf("waits %v, %v", waits, err)
	}
	if got := s.flush(noon); got != "consents 1/1/0" {
		t.Errorf("sent %s", got)
	}
	if waits, err := s.Waiting(t.Context()); waits || err != nil {
		t.Errorf("waits %v, %v", waits, err)
	}
	tell(t, s.Contacts, `{"contact_id":"1","opened_at":"2026-02-20T08:59:00Z"}`)
	if got := s.flush(noon); got != "" {
		t.Errorf("sent again: %s", got)
	}
	equal(t, "consents", s.rows(data.Consents), `{"user_id":"u","channel":"email","granted":false,"ts":"2026-02-20T09:00:00Z"}`)
	// Who agreed again in between, and unsubscribes by the same message, refuses anew.
	tell(t, s.Contacts, `{"contact_id":"1","unsubscribed_at":"2026-02-25T09:00:00Z"}`)
	if waits, err := s.Waiting(t.Context()); !waits || err != nil {
		t.Errorf("waits %v, %v", waits, err)
	}
	if got := s.flush(noon); got != "consents 1/1/0" {
		t.Errorf("sent of a later word %q", got)
	}
}

// Who unsubscribes from a message of long ago is known of until a scoring has had time
// to take that in, however short events are kept.
func TestUnsubscribedLateStays(t *testing.T) {
	dir := t.TempDir()
	l, err := lake.Open(dir, durable.FS{})
	if err != nil {
		t.Fatal(err)
	}
	at := noon
	s := opened(t, filepath.Join(dir, FileName), Options{Now: func() time.Time { return at }})
	tell(t, s.Contacts, `{"contact_id":"1","campaign_id":"k","user_id":"u","channel":"email","arm":"a"}`, `{"contact_id":"2","campaign_id":"k","user_id":"v","channel":"email","arm":"a"}`)
	at = noon.AddDate(0, 0, 2)
	tell(t, s.Contacts, `{"contact_id":"1","unsubscribed_at":"`+at.Format(time.RFC3339)+`"}`)
	for _, c := range []struct {
		later       time.Duration
		left, known int
	}{{2 * time.Hour, 1, 1}, {refusalWait - time.Hour, 1, 1}, {refusalWait + time.Hour, 0, 0}} {
		if _, err := s.db.Flush(t.Context(), l, at.Add(c.later), time.Hour); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := s.db.sql.QueryRow("SELECT count(*) FROM contacts").Scan(&left); err != nil {
			t.Fatal(err)
		}
		alone, err := s.db.Unsubscribed(t.Context())
		if err != nil || len(alone.at) != c.known || left != c.left {
			t.Errorf("after %s %d are known of %d contacts (%v)", c.later, len(alone.at), left, err)
		}
	}
}

// A refusal that is told anew while an earlier one is on its way goes next time.
func TestUnsubscribedWhileSending(t *testing.T) {
	s := newShop(t, durable.FS{})
	tell(t, s.Contacts, `{"contact_id":"1","campaign_id":"k","user_id":"u","channel":"email","arm":"a","ts":"2026-02-01T08:00:00Z","unsubscribed_at":"2026-02-20T09:00:00Z"}`)
	im, err := s.lake.Begin()
	if err != nil {
		t.Fatal(err)
	}
	f := &flush{ctx: t.Context(), lake: s.lake, im: im, now: noon}
	err = f.read(s.db)
	tell(t, s.Contacts, `{"contact_id":"1","unsubscribed_at":"2026-02-25T09:00:00Z"}`)
	if _, failed := im.Commit(); errors.Join(err, failed, f.mark(s.db)) != nil {
		t.Fatal(err, failed)
	}
	if got := s.flush(noon); got != "consents 1/1/0" {
		t.Errorf("sent then %q", got)
	}
}

// An item keeps what the lake knows of it, in its latest row by then.
func TestItemsInTheLake(t *testing.T) {
	s := newShop(t, durable.FS{})
	s.csv(data.Items, "item_id,title,brand,price,in_stock,tags,valid_from,colour\n"+
		"a,Old pot,Acme,5,yes,x;y,,red\na,Teapot,Acme,6,yes,x;y,2026-01-01,blue\na,Planned,Acme,9,yes,,2027-01-01,green\nb,Cup,,2,yes,,,\nc,Jug,,3,no,,2026-02-28T20:00:00Z,\n")
	tell(t, s.Items, `{"item_id":"a","in_stock":false,"ts":"2026-02-28T10:00:00Z"}`, `{"item_id":"b","price":2.5,"ts":"2026-02-28T10:00:00Z"}`, `{"item_id":"new","in_stock":true,"available_from":"2026-05-01T00:00:00Z","ts":"2026-02-28T10:00:00Z"}`)
	tell(t, s.Items, `{"item_id":"c","in_stock":true,"ts":"2026-02-28T10:00:00Z"}`)
	tell(t, s.Items, `{"item_id":"c","price":4,"ts":"2026-02-28T21:00:00Z"}`)
	if got := s.flush(noon); got != "items 4/4/0" {
		t.Errorf("sent %s", got)
	}
	equal(t, "items", s.rows(data.Items)[5:],
		`{"item_id":"a","valid_from":"2026-02-28T10:00:00Z","title":"Teapot","brand":"Acme","price":6.0000,"in_stock":false,"tags":["x","y"],"colour":"blue"}`,
		`{"item_id":"b","valid_from":"2026-02-28T10:00:00Z","title":"Cup","price":2.5000,"in_stock":true}`,
		// The catalogue's word on the stock is the later one.
		`{"item_id":"c","valid_from":"2026-02-28T21:00:00Z","title":"Jug","price":4.0000,"in_stock":false}`,
		`{"item_id":"new","valid_from":"2026-02-28T10:00:00Z","in_stock":true,"available_from":"2026-05-01T00:00:00Z"}`)
	if got := s.flush(noon); got != "" {
		t.Errorf("sent again %s", got)
	}
	// Another field of the same time is not lost to the row that is there.
	tell(t, s.Items, `{"item_id":"b","in_stock":false,"ts":"2026-02-28T10:00:00Z"}`)
	if got := s.flush(noon); got != "items 1/1/0" {
		t.Errorf("sent %s", got)
	}
	equal(t, "items", s.rows(data.Items)[9:], `{"item_id":"b","valid_from":"2026-02-28T10:00:00.000001Z","title":"Cup","price":2.5000,"in_stock":false}`)
}

// Whatever step of the import fails, as at a kill, the next flush leaves every
// row in the lake once, and nothing waiting.
func TestFlushIsRepeatable(t *testing.T) {
	for step := 0; ; step += 3 {
		n, failed, armed := 0, false, true
		s := newShop(t, durable.FS{Fault: func(op durable.Op, _ string) error {
			if n++; armed && n == step+1 {
				failed = true
				return errors.New("killed")
			}
			return nil
		}})
		tell(t, s.Events, `{"event_id":"1","type":"view","user_id":"u"}`, `{"event_id":"2","type":"purchase","user_id":"u","item_id":"a","order_id":"o","unit_price":1}`)
		tell(t, s.Items, `{"item_id":"a","price":1}`)
		tell(t, s.Identities, `{"source":"pos","alias":"7","user_id":"u"}`)
		if _, err := s.db.Flush(t.Context(), s.lake, noon, forever); failed && err == nil {
			t.Errorf("step %d failed, and the flush did not", step)
		}
		armed = false
		tell(t, s.Events, `{"event_id":"3","type":"purchase","user_id":"u","item_id":"b","order_id":"o","unit_price":1}`)
		s.flush(noon)
		for table, want := range map[data.Table]int{data.Events: 3, data.Orders: 2, data.Items: 1, data.Identities: 1} {
			if got := s.rows(table); len(got) != want {
				t.Errorf("step %d: %d rows of %s, want %d", step, len(got), table, want)
			}
		}
		if st, err := s.db.Status(t.Context()); err != nil || st.EventsWaiting+st.LinesWaiting+st.ItemsWaiting > 0 || st.Oldest != nil || st.Events != 3 {
			t.Errorf("step %d: %+v, %v", step, st, err)
		}
		if !failed {
			if step < 5 {
				t.Errorf("an import of %d steps: this test looks in the wrong place", step)
			}
			return
		}
	}
}

// A flush that ended between the commit of the import and the marking.
func TestFlushThatDidNotMark(t *testing.T) {
	s := newShop(t, durable.FS{})
	tell(t, s.Events, `{"event_id":"1","type":"purchase","user_id":"u","item_id":"a","order_id":"o","unit_price":1}`)
	tell(t, s.Items, `{"item_id":"a","price":1}`)
	s.flush(noon)
	if _, err := s.db.sql.Exec("UPDATE events SET flushed = 0, ordered = 0; UPDATE items SET flushed_seq = 0, flushed_at = 0"); err != nil {
		t.Fatal(err)
	}
	tell(t, s.Events, `{"event_id":"2","type":"purchase","user_id":"u","item_id":"b","order_id":"o","unit_price":1}`)
	if got := s.flush(noon); got != "orders 2/1/1, events 2/1/1, items 1/0/1" {
		t.Errorf("sent %s", got)
	}
}

func TestOldEventsExpire(t *testing.T) {
	clock := noon
	dir := t.TempDir()
	l, err := lake.Open(dir, durable.FS{})
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{Store: opened(t, filepath.Join(dir, FileName), Options{Now: func() time.Time { return clock }}), t: t, dir: dir, lake: l}
	row := func(i int) string { return fmt.Sprintf(`{"event_id":"%d","type":"view","user_id":"u"}`, i) }
	for i := range 3 {
		tell(t, s.Events, row(i))
		clock = clock.Add(time.Hour)
	}
	tell(t, s.Identities, `{"session_id":"s","user_id":"u"}`)
	tell(t, s.Items, `{"item_id":"a","price":1}`)
	if _, err := s.db.Flush(t.Context(), l, clock, 90*time.Minute); err != nil {
		t.Fatal(err)
	}
	if st, err := s.db.Status(t.Context()); err != nil || st.Events != 1 || st.Links != 1 || st.Items != 1 {
		t.Errorf("%+v, %v: want the event of the last hour alone", st, err)
	}
	if res := tell(t, s.Events, row(0), row(2)); res.Accepted != 1 || res.Duplicate != 1 {
		t.Errorf("%+v", res)
	}
	if got := s.flush(clock); got != "events 1/0/1" {
		t.Errorf("an event that had expired was sent as %s, want it known to the lake", got)
	}
}
