package training

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"regulars/data"
	"regulars/models/snapshot"
)

// profileColumns are the columns of the users table that a profile shows, by the
// name it shows them under. Their latest values serve display and filters, also
// where they carry no date: nothing is learned from a profile.
var profileColumns = []struct {
	column string
	field  snapshot.Field
}{
	{"signed_up_at", snapshot.Field{Name: "signed_up_at", Kind: snapshot.Time, Doc: "When the customer registered."}},
	{"region", snapshot.Field{Name: "region", Kind: snapshot.String, Doc: "Where the customer lives."}},
	{"gender", snapshot.Field{Name: "gender", Kind: snapshot.String, Doc: "As the shop writes it."}},
	{"birth_year", snapshot.Field{Name: "birth_year", Kind: snapshot.Number, Doc: "Year of birth."}},
	{"time_zone", snapshot.Field{Name: "time_zone", Kind: snapshot.String, Doc: "The customer's own, such as Asia/Shanghai."}},
	{"tier", snapshot.Field{Name: "tier", Kind: snapshot.String, Doc: "Of membership."}},
	{"points", snapshot.Field{Name: "points", Kind: snapshot.Number, Doc: "Loyalty points."}},
	{"source", snapshot.Field{Name: "source", Kind: snapshot.String, Doc: "Where the customer came from."}},
	{"referrer_id", snapshot.Field{Name: "referrer_id", Kind: snapshot.String, Doc: "Customer who brought this one."}},
	{"acquisition_cost", snapshot.Field{Name: "acquisition_cost", Kind: snapshot.Number, Doc: "In units of currency."}},
	{"personalization_opt_out", snapshot.Field{Name: fieldOptOut, Kind: snapshot.Bool, Doc: "True of a customer who wants no personalisation."}},
}

// fieldOptOut is the field that says who refuses personalisation.
const fieldOptOut = "opt_out"

// orderFields are what a profile says of the orders before as_of.
var orderFields = []snapshot.Field{
	{Name: "orders", Kind: snapshot.Number, Doc: "Distinct orders."},
	{Name: "spend", Kind: snapshot.Number, Doc: "Quantity times unit price, summed; returns not deducted."},
	{Name: "aov", Kind: snapshot.Number, Doc: "Average order value: spend by orders."},
	{Name: "recency_days", Kind: snapshot.Number, Doc: "Days from the last order to as_of."},
	{Name: "first_order", Kind: snapshot.Time, Doc: "Day of the first order, as its midnight."},
	{Name: "last_order", Kind: snapshot.Time, Doc: "Day of the last order, as its midnight."},
}

// consentField is the name of the field that says whether a channel is allowed.
func consentField(channel string) string { return "consent_" + channel }

// profiles say who customers are, as valid at as_of.
type profiles struct {
	fields   []snapshot.Field // those of the users table, then of orders, then consents
	shown    int              // how many are of the users table
	texts    interned
	rows     map[string][]float64 // by person: the fields of the users table; NaN = null, of a text its number
	places   []int                // of the channels in fields, by number; −1 = not shown
	consents map[string][]consent // by person
	aliases  map[string][]snapshot.Alias
}

// consent is the latest word of a customer on a channel.
type consent struct {
	channel int32
	granted bool
	at      int64 // microseconds
}

// profiles reads who the customers are; same are the ids that are another customer's.
func (p *Pipeline) profiles(same map[string]string) (*profiles, error) {
	out := &profiles{}
	for _, read := range []func(*Pipeline, map[string]string) error{out.readUsers, out.readConsents, out.readAliases} {
		if err := read(p, same); err != nil {
			return nil, fmt.Errorf("reading customers' profiles: %w", err)
		}
	}
	return out, nil
}

func (f *profiles) readUsers(p *Pipeline, same map[string]string) error {
	var columns []string
	for _, c := range profileColumns {
		columns, f.fields = append(columns, c.column), append(f.fields, c.field)
	}
	own, err := p.ownColumns(data.Users, slices.Concat(f.fields, orderFields))
	if err != nil {
		return err
	}
	for _, field := range own {
		columns, f.fields = append(columns, field.Name), append(f.fields, field)
	}
	f.shown = len(f.fields)
	known, err := usersAt(p, columns, f.pack)
	if err != nil {
		return err
	}
	f.rows, f.fields = byPerson(known, same), append(f.fields, orderFields...)
	return f.readOptOuts(p, same)
}

// readOptOuts puts what customers have told the server before what the users
// table says. Where several ids of a person have told different things, the
// refusal counts.
func (f *profiles) readOptOuts(p *Pipeline, same map[string]string) error {
	if p.OptOuts == nil {
		return nil
	}
	told, err := p.OptOuts()
	if err != nil {
		return err
	}
	said := map[string]bool{}
	for id, refused := range told {
		said[person(same, id)] = said[person(same, id)] || refused
	}
	at := slices.IndexFunc(f.fields, func(field snapshot.Field) bool { return field.Name == fieldOptOut })
	for id, refused := range said {
		if f.rows[id] == nil {
			f.rows[id] = slices.Repeat([]float64{math.NaN()}, f.shown)
		}
		f.rows[id][at] = snapshot.BoolValue(refused).Num
	}
	return nil
}

// pack keeps a row of the users table as numbers, which take a third of the room.
func (f *profiles) pack(row data.Row) []float64 {
	out := make([]float64, len(row))
	for i, cell := range row {
		switch v := valueOf(cell); v.Kind {
		case snapshot.Null:
			out[i] = math.NaN()
		case snapshot.String:
			out[i] = float64(f.texts.number(v.Text))
		default:
			out[i] = v.Num
		}
	}
	return out
}

func (f *profiles) readConsents(p *Pipeline, same map[string]string) error {
	var names interned
	f.consents = map[string][]consent{}
	asOf := p.Options.AsOf.Micros()
	err := p.scan(data.Consents, []string{"user_id", "channel", "granted", "ts"}, func(row data.Row) {
		if row[3].Micros() >= asOf {
			return
		}
		id := person(same, row[0].Str())
		f.consents[id] = latest(f.consents[id], consent{names.number(row[1].Str()), row[2].Bool(), row[3].Micros()})
	})
	if err != nil {
		return err
	}
	f.nameChannels(names.list)
	return f.readUnsubscribed(p, same, names.list)
}

// readUnsubscribed takes who unsubscribed from messages by a channel as a refusal
// of it. A channel that nobody was asked about stays without a field.
func (f *profiles) readUnsubscribed(p *Pipeline, same map[string]string, channels []string) error {
	asOf := p.Options.AsOf.Micros()
	return p.scan(data.Contacts, []string{"user_id", "channel", "unsubscribed_at"}, func(row data.Row) {
		if row[2].IsNull() || row[2].Micros() >= asOf {
			return
		}
		if i := slices.Index(channels, row[1].Str()); i >= 0 {
			id := person(same, row[0].Str())
			f.consents[id] = latest(f.consents[id], consent{int32(i), false, row[2].Micros()})
		}
	})
}

// nameChannels gives every channel that was spoken of a field, by name; one whose
// field is a column of the shop's own has that.
func (f *profiles) nameChannels(list []string) {
	f.places = make([]int, len(list))
	for _, channel := range slices.Sorted(slices.Values(list)) {
		number, name := slices.Index(list, channel), consentField(channel)
		if f.places[number] = -1; !slices.ContainsFunc(f.fields, func(field snapshot.Field) bool { return field.Name == name }) {
			f.places[number] = len(f.fields)
			f.fields = append(f.fields, snapshot.Field{Name: name, Kind: snapshot.Bool, Doc: "May be written to by " + channel + "; null: nothing is known."})
		}
	}
}

// latest notes a word on a channel unless a later one is known. Of two at one
// instant the refusal counts.
func latest(list []consent, c consent) []consent {
	i := slices.IndexFunc(list, func(old consent) bool { return old.channel == c.channel })
	switch {
	case i < 0:
		return append(list, c)
	case c.at > list[i].at:
		list[i] = c
	case c.at == list[i].at:
		list[i].granted = list[i].granted && c.granted
	}
	return list
}

// readAliases collects the links that are known at as_of.
func (f *profiles) readAliases(p *Pipeline, same map[string]string) error {
	links, err := IdentityLinks(p.Lake)
	if err != nil || len(links) == 0 {
		return err
	}
	undone, err := ReadUndone(p.Workspace)
	if err != nil {
		return err
	}
	f.aliases = map[string][]snapshot.Alias{}
	for _, l := range undone.Keep(links) {
		if id := person(same, l.UserID); id != "" && l.Alias != "" && l.Known(p.Options.AsOf) {
			f.aliases[id] = append(f.aliases[id], snapshot.Alias{Source: l.Source, ID: l.Alias})
		}
	}
	for id, list := range f.aliases {
		slices.SortFunc(list, func(a, b snapshot.Alias) int {
			return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID))
		})
		f.aliases[id] = slices.Compact(list)
	}
	return nil
}

// of is the profile of a person.
func (f *profiles) of(id string, orders []snapshot.Value) []snapshot.Value {
	out := make([]snapshot.Value, len(f.fields))
	for i, v := range f.rows[id] {
		out[i] = f.unpack(f.fields[i].Kind, v)
	}
	copy(out[f.shown:], orders)
	for _, c := range f.consents[id] {
		if at := f.places[c.channel]; at >= 0 {
			out[at] = snapshot.BoolValue(c.granted)
		}
	}
	return out
}

func (f *profiles) unpack(kind snapshot.Kind, v float64) snapshot.Value {
	switch {
	case math.IsNaN(v):
		return snapshot.Value{}
	case kind == snapshot.String:
		return snapshot.StringValue(f.texts.list[int(v)])
	}
	return snapshot.Value{Kind: kind, Num: v}
}

// ordersOf are the values of orderFields of customer u, who is not known to have
// bought where u is below 0.
func (s *scoring) ordersOf(u int32, scores *snapshot.Scores) []snapshot.Value {
	out := make([]snapshot.Value, len(orderFields))
	out[0], out[1] = snapshot.NumberValue(0), snapshot.NumberValue(0)
	if scores != nil && scores.RFM != nil {
		r := scores.RFM
		out[0], out[1] = snapshot.NumberValue(float64(r.Orders)), snapshot.NumberValue(r.Spend)
		out[2], out[3] = snapshot.NumberValue(r.Spend/float64(r.Orders)), snapshot.NumberValue(r.RecencyDays)
	}
	if u >= 0 {
		if days := s.bought.Events.History(int(u)).Day; len(days) > 0 {
			out[4], out[5] = midnight(slices.Min(days)), midnight(slices.Max(days))
		}
	}
	return out
}

func midnight(day int32) snapshot.Value { return snapshot.TimeValue(float64(data.Day(day).Micros())) }

// ownColumns returns the columns of a table that only this shop has, as fields of
// a snapshot; lists, and columns that go by the name of a field there is, are not shown.
func (p *Pipeline) ownColumns(table data.Table, taken []snapshot.Field) ([]snapshot.Field, error) {
	paths, err := p.Lake.Paths(table)
	if err != nil || len(paths) == 0 {
		return nil, err
	}
	reader, schema, err := p.Lake.Reader(table)
	if err != nil {
		return nil, err
	}
	contract, _ := data.SchemaOf(table)
	var out []snapshot.Field
	for _, c := range schema.Columns[len(contract.Columns):] {
		kind := fieldKind(c.Kind)
		used := slices.ContainsFunc(taken, func(f snapshot.Field) bool { return f.Name == c.Name })
		if kind != snapshot.Null && !used {
			out = append(out, snapshot.Field{Name: c.Name, Kind: kind, Doc: "A column of the shop's own."})
		}
	}
	return out, reader.Close()
}

// fieldKind is how a snapshot holds a column; Null where it does not.
func fieldKind(k data.Kind) snapshot.Kind {
	switch k {
	case data.KindString:
		return snapshot.String
	case data.KindInt, data.KindFloat, data.KindMoney:
		return snapshot.Number
	case data.KindBool:
		return snapshot.Bool
	case data.KindTime:
		return snapshot.Time
	}
	return snapshot.Null
}

func valueOf(v data.Value) snapshot.Value {
	switch v.Kind() {
	case data.KindString:
		return snapshot.StringValue(v.Str())
	case data.KindInt:
		return snapshot.NumberValue(float64(v.Int()))
	case data.KindFloat:
		return snapshot.NumberValue(v.Float())
	case data.KindMoney:
		return snapshot.NumberValue(v.Money().Float())
	case data.KindBool:
		return snapshot.BoolValue(v.Bool())
	case data.KindTime:
		return snapshot.TimeValue(float64(v.Micros()))
	}
	return snapshot.Value{}
}

// A userRow is what was made of a row of the users table, and since when it holds.
type userRow[T any] struct {
	of   T
	from int64 // microseconds; the smallest when the row is undated
}

// usersAt makes something of the row of each id of the users table that is valid
// at as_of.
func usersAt[T any](p *Pipeline, columns []string, of func(data.Row) T) (map[string]userRow[T], error) {
	out := map[string]userRow[T]{}
	asOf := p.Options.AsOf.Micros()
	dates := []string{"user_id", "valid_from", "signed_up_at"}
	err := p.scan(data.Users, append(dates, columns...), func(row data.Row) {
		for _, since := range row[1:3] {
			if !since.IsNull() && since.Micros() >= asOf {
				return
			}
		}
		from := int64(minInt64)
		if !row[1].IsNull() {
			from = row[1].Micros()
		}
		if old, ok := out[row[0].Str()]; !ok || from >= old.from {
			out[strings.Clone(row[0].Str())] = userRow[T]{of(row[len(dates):]), from}
		}
	})
	return out, err
}

// byPerson keeps one row a person: that of the id that stands for all, or else
// the newest, as in the features.
func byPerson[T any](known map[string]userRow[T], same map[string]string) map[string]T {
	ids := slices.SortedFunc(maps.Keys(known), func(a, b string) int {
		return cmp.Or(cmp.Compare(known[b].from, known[a].from), strings.Compare(a, b))
	})
	out := make(map[string]T, len(ids))
	for _, id := range ids {
		to := person(same, id)
		_, own := known[to]
		if _, had := out[to]; id == to || !own && !had {
			out[to] = known[id].of
		}
	}
	return out
}
