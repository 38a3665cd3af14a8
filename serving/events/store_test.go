package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unique"

	"regulars/serving"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// opened is a store at noon, closed at the end of the test.
func opened(t testing.TB, path string, o Options) *Store {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return noon }
	}
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, errClosed) {
			t.Error(err)
		}
	})
	return s
}

func raws(texts ...string) []json.RawMessage {
	out := make([]json.RawMessage, len(texts))
	for i, text := range texts {
		out[i] = json.RawMessage(text)
	}
	return out
}

type takes func(context.Context, []json.RawMessage) (Result, error)

// tell wants rows to be taken in, all of them.
func tell(t testing.TB, take takes, texts ...string) Result {
	t.Helper()
	res, err := take(t.Context(), raws(texts...))
	if err != nil || len(res.Rejected) > 0 {
		t.Fatalf("%v: %+v, %v", texts, res.Rejected, err)
	}
	return res
}

func logPath(t testing.TB) string { return filepath.Join(t.TempDir(), FileName) }

func reopen(t testing.TB, s *Store, path string) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return opened(t, path, Options{})
}

func items(list []serving.Touch) string {
	var out []string
	for _, t := range list {
		out = append(out, fmt.Sprintf("%s×%d", t.ItemID, t.Count))
	}
	return strings.Join(out, " ")
}

func TestBadRows(t *testing.T) {
	s := opened(t, logPath(t), Options{})
	long := strings.Repeat("x", 600)
	for _, c := range []struct {
		take      takes
		row, want string
	}{
		{s.Events, `[]`, "not a JSON object"},
		{s.Events, `"x"`, "not a JSON object"},
		{s.Events, `{}`, "type is missing"},
		{s.Events, `{"type":""}`, "type is empty"},
		{s.Events, `{"type":"view"}`, "neither user_id nor session_id"},
		{s.Events, `{"type":"view","user_id":"  "}`, "neither user_id nor session_id"},
		{s.Events, `{"type":"view","user_id":7}`, "user_id is not a text"},
		{s.Events, `{"type":"view","user_id":"` + long + `"}`, "user_id is longer than 512 bytes"},
		{s.Events, `{"type":"view","user_id":"u\u0000"}`, "user_id holds a NUL byte"},
		{s.Events, `{"type":"vi\u0000ew","user_id":"u"}`, "type holds a NUL byte"},
		{s.Identities, `{"source":"pos","alias":"\u0000","user_id":"u"}`, "alias holds a NUL byte"},
		{s.Events, `{"type":"view","User_id":"u"}`, `unknown field "User_id"`},
		{s.Events, `{"type":"view","user_id":"u","user_id":"v"}`, `"user_id" is given twice`},
		{s.Events, `{"type":"view","user_id":"u","ts":"yesterday"}`, "ts is not a time such as"},
		{s.Events, `{"type":"view","user_id":"u","ts":"1999-12-31T23:59:59Z"}`, "ts is before the year 2000"},
		{s.Events, `{"type":"view","user_id":"u","ts":"2026-03-02T12:00:01Z"}`, "ts is more than a day in the future"},
		{s.Events, `{"type":"view","user_id":"u","value":1e999}`, "value is not a number"},
		{s.Events, `{"type":"view","user_id":"u","position":1.5}`, "position is not a whole number"},
		{s.Events, `{"type":"view","user_id":"u","position":99999999999999999999}`, "position is not a whole number"},
		{s.Events, `{"type":"view","user_id":"u","quantity":1}`, "quantity goes with type purchase alone"},
		{s.Events, `{"type":"purchase","user_id":"u","quantity":0}`, "quantity is not above 0"},
		{s.Events, `{"type":"purchase","user_id":"u","unit_price":-1}`, "unit_price is below 0"},
		{s.Events, `{"type":"purchase","user_id":"u","unit_price":"1,5"}`, "unit_price is not an amount"},
		{s.Events, `{"type":"purchase","user_id":"u","unit_price":1.00001}`, "unit_price is not an amount"},
		{s.Events, `{"type":"purchase","user_id":"u","is_return":"yes"}`, "is_return is not true or false"},
		{s.Events, `{"type":"purchase","user_id":"u","order_id":"o","item_id":"i","unit_price":99999999999999,"quantity":9999999999}`, "quantity × unit_price is beyond"},
		{s.Contacts, `{}`, "contact_id is missing"},
		{s.Contacts, `{"contact_id":"c","opened_at":"2026-03-01T00:00:00Z"}`, "campaign_id is missing, and nothing was told"},
		{s.Contacts, `{"contact_id":"c","opened_at":"2027-03-01T00:00:00Z"}`, "opened_at is more than a day in the future"},
		{s.Items, `{"item_id":"i"}`, "none of in_stock, price and available_from"},
		{s.Items, `{"in_stock":true}`, "item_id is missing"},
		{s.Items, `{"item_id":"i","price":-0.01}`, "price is below 0"},
		{s.Items, `{"item_id":"i","in_stock":1}`, "in_stock is not true or false"},
		{s.Items, `{"item_id":"i","available_from":"2200-01-01T00:00:00Z"}`, "available_from is outside 1971 to 2099"},
		{s.Identities, `{"user_id":"u"}`, "session_id is needed, or source and alias"},
		{s.Identities, `{"user_id":"u","source":"pos"}`, "session_id is needed, or source and alias"},
		{s.Identities, `{"user_id":"u","session_id":"s","alias":"a"}`, "session_id goes without"},
		{s.Identities, `{"session_id":"s"}`, "user_id is missing"},
	} {
		res, err := c.take(t.Context(), raws(c.row))
		if err != nil || len(res.Rejected) != 1 || !strings.Contains(res.Rejected[0].Detail, c.want) {
			t.Errorf("%.80s: %+v, %v; want %q", c.row, res.Rejected, err, c.want)
		}
	}
	// A bad row does not keep the others out.
	res, err := s.Events(t.Context(), raws(`{"type":"view","user_id":"u"}`, `{"type":1}`, `{"type":"view","user_id":"u","event_id":"e"}`, `{"type":"view"}`))
	if err != nil || res.Accepted != 2 || len(res.Rejected) != 2 || res.Rejected[0].Index != 1 || res.Rejected[1].Index != 3 {
		t.Errorf("%+v, %v", res, err)
	}
	if len(res.IDs) != 4 || res.IDs[0] == "" || res.IDs[1] != "" || res.IDs[2] != "e" {
		t.Errorf("ids %q", res.IDs)
	}
}

func TestDuplicates(t *testing.T) {
	path := logPath(t)
	s := opened(t, path, Options{})
	one, two := `{"event_id":"1","type":"view","user_id":"u","item_id":"i"}`, `{"event_id":"2","type":"view","user_id":"u","item_id":"j"}`
	if res := tell(t, s.Events, one, one, two); res.Accepted != 2 || res.Duplicate != 1 {
		t.Errorf("%+v", res)
	}
	s = reopen(t, s, path)
	if res := tell(t, s.Events, one, two); res.Accepted != 0 || res.Duplicate != 2 || res.IDs[1] != "2" {
		t.Errorf("after a restart: %+v", res)
	}
	if r, _ := s.Recent("u", ""); items(r.Viewed) != "i×1 j×1" {
		t.Errorf("viewed %s", items(r.Viewed))
	}
}

// Many requests at once share syncs, and each is answered when it is on disk.
func TestGroupCommit(t *testing.T) {
	var commits, requests atomic.Int64
	held := make(chan struct{})
	s := opened(t, logPath(t), Options{Committed: func(n, rows int) {
		if commits.Add(1) == 1 {
			<-held // until everybody has queued up
		}
		requests.Add(int64(n))
	}})
	const clients = 40
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			tell(t, s.Events, fmt.Sprintf(`{"event_id":"%d","type":"view","user_id":"u%d","item_id":"i"}`, i, i))
		})
	}
	for s.Stats().Queued < clients {
		time.Sleep(time.Millisecond)
	}
	close(held)
	all.Wait()
	if n := commits.Load(); n > 2 || requests.Load() != clients {
		t.Errorf("%d requests in %d transactions, want %d in at most 2", requests.Load(), n, clients)
	}
	if st := s.Stats(); st.Queued != 0 || st.Written != clients || st.Trails != clients {
		t.Errorf("%+v", st)
	}
}

// A full queue refuses at once, and takes again when there is room.
func TestQueueIsBounded(t *testing.T) {
	held, first := make(chan struct{}), true
	s := opened(t, logPath(t), Options{Committed: func(int, int) {
		if first {
			first = false
			<-held
		}
	}})
	s.most = 200
	rows := make([]json.RawMessage, 50)
	for i := range rows {
		rows[i] = json.RawMessage(`{"type":"view","user_id":"u","item_id":"i"}`)
	}
	var waiting sync.WaitGroup
	for range int(s.most) / len(rows) {
		waiting.Go(func() {
			if _, err := s.Events(t.Context(), rows); err != nil {
				t.Error(err)
			}
		})
	}
	for s.Stats().Queued < s.most {
		time.Sleep(time.Millisecond)
	}
	if _, err := s.Events(t.Context(), rows[:1]); !errors.Is(err, ErrBusy) || s.Stats().Refused != 1 {
		t.Errorf("a full queue answered %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	close(held)
	waiting.Wait()
	tell(t, s.Events, string(rows[0]))
	if _, err := s.Events(gone, rows[:1]); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has gone: %v", err)
	}
}

func TestItemUpdates(t *testing.T) {
	path := logPath(t)
	s := opened(t, path, Options{})
	if _, ok := s.Item("i"); ok {
		t.Error("something is known of an item before it was told")
	}
	tell(t, s.Items, `{"item_id":"i","in_stock":false,"ts":"2026-03-01T10:00:00Z"}`)
	tell(t, s.Items, `{"item_id":"i","price":12.5}`, `{"item_id":"j","available_from":"2026-04-01T00:00:00+02:00"}`)
	if res := tell(t, s.Items, `{"item_id":"i","in_stock":true,"ts":"2026-03-01T09:00:00Z"}`); res.Duplicate != 1 {
		t.Errorf("a word older than what is known: %+v", res)
	}
	for _, when := range []string{"at once", "after a restart"} {
		i, _ := s.Item("i")
		if i.InStock == nil || i.InStock.Value || i.Price == nil || i.Price.Value != 12.5 || i.AvailableFrom != nil {
			t.Errorf("%s: %+v", when, i)
		}
		j, ok := s.Item("j")
		if !ok || j.InStock != nil || j.Price != nil || !j.AvailableFrom.Value.Equal(time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: %+v", when, j)
		}
		s = reopen(t, s, path)
	}
}

// A till whose clock is ahead does not keep out what others say after it.
func TestItemUpdatesOfTomorrow(t *testing.T) {
	path := logPath(t)
	s := opened(t, path, Options{})
	tell(t, s.Items, fmt.Sprintf(`{"item_id":"i","in_stock":false,"ts":%q}`, noon.Add(5*time.Hour).Format(time.RFC3339)))
	if i, _ := s.Item("i"); i.InStock.Value || !i.InStock.At.Equal(noon) {
		t.Errorf("told ahead of time: %+v", i.InStock)
	}
	if res := tell(t, s.Items, `{"item_id":"i","in_stock":true}`); res.Accepted != 1 {
		t.Errorf("told after it: %+v", res)
	}
	if i, _ := s.Item("i"); !i.InStock.Value {
		t.Error("the later word does not hold")
	}
}

func TestRecent(t *testing.T) {
	path := logPath(t)
	s := opened(t, path, Options{})
	at := func(minute int, kind, item string) string {
		return fmt.Sprintf(`{"type":%q,"session_id":"s","item_id":%q,"ts":"2026-03-01T10:%02d:00Z"}`, kind, item, minute)
	}
	if _, ok := s.Recent("u", "s"); ok {
		t.Error("something is known of a stranger")
	}
	tell(t, s.Events, at(1, "view", "a"), at(2, "click", "b"), at(3, "cart", "a"), at(4, "purchase", "b"), at(5, "search", "c"),
		at(6, "impression", "a"), at(6, "impression", "d"), at(7, "impression", "d"), at(8, "impression", "d"), at(9, "impression", "e"), at(9, "impression", "e"),
		`{"type":"purchase","session_id":"s","item_id":"f","is_return":true}`)
	want := "viewed a×2 b×1, bought b×1, ignored d×3"
	check := func(when, user, session, wantUser string) {
		t.Helper()
		r, ok := s.Recent(user, session)
		if got := fmt.Sprintf("viewed %s, bought %s, ignored %s", items(r.Viewed), items(r.Bought), items(r.Ignored)); got != want || !ok || r.UserID != wantUser {
			t.Errorf("%s: %s of %q, want %s of %q", when, got, r.UserID, want, wantUser)
		}
	}
	check("anonymous", "", "s", "")
	check("with a customer who is not linked", "u", "s", "u")
	if r, _ := s.Recent("", "s"); !slices.Equal(r.Bought, []serving.Touch{{ItemID: "b", At: noon.Add(-116 * time.Minute), Count: 1}}) {
		t.Errorf("bought %+v", r.Bought)
	}
	if _, ok := s.Recent("u", ""); ok {
		t.Error("the customer is known before the session is theirs")
	}
	tell(t, s.Identities, `{"session_id":"s","user_id":"u"}`)
	for _, when := range []string{"joined", "joined, after a restart"} {
		check(when, "", "s", "u")
		check(when, "u", "", "u")
		check(when, "u", "s", "u")
		s = reopen(t, s, path)
	}
	if r, ok := s.Recent("v", "s"); ok && len(r.Viewed)+len(r.Bought) > 0 {
		t.Errorf("another customer sees %+v", r)
	}
	tell(t, s.Events, `{"type":"view","session_id":"s","item_id":"g"}`)
	if want = "viewed g×1 a×2 b×1, bought b×1, ignored d×3"; true {
		check("later events of the session", "u", "", "u")
	}
}

// An event that names both joins them; a session stays with whom it was first.
func TestSessionsAndConflicts(t *testing.T) {
	s := opened(t, logPath(t), Options{})
	tell(t, s.Events, `{"type":"view","session_id":"s","item_id":"a"}`, `{"type":"checkin","session_id":"s","user_id":"u"}`)
	if r, ok := s.Recent("", "s"); !ok || r.UserID != "u" || items(r.Viewed) != "a×1" {
		t.Errorf("%+v", r)
	}
	tell(t, s.Events, `{"type":"view","session_id":"s","user_id":"v","item_id":"b"}`)
	if r, _ := s.Recent("v", ""); items(r.Viewed) != "b×1" {
		t.Errorf("a shared device: %+v", r)
	}
	if r, _ := s.Recent("", "s"); r.UserID != "u" || items(r.Viewed) != "a×1" {
		t.Errorf("a shared device: %+v", r)
	}
	tell(t, s.Identities, `{"source":"pos","alias":"7","user_id":"u"}`)
	for row, want := range map[string]int{
		`{"session_id":"s","user_id":"u"}`: 1, `{"source":"session","alias":"s","user_id":"u"}`: 1, `{"source":"pos","alias":"7","user_id":"u"}`: 1,
		`{"session_id":"s","user_id":"v"}`: 0, `{"source":"pos","alias":"7","user_id":"v"}`: 0,
	} {
		res, err := s.Identities(t.Context(), raws(row))
		if err != nil || res.Duplicate != want || len(res.Rejected) != 1-want || want == 0 && !res.Rejected[0].Conflict {
			t.Errorf("%s: %+v, %v", row, res, err)
		}
	}
}

// What was done by any id that was told to be the customer's is theirs, before
// and after it was told, and when the file is read again.
func TestAliasesAreTheCustomer(t *testing.T) {
	path := logPath(t)
	s := opened(t, path, Options{})
	view := func(user, item string) {
		tell(t, s.Events, `{"type":"view","user_id":"`+user+`","item_id":"`+item+`"}`)
	}
	view("app-1", "a")
	tell(t, s.Identities, `{"source":"pos","alias":"pos-1","user_id":"app-1"}`, `{"source":"app","alias":"app-1","user_id":"u"}`, `{"session_id":"s","user_id":"pos-1"}`)
	view("pos-1", "b")
	view("u", "c")
	tell(t, s.Events, `{"type":"view","session_id":"s","item_id":"d"}`)
	tell(t, s.Identities, `{"source":"ring","alias":"u","user_id":"pos-1"}`)
	// One text that two sources give to different customers is neither's.
	tell(t, s.Identities, `{"source":"pos","alias":"7","user_id":"u"}`, `{"source":"app","alias":"7","user_id":"v"}`, `{"source":"web","alias":"7","user_id":"u"}`)
	view("7", "e")
	for range 2 {
		for _, id := range []string{"u", "app-1", "pos-1"} {
			if r, ok := s.Recent(id, ""); !ok || r.UserID != "u" || items(r.Viewed) != "a×1 b×1 c×1 d×1" {
				t.Errorf("of %s is known %+v", id, r)
			}
		}
		if r, _ := s.Recent("", "s"); r.UserID != "u" {
			t.Errorf("the session is of %q", r.UserID)
		}
		if r, _ := s.Recent("7", ""); r.UserID != "7" || items(r.Viewed) != "e×1" {
			t.Errorf("of an alias that is not clear is known %+v", r)
		}
		s = opened(t, path, Options{})
	}
}

func TestContactsAreCompleted(t *testing.T) {
	path := logPath(t)
	s := opened(t, path, Options{})
	tell(t, s.Contacts, `{"contact_id":"c","campaign_id":"k","user_id":"u","channel":"email","arm":"a","cost":0.05,"ts":"2026-03-01T08:00:00Z"}`)
	tell(t, s.Contacts, `{"contact_id":"c","opened_at":"2026-03-01T09:00:00Z"}`, `{"contact_id":"c","clicked_at":"2026-03-01T09:01:00Z","opened_at":null}`)
	if res := tell(t, s.Contacts, `{"contact_id":"c","user_id":"u","cost":0.05}`); res.Duplicate != 1 {
		t.Errorf("nothing new: %+v", res)
	}
	if res, err := s.Contacts(t.Context(), raws(`{"contact_id":"c","user_id":"v"}`)); err != nil || len(res.Rejected) != 1 || !res.Rejected[0].Conflict {
		t.Errorf("another customer's: %+v, %v", res, err)
	}
	var got []string
	err := openedDB(t, path).Each(t.Context(), Person{IDs: []string{"u"}}, func(table, row string) error {
		got = append(got, table+" "+row)
		return nil
	})
	want := `contacts {"contact_id":"c","campaign_id":"k","user_id":"u","ts":"2026-03-01T08:00:00Z","channel":"email","arm":"a","propensity":null,"offer":null,"cost":0.0500,` +
		`"delivered_at":null,"bounced_at":null,"opened_at":"2026-03-01T09:00:00Z","clicked_at":"2026-03-01T09:01:00Z","unsubscribed_at":null}`
	if err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("%s, %v", got, err)
	}
}

// Who unsubscribes is known at once and after a restart, as of when they did or of
// when it was first told, whichever is later, until they are erased.
func TestUnsubscribed(t *testing.T) {
	path := logPath(t)
	clock := noon
	s := opened(t, path, Options{Now: func() time.Time { return clock }})
	sent := func(id, user, channel string) string {
		return `{"contact_id":"` + id + `","campaign_id":"k","user_id":"` + user + `","channel":"` + channel + `","arm":"a","ts":"2026-02-01T08:00:00Z"`
	}
	tell(t, s.Contacts, sent("1", "late", "email")+`}`, sent("2", "ahead", "sms")+`,"unsubscribed_at":"`+noon.Add(time.Minute).Format(time.RFC3339)+`"}`, sent("3", "stays", "email")+`}`, sent("4", "gone", "email")+`,"unsubscribed_at":"2026-02-02T08:00:00Z"}`)
	clock = noon.Add(time.Hour)
	tell(t, s.Contacts, `{"contact_id":"1","unsubscribed_at":"2026-02-02T08:00:00Z"}`)
	clock = noon.Add(2 * time.Hour)
	tell(t, s.Contacts, `{"contact_id":"1","opened_at":"2026-02-02T07:00:00Z"}`)
	look := func(step string, at func(user, channel string) time.Time, gone time.Time) {
		t.Helper()
		for who, want := range map[subscription]time.Time{{"late", "email"}: noon.Add(time.Hour), {"late", "sms"}: {}, {"ahead", "sms"}: noon.Add(time.Minute), {"stays", "email"}: {}, {"gone", "email"}: gone} {
			if got := at(who.userID, who.channel); !got.Equal(want) {
				t.Errorf("%s: %+v unsubscribed %v, want %v", step, who, got, want)
			}
		}
	}
	look("told", s.Unsubscribed, noon)
	db := openedDB(t, path)
	alone, err := db.Unsubscribed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	look("read", alone.At, noon)
	look("opened again", opened(t, path, Options{}).Unsubscribed, noon)
	if err := db.Erase(t.Context(), "receipt", Person{IDs: []string{"gone"}}, noon); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	look("erased", s.Unsubscribed, time.Time{})
}

// Who agreed again and unsubscribes again, by the same message, has unsubscribed as
// of then.
func TestUnsubscribedAgain(t *testing.T) {
	path := logPath(t)
	clock := noon
	s := opened(t, path, Options{Now: func() time.Time { return clock }})
	tell(t, s.Contacts, `{"contact_id":"1","campaign_id":"k","user_id":"u","channel":"email","arm":"a","ts":"2026-02-01T08:00:00Z","unsubscribed_at":"2026-02-02T08:00:00Z"}`)
	clock = noon.Add(time.Hour)
	tell(t, s.Contacts, `{"contact_id":"1","unsubscribed_at":"`+noon.Add(time.Minute).Format(time.RFC3339)+`"}`)
	clock = noon.Add(2 * time.Hour)
	tell(t, s.Contacts, `{"contact_id":"1","unsubscribed_at":"2026-02-03T08:00:00Z"}`) // late, of before
	for _, s := range []*Store{s, opened(t, path, Options{})} {
		if at := s.Unsubscribed("u", "email"); !at.Equal(noon.Add(time.Hour)) {
			t.Errorf("unsubscribed %v", at)
		}
	}
}

func TestErasure(t *testing.T) {
	path := logPath(t)
	s := opened(t, path, Options{})
	tell(t, s.Identities, `{"session_id":"s","user_id":"u"}`, `{"session_id":"shared","user_id":"v"}`,
		`{"source":"app","alias":"u-app","user_id":"u","ts":"2026-03-01T12:00:00Z"}`, `{"source":"old","alias":"u-app","user_id":"v"}`)
	tell(t, s.Events, `{"type":"view","session_id":"s","item_id":"a"}`, `{"type":"view","user_id":"u","item_id":"b"}`, `{"type":"view","user_id":"v","item_id":"c"}`,
		`{"type":"view","session_id":"other","item_id":"d"}`, `{"type":"checkin","session_id":"shared"}`)
	tell(t, s.Contacts, `{"contact_id":"c","campaign_id":"k","user_id":"u","channel":"email","arm":"a"}`)
	who := Person{IDs: []string{"u", "x", "u-app"}, Aliases: []string{"u-app"}, Sessions: []string{"other", "shared"}}
	if got, want := heldOf(t, path, who), "map[contacts:1 events:3 identities:3]"; got != want {
		t.Errorf("held %s, want %s", got, want)
	}
	db := openedDB(t, path)
	if sessions, err := db.Sessions(t.Context(), who.IDs); err != nil || fmt.Sprint(sessions) != "[s]" {
		t.Errorf("sessions %q, %v", sessions, err)
	}
	if links, err := db.Aliases(t.Context()); err != nil || len(links) != 2 || links[0] != (Link{"app", "u-app", "u", noon}) {
		t.Errorf("links %+v, %v", links, err)
	}
	for range 2 { // done again it changes nothing
		if err := db.Erase(t.Context(), "receipt", who, noon); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"at once", "after a restart"} {
		if got := heldOf(t, path, who); got != "map[]" {
			t.Errorf("%s: still held %s", when, got)
		}
		for _, who := range [][2]string{{"u", ""}, {"", "s"}, {"u", "s"}} {
			if r, ok := s.Recent(who[0], who[1]); ok {
				t.Errorf("%s: remembered %+v", when, r)
			}
		}
		if r, _ := s.Recent("v", ""); items(r.Viewed) != "c×1" {
			t.Errorf("%s: another customer has %+v", when, r)
		}
		if !s.Erased("u") || !s.Erased("x") || s.Erased("v") {
			t.Errorf("%s: who is erased is not known", when)
		}
		again := raws(`{"type":"view","user_id":"u","item_id":"b"}`, `{"type":"view","session_id":"s","item_id":"b"}`, `{"type":"view","session_id":"other","item_id":"b"}`)
		if res, err := s.Events(t.Context(), again); err != nil || len(res.Rejected) != 3 {
			t.Errorf("%s: taken in again: %+v, %v", when, res, err)
		}
		links := raws(`{"source":"app","alias":"u-app","user_id":"v"}`, `{"session_id":"s","user_id":"v"}`, `{"session_id":"new","user_id":"u"}`)
		if res, err := s.Identities(t.Context(), links); err != nil || len(res.Rejected) != 3 {
			t.Errorf("%s: linked again: %+v, %v", when, res, err)
		}
		s = reopen(t, s, path)
	}
	// Who is lifted may come back, whoever else was erased meanwhile.
	err := errors.Join(db.Erase(t.Context(), "another", Person{IDs: []string{"w"}}, noon), db.Lift(t.Context(), "receipt"), s.Sync(t.Context()))
	if err != nil || s.Erased("u") || s.Erased("s") || !s.Erased("w") {
		t.Errorf("lifted: u %v, w %v (%v)", s.Erased("u"), s.Erased("w"), err)
	}
	tell(t, s.Events, `{"type":"view","user_id":"u","item_id":"b"}`)
}

func openedDB(t *testing.T, path string) *DB {
	t.Helper()
	db, err := OpenDB(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// heldOf counts what is held of a person, by table.
func heldOf(t *testing.T, path string, p Person) string {
	t.Helper()
	rows := map[string]int{}
	err := openedDB(t, path).Each(t.Context(), p, func(table, row string) error {
		rows[table]++
		if !json.Valid([]byte(row)) {
			t.Errorf("%s: %s is no JSON", table, row)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(rows)
}

// Nothing of what is erased stays in any byte of the file or beside it, though
// a server has it open.
func TestErasedBytes(t *testing.T) {
	path := logPath(t)
	s := opened(t, path, Options{})
	const zebra = "zebra-7731-erase-me"
	for range 50 {
		tell(t, s.Events, `{"type":"view","user_id":"`+zebra+`","session_id":"`+zebra+`-visit","item_id":"a"}`, `{"type":"view","user_id":"v","item_id":"a"}`)
	}
	if err := openedDB(t, path).Erase(t.Context(), "receipt", Person{IDs: []string{zebra}}, noon); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err != nil || bytes.Contains(b, []byte(zebra)) {
			t.Errorf("%s holds the id (%v)", f, err)
		}
	}
	if r, _ := s.Recent("v", ""); items(r.Viewed) != "a×50" {
		t.Errorf("another customer has %+v", r)
	}
}

// What another process writes is seen, in order, and nothing twice.
func TestOthersWrite(t *testing.T) {
	path := logPath(t)
	a, b := opened(t, path, Options{}), opened(t, path, Options{})
	for range 2 {
		tell(t, a.Events, `{"type":"view","user_id":"u","item_id":"i"}`)
		tell(t, b.Events, `{"type":"view","user_id":"u","item_id":"i"}`)
	}
	tell(t, a.Items, `{"item_id":"i","in_stock":false}`)
	tell(t, a.Contacts, `{"contact_id":"c","campaign_id":"k","user_id":"u","channel":"email","arm":"a","unsubscribed_at":"2026-03-01T12:00:00Z"}`)
	for _, s := range []*Store{a, b} {
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, _ := s.Recent("u", "")
		it, _ := s.Item("i")
		if at := s.Unsubscribed("u", "email"); items(r.Viewed) != "i×4" || it.InStock == nil || at.IsZero() {
			t.Errorf("viewed %s, item %+v, unsubscribed %v", items(r.Viewed), it, at)
		}
	}
	if err := openedDB(t, path).Erase(t.Context(), "receipt", Person{IDs: []string{"u"}}, noon); err != nil {
		t.Fatal(err)
	}
	if err := b.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.Recent("u", ""); ok || !b.Erased("u") {
		t.Error("the other has not forgotten")
	}
}

func TestOverlayIsBounded(t *testing.T) {
	o := newOverlay(3)
	for i := range 5 {
		o.touch(fmt.Sprint("u", i), "", touch{item: unique.Make("i"), at: int64(i), count: 1, kind: viewed})
		o.touch("u0", "", touch{item: unique.Make("i"), at: int64(i), count: 1, kind: viewed}) // stays, being touched
	}
	if n, _ := o.size(); n != 3 || len(o.trails) != 3 {
		t.Errorf("%d trails, want 3", n)
	}
	for user, want := range map[string]bool{"u0": true, "u1": false, "u2": false, "u3": true, "u4": true} {
		if _, ok := o.Recent(user, ""); ok != want {
			t.Errorf("%s is remembered: %v, want %v", user, ok, want)
		}
	}
}

// An alias that is in use stays the customer's, however many others come by.
func TestAliasesInUseAreRemembered(t *testing.T) {
	o := newOverlay(3)
	o.link(owner{false, "app"}, "u")
	for i := range 5 {
		o.touch("app", "", touch{item: unique.Make("a"), kind: viewed, count: 1})
		o.touch(fmt.Sprint("other", i), "", touch{item: unique.Make("b"), kind: viewed, count: 1})
	}
	if r, ok := o.Recent("app", ""); !ok || r.UserID != "u" || items(r.Viewed) != "a×5" {
		t.Errorf("of the alias is known %+v", r)
	}
}

// Of one customer the latest is kept, and what was only shown goes first.
func TestTrailIsBounded(t *testing.T) {
	path := logPath(t)
	s := opened(t, path, Options{})
	var rows []string
	for i := range 150 {
		rows = append(rows, fmt.Sprintf(`{"type":"purchase","user_id":"u","item_id":"p%d","ts":"2026-03-01T10:%02d:%02dZ"}`, i, i/60, i%60))
		for range ignoredAfter {
			rows = append(rows, fmt.Sprintf(`{"type":"impression","user_id":"u","item_id":"q%d"}`, i))
		}
		if i == 49 {
			tell(t, s.Events, rows...)
			if r, _ := s.Recent("u", ""); len(r.Bought) != 50 || len(r.Ignored) != 50 {
				t.Errorf("half way %d bought, %d ignored", len(r.Bought), len(r.Ignored))
			}
			rows = nil
		}
	}
	tell(t, s.Events, rows...)
	r, _ := s.Recent("u", "")
	if len(r.Bought) != mostTouches || len(r.Ignored) != 0 || r.Bought[0].ItemID != "p149" || r.Bought[99].ItemID != "p50" {
		t.Errorf("%d bought, %d ignored: %s", len(r.Bought), len(r.Ignored), items(r.Bought))
	}
}

// Readers and writers at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	path := logPath(t)
	s, db := opened(t, path, Options{}), openedDB(t, path)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 30 {
				tell(t, s.Events, fmt.Sprintf(`{"type":"view","user_id":"u%d","session_id":"s%d","item_id":"i%d"}`, j%3, i*100+j, j))
				tell(t, s.Items, fmt.Sprintf(`{"item_id":"i%d","price":%d}`, j%5, j))
			}
		})
		all.Go(func() {
			for j := range 300 {
				s.Recent(fmt.Sprint("u", j%3), fmt.Sprint("s", j))
				s.Item(fmt.Sprint("i", j%5))
				s.Unsubscribed("u0", "email")
				s.Stats()
			}
		})
		all.Go(func() {
			if err := db.Erase(t.Context(), "receipt", Person{IDs: []string{fmt.Sprint("x", i)}}, noon); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// pragma sets something of the writer's connection, as a disk would.
func pragma(t *testing.T, s *Store, text string) {
	t.Helper()
	if err := s.do(t.Context(), 1, func(b *batch) error { _, err := b.conn.ExecContext(b.ctx, "PRAGMA "+text); return err }); err != nil {
		t.Fatal(err)
	}
}

// A disk that is full, or may not be written, keeps rows out, whole requests of
// them, and nothing else; with room again all goes on.
func TestFullAndReadOnlyDisks(t *testing.T) {
	path := logPath(t)
	s := opened(t, path, Options{})
	tell(t, s.Events, `{"event_id":"before","type":"view","user_id":"u","item_id":"i"}`)
	big := strings.Repeat("x", 100_000)
	rows := raws(`{"event_id":"1","type":"view","user_id":"u","item_id":"j"}`, `{"event_id":"2","type":"view","user_id":"u","placement":"`+big+`"}`)
	pragma(t, s, "max_page_count = 1") // which is what there is
	if _, err := s.Events(t.Context(), rows); !errors.Is(err, ErrFull) {
		t.Errorf("a full disk: %v", err)
	}
	if r, _ := s.Recent("u", ""); items(r.Viewed) != "i×1" {
		t.Errorf("a full disk: remembered %s", items(r.Viewed))
	}
	pragma(t, s, "max_page_count = 1000000")
	if res := tell(t, s.Events, string(rows[0]), string(rows[1])); res.Accepted != 2 {
		t.Errorf("with room again: %+v", res)
	}
	conn, err := s.db.sql.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "DELETE FROM events"); !errors.Is(explain(err), ErrUnavailable) {
		t.Errorf("a disk that may not be written: %v", explain(err))
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none", FileName), Options{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("no folder: %v", err)
	}
}
