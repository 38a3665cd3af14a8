package training

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"testing"

	"regulars/data"
	"regulars/data/lake"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models/ials"
	"regulars/models/snapshot"
)

// addOwn imports rows of a table that has columns of the shop's own.
func addOwn(t *testing.T, l *lake.Lake, table data.Table, own []data.Column, rows ...cells) {
	t.Helper()
	schema, _ := data.SchemaOf(table)
	schema = schema.WithExtra(own...)
	batch := lake.Batch{Schema: schema, Source: "test", First: 1}
	for _, c := range rows {
		row := make(data.Row, len(schema.Columns))
		for name, v := range c {
			row[schema.Index(name)] = v
		}
		batch.Rows = append(batch.Rows, row)
	}
	im, err := l.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := im.Write(batch); err != nil {
		t.Fatal(err)
	}
	if _, err := im.Commit(); err != nil {
		t.Fatal(err)
	}
}

// valued maps the fields that are known to what they hold.
func valued(fields []snapshot.Field, values []snapshot.Value) map[string]any {
	out := map[string]any{}
	for i, v := range values {
		switch v.Kind {
		case snapshot.Null:
		case snapshot.String:
			out[fields[i].Name] = v.Text
		case snapshot.Bool:
			out[fields[i].Name] = v.Bool()
		default:
			out[fields[i].Name] = v.Num
		}
	}
	return out
}

// TestProfiles: what is valid at as_of counts, of several ids of a person that of
// the one that stands for all; of consents the latest word, of two at one instant
// the refusal; nothing from as_of on is known.
func TestProfiles(t *testing.T) {
	l, dir := openLake(t)
	const day data.Day = 20000
	at := func(d data.Day) data.Value { return data.Micros(d.Micros()) }
	own := []data.Column{{Name: "hair", Kind: data.KindString}, {Name: "height", Kind: data.KindFloat}, {Name: "orders", Kind: data.KindInt}, {Name: "visited", Kind: data.KindTime},
		{Name: "friends", Kind: data.KindList}}
	addOwn(t, l, data.Users, own,
		cells{"user_id": data.String("ann"), "tier": data.String("gold"), "points": data.Int(7), "hair": data.String("红"), "height": data.Float(1.5), "orders": data.Int(99),
			"visited": at(15003), "friends": data.List([]string{"bob"}), "personalization_opt_out": data.Bool(true), "signed_up_at": at(15010)},
		cells{"user_id": data.String("bob"), "tier": data.String("silver"), "valid_from": at(day - 20)},
		cells{"user_id": data.String("bob"), "tier": data.String("gold"), "valid_from": at(day - 10)},
		cells{"user_id": data.String("bob"), "tier": data.String("platinum"), "valid_from": at(day)},
		cells{"user_id": data.String("bob@shop"), "tier": data.String("tin"), "valid_from": at(day - 5)},
		cells{"user_id": data.String("cid"), "personalization_opt_out": data.Bool(true)},
		cells{"user_id": data.String("late"), "signed_up_at": at(day)})
	says := func(id, channel string, granted bool, d data.Day) cells {
		return cells{"user_id": data.String(id), "channel": data.String(channel), "granted": data.Bool(granted), "ts": at(d)}
	}
	addRows(t, l, data.Consents, says("bob", "sms", false, day-9), says("bob@shop", "sms", true, day-8), says("bob", "sms", false, day),
		says("bob", "email", true, day-3), says("bob", "email", false, day-3), says("ann", "phone", true, day))
	sent := func(contact, id, channel string, unsubscribed data.Value) cells {
		return cells{"contact_id": data.String(contact), "campaign_id": data.String("k"), "user_id": data.String(id), "ts": at(day - 9), "channel": data.String(channel),
			"arm": data.String("a"), "unsubscribed_at": unsubscribed}
	}
	addRows(t, l, data.Consents, says("dan", "email", true, day-8), says("fay", "email", true, day-5), says("gus", "email", true, day-8))
	addRows(t, l, data.Contacts, sent("c1", "dan", "email", at(day-6)), sent("c2", "fay", "email", at(day-6)), sent("c3", "gus", "email", at(day)),
		sent("c4", "gus", "email", data.Null), sent("c5", "gus", "post", at(day-6)))
	addRows(t, l, data.Identities, cells{"source": data.String("email"), "alias": data.String("bob@shop"), "user_id": data.String("bob"), "ts": at(day - 1)},
		cells{"source": data.String("wecom"), "alias": data.String("w1"), "user_id": data.String("bob")},
		cells{"source": data.String("wecom"), "alias": data.String("w2"), "user_id": data.String("ann"), "ts": at(day)})
	p := &Pipeline{Workspace: dir, Lake: l, Options: Options{AsOf: day}, OptOuts: func() (map[string]bool, error) {
		return map[string]bool{"bob": false, "bob@shop": true, "cid": false, "eve": true}, nil // told after the table
	}}
	same, err := p.aliases()
	if err != nil {
		t.Fatal(err)
	}
	f, err := p.profiles(same)
	if err != nil {
		t.Fatal(err)
	}
	events, err := matrix.NewEvents(1, 1, []matrix.Event{{Day: 19990, Weight: 1}, {Day: 19000, Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	s := &scoring{alias: same, profiles: f, bought: &read.Interactions{Events: events}}
	rfm := &snapshot.Scores{RFM: &snapshot.RFM{RecencyDays: 10, Orders: 4, Spend: 10}}
	for id, want := range map[string]map[string]any{
		"ann":    {"tier": "gold", "points": 7., "hair": "红", "height": 1.5, "visited": float64(data.Day(15003).Micros()), "opt_out": true, "signed_up_at": float64(data.Day(15010).Micros()), "orders": 0., "spend": 0.},
		"nobody": {"orders": 0., "spend": 0.},
		"dan":    {"consent_email": false, "orders": 0., "spend": 0.}, // unsubscribed since
		"fay":    {"consent_email": true, "orders": 0., "spend": 0.},  // before
		"gus":    {"consent_email": true, "orders": 0., "spend": 0.},  // after as_of
		"cid":    {"opt_out": false, "orders": 0., "spend": 0.},
		"eve":    {"opt_out": true, "orders": 0., "spend": 0.},
		"bob": {"tier": "gold", "opt_out": true, "consent_sms": true, "consent_email": false, "orders": 4., "spend": 10., "aov": 2.5, "recency_days": 10.,
			"first_order": float64(data.Day(19000).Micros()), "last_order": float64(data.Day(19990).Micros())},
	} {
		u, number := snapshot.User{}, int32(-1)
		if id == "bob" {
			u.Scores, number = rfm, 0
		}
		if got := valued(f.fields, s.described(id, number, u).Profile); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, want %v", id, got, want)
		}
	}
	if got := s.described("bob", -1, snapshot.User{}).Aliases; !slices.Equal(got, []snapshot.Alias{{Source: "email", ID: "bob@shop"}, {Source: "wecom", ID: "w1"}}) {
		t.Errorf("bob goes by %v", got)
	}
	if got := f.aliases["ann"]; got != nil {
		t.Errorf("ann goes by %v, which nobody knew then", got)
	}
	if got := s.people([]string{"w1", "ann", "bob@shop", "bob"}).IDs(); !slices.Equal(got, []string{"ann", "bob"}) {
		t.Errorf("the customers are %v", got)
	}
	if i := slices.IndexFunc(f.fields, func(f snapshot.Field) bool { return f.Name == "consent_phone" || f.Name == "friends" }); i >= 0 {
		t.Errorf("there is a field %s", f.fields[i].Name)
	}
}

// TestCatalogueShowsWhatIs: today's price of an undated row is shown, though nothing
// learns from it; the shop's own columns come along.
func TestCatalogueShowsWhatIs(t *testing.T) {
	l, dir := openLake(t)
	const day data.Day = 20000
	price := func(f float64) data.Value {
		m, err := data.MoneyFromFloat(f)
		if err != nil {
			t.Fatal(err)
		}
		return data.Amount(m)
	}
	addOwn(t, l, data.Items, []data.Column{{Name: "grams", Kind: data.KindInt}, {Name: "organic", Kind: data.KindBool}, {Name: "colours", Kind: data.KindList}},
		cells{"item_id": data.String("tea"), "price": price(2.5), "tags": data.List([]string{"hot", "热"}), "grams": data.Int(250), "organic": data.Bool(true)},
		cells{"item_id": data.String("cup"), "price": price(4), "valid_from": data.Micros(7e14), "in_stock": data.Bool(false), "available_from": data.Micros(9e14)},
		cells{"item_id": data.String("cup"), "price": price(5), "valid_from": data.Micros(day.Micros())},
		cells{"item_id": data.String("pot"), "available_from": data.Micros(day.Micros() + 1)})
	p := &Pipeline{Workspace: dir, Lake: l, Options: Options{AsOf: day}}
	c, err := p.catalogueAt([]string{"old"})
	if err != nil {
		t.Fatal(err)
	}
	if want := []snapshot.Field{{Name: "grams", Kind: snapshot.Number}, {Name: "organic", Kind: snapshot.Bool}}; len(c.fields) != 2 || c.fields[0].Name != want[0].Name || c.fields[1].Kind != want[1].Kind {
		t.Errorf("fields %+v", c.fields)
	}
	null := []snapshot.Value{{}, {}}
	want := []snapshot.Item{{ID: "cup", Price: 4, Extra: null, From: 7e14, AvailableFrom: 9e14},
		{ID: "old", Price: -1, InStock: true, From: snapshot.Undated, AvailableFrom: snapshot.Undated},
		{ID: "pot", Price: -1, Extra: null, From: snapshot.Undated, AvailableFrom: day.Micros() + 1},
		{ID: "tea", Price: 2.5, InStock: true, Tags: []string{"hot", "热"}, Extra: []snapshot.Value{snapshot.NumberValue(250), snapshot.BoolValue(true)}, From: snapshot.Undated, AvailableFrom: snapshot.Undated}}
	for i, it := range c.items {
		if math.IsNaN(it.Price) {
			it.Price = -1 // which no item costs
		}
		if !reflect.DeepEqual(it, want[i]) {
			t.Errorf("%+v, want %+v", it, want[i])
		}
	}
	if known, err := p.itemsAt(day); err != nil || !math.IsNaN(known["tea"].price) || known["tea"].extra != nil {
		t.Errorf("training sees %+v, %v", known["tea"], err)
	}
}

// TestFactorsFoldInAsTheModelDoes: the model made of a snapshot's factors scores a
// basket as the one that was trained, over a catalogue that has other items as well.
func TestFactorsFoldInAsTheModelDoes(t *testing.T) {
	var list []matrix.Event
	for u := range int32(40) {
		for i := range int32(3) {
			list = append(list, matrix.Event{User: u, Item: (u*7 + i*i) % 12, Day: 100, Weight: 1})
		}
	}
	events, err := matrix.NewEvents(40, 12, list)
	if err != nil {
		t.Fatal(err)
	}
	trained, err := ials.Fit(t.Context(), events, 101, ials.Options{Factors: 4, Iterations: 3, Seed: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range 12 {
		ids = append(ids, string(rune('b'+2*i)))
	}
	known, all := matrix.NewVocabulary(ids), matrix.NewVocabulary(append([]string{"a", "c", "z"}, ids...))
	s := &scoring{catalogue: &catalogue{vocabulary: all, items: make([]snapshot.Item, all.Len())},
		champions: &champions{recommenders: map[string]*champion{RoleDiscovery: {model: trained, items: known}}}}
	kind, values, ok, err := s.factors()
	if err != nil || !ok || kind.Role != RoleDiscovery {
		t.Fatal(kind, ok, err)
	}
	var o ials.Options
	if err := json.Unmarshal(kind.Options, &o); err != nil {
		t.Fatal(err)
	}
	m, err := ials.New(o, values)
	if err != nil {
		t.Fatal(err)
	}
	in := func(v *matrix.Vocabulary) matrix.History {
		var h matrix.History
		for _, id := range []string{"b", "f", "j"} {
			n, _ := v.Lookup(id)
			h.Item, h.Day, h.Weight = append(h.Item, n), append(h.Day, 100), append(h.Weight, 1)
		}
		return h
	}
	want, got := make([]float32, known.Len()), make([]float32, all.Len())
	if err := trained.Score(in(known), 101, want); err != nil {
		t.Fatal(err)
	}
	if err := m.Score(in(all), 101, got); err != nil {
		t.Fatal(err)
	}
	for i, id := range known.IDs() {
		if n, _ := all.Lookup(id); math.Abs(float64(got[n]-want[i])) > 1e-5 {
			t.Errorf("item %s has the score %v, of the trained model %v", id, got[n], want[i])
		}
	}
}
