package events

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"regulars/data"
)

// sessionSource is the source of the alias that a session is.
const sessionSource = "session"

func moneyFloat(units int64) float64 { return data.Money(units).Float() }

func hashOf(id string) idHash { return sha256.Sum256([]byte(id)) }

// refusal is why one row was not taken, worded for whoever sent it.
type refusal struct {
	detail   string
	conflict bool // with what was told before
}

func (r *refusal) Error() string { return r.detail }

func refuse(format string, args ...any) error { return &refusal{detail: fmt.Sprintf(format, args...)} }

// outcome is what became of a row.
type outcome uint8

const (
	accepted outcome = iota
	duplicate
)

// refuseErased keeps out rows of customers who asked to be forgotten, and of what
// was their session.
func (b *batch) refuseErased(id string) error {
	if id != "" && b.overlay.Erased(id) {
		return refuse("the customer was erased: nothing is kept of them")
	}
	return nil
}

// insertEvent is made of the schema, so that the two cannot differ.
var insertEvent = "INSERT INTO events (" + strings.Join(eventSchema.ColumnNames(), ", ") + ", received, ordered) VALUES (" +
	strings.Repeat("?, ", len(eventSchema.Columns)) + "?, ?) ON CONFLICT (event_id) DO NOTHING RETURNING seq"

// event takes in one event. One without an id gets one.
func (b *batch) event(r record) (outcome, error) {
	user, session := r.text("user_id"), r.text("session_id")
	if err := b.refuseErased(cmp.Or(user, session)); err != nil {
		return 0, err
	}
	if !r.has("event_id") {
		r.set("event_id", data.String(rand.Text()))
	}
	if !r.has("ts") {
		r.set("ts", data.Time(b.now))
	}
	ordered := 1
	if isLine(r) {
		ordered = 0
		if err := b.numberLine(r); err != nil {
			return 0, err
		}
	}
	args := make([]any, 0, len(r.row)+2)
	for _, v := range r.row {
		args = append(args, argument(v))
	}
	row, err := b.row(b.ctx, insertEvent, append(args, b.now.UnixMicro(), ordered)...)
	if err != nil {
		return 0, err
	}
	if err := row.Scan(&b.seen.events); errors.Is(err, sql.ErrNoRows) {
		return duplicate, nil
	} else if err != nil {
		return 0, err
	}
	if err := b.joinSession(session, user, r.get("ts")); err != nil {
		return 0, err
	}
	if t, ok := touchOf(r); ok {
		b.live = append(b.live, func(o *overlay) { o.touch(user, session, t) })
	}
	return accepted, nil
}

// isLine reports whether an event becomes an order line, once its customer is known.
func isLine(r record) bool {
	return r.text("type") == typePurchase && r.has("order_id") && r.has("item_id") && r.has("unit_price")
}

// numberLine gives an order line that has no number the next one of its order,
// so that it is the same line however often it is sent to the lake.
func (b *batch) numberLine(r record) error {
	if r.has("line_number") {
		return nil
	}
	row, err := b.row(b.ctx, "SELECT coalesce(max(line_number), 0) FROM events WHERE order_id = ? AND line_number IS NOT NULL", r.text("order_id"))
	if err != nil {
		return err
	}
	var last int64
	if err := row.Scan(&last); err != nil {
		return err
	}
	r.set("line_number", data.Int(last+1))
	return nil
}

// joinSession notes that an event names both a session and its customer. A
// session that is somebody's stays theirs: devices are shared, and the event
// itself says whose it is.
func (b *batch) joinSession(session, user string, ts data.Value) error {
	if session == "" || user == "" || b.overlay.customerOf(session) != "" || b.overlay.Erased(session) {
		return nil
	}
	_, err := b.link(sessionSource, session, user, ts)
	var refused *refusal
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

// checkEvent says what is wrong with an event beyond its columns.
func checkEvent(r record) error {
	if !r.has("user_id") && !r.has("session_id") {
		return refuse("neither user_id nor session_id is given: one of them is needed")
	}
	if r.text("type") == typePurchase {
		if q := r.get("quantity"); isLine(r) && q.IsNull() {
			r.set("quantity", data.Int(1))
		}
		return checkLine(r)
	}
	for _, c := range lineColumns {
		if r.has(c.Name) {
			return refuse("%s goes with type purchase alone", c.Name)
		}
	}
	return nil
}

// orderSchema is that of the lake's order lines.
var orderSchema = contract(data.Orders)

// checkLine refuses a purchase whose order line the lake would refuse.
func checkLine(r record) error {
	if !isLine(r) {
		return nil
	}
	line := make(data.Row, len(orderSchema.Columns))
	for i, c := range orderSchema.Columns {
		if r.schema.Index(c.Name) >= 0 {
			line[i] = r.get(c.Name)
		}
	}
	// What is missing is given later: the number, the time, the customer.
	for name, v := range map[string]data.Value{"ts": data.Time(tooEarly), "user_id": data.String("someone"), "is_return": data.Bool(false)} {
		if i := orderSchema.Index(name); line[i].IsNull() {
			line[i] = v
		}
	}
	if reason := orderSchema.Validate(line); reason != "" {
		return refuse("%s", reason)
	}
	return nil
}

// identity takes in whose a session or an alias is.
func (b *batch) identity(r record) (outcome, error) {
	if err := b.refuseErased(r.text("user_id")); err != nil {
		return 0, err
	}
	source, alias := r.text("source"), r.text("alias")
	if r.has("session_id") {
		source, alias = sessionSource, r.text("session_id")
	}
	if err := b.refuseErased(alias); err != nil {
		return 0, err
	}
	if !r.has("ts") {
		r.set("ts", data.Time(b.now))
	}
	return b.link(source, alias, r.text("user_id"), r.get("ts"))
}

// checkIdentity wants a session, or a source and an alias.
func checkIdentity(r record) error {
	switch session, source, alias := r.has("session_id"), r.has("source"), r.has("alias"); {
	case session && (source || alias):
		return refuse("session_id goes without source and alias")
	case !session && !(source && alias):
		return refuse("session_id is needed, or source and alias")
	}
	return nil
}

func (b *batch) link(source, alias, user string, ts data.Value) (outcome, error) {
	row, err := b.row(b.ctx, "SELECT user_id FROM links WHERE source = ? AND alias = ?", source, alias)
	if err != nil {
		return 0, err
	}
	var known string
	switch err := row.Scan(&known); {
	case err == nil && known == user:
		return duplicate, nil
	case err == nil:
		return 0, &refusal{"the session or alias belongs to another customer already", true}
	case !errors.Is(err, sql.ErrNoRows):
		return 0, err
	}
	row, err = b.row(b.ctx, "INSERT INTO links (source, alias, user_id, ts, received) VALUES (?, ?, ?, ?, ?) RETURNING seq",
		source, alias, user, ts.Micros(), b.now.UnixMicro())
	if err != nil {
		return 0, err
	}
	b.live = append(b.live, func(o *overlay) { o.link(owner{source == sessionSource, alias}, user) })
	return accepted, row.Scan(&b.seen.links)
}

// checkItem wants an update to say something.
func checkItem(r record) error {
	if !r.has("in_stock") && !r.has("price") && !r.has("available_from") {
		return refuse("none of in_stock, price and available_from is given")
	}
	return nil
}

// item takes in an update, field by field the latest word. One that is older
// than all that is known changes nothing. What is told holds at once, so that it is
// of now at the latest: by a clock that is ahead it would silence all words until then.
func (b *batch) item(r record) (outcome, error) {
	if !r.has("ts") || r.get("ts").Time().After(b.now) {
		r.set("ts", data.Time(b.now))
	}
	it := itemState{}
	row, err := b.row(b.ctx, "SELECT "+itemStateColumns+" FROM items WHERE item_id = ?", r.text("item_id"))
	if err != nil {
		return 0, err
	}
	if err := row.Scan(it.scan()...); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	it.id = r.text("item_id")
	if !it.take(r) {
		return duplicate, nil
	}
	args := []any{it.id}
	for i := range it.told {
		args = append(args, it.told[i], it.at[i])
	}
	row, err = b.row(b.ctx, "INSERT INTO items (item_id, seq, in_stock, in_stock_at, price, price_at, available_from, available_from_at) "+
		"VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM items), ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (item_id) DO UPDATE SET "+
		"seq = excluded.seq, in_stock = excluded.in_stock, in_stock_at = excluded.in_stock_at, price = excluded.price, "+
		"price_at = excluded.price_at, available_from = excluded.available_from, available_from_at = excluded.available_from_at RETURNING seq", args...)
	if err != nil {
		return 0, err
	}
	u := it.update()
	b.live = append(b.live, func(o *overlay) { o.setItem(it.id, u) })
	return accepted, row.Scan(&b.seen.items)
}

// take reports whether an update says anything that is not older than what is known.
func (it *itemState) take(r record) bool {
	at, news := r.get("ts").Micros(), false
	for i, name := range []string{"in_stock", "price", "available_from"} {
		if v := r.get(name); !v.IsNull() && (!it.at[i].Valid || at >= it.at[i].Int64) {
			it.told[i] = sql.NullInt64{Int64: v.Int(), Valid: true}
			it.at[i] = sql.NullInt64{Int64: at, Valid: true}
			news = true
		}
	}
	return news
}

// begun are the columns of a contact that its first word must have, and that
// later ones do not change.
var begun = []string{"campaign_id", "user_id", "ts", "channel", "arm"}

// refusesAnew is the condition under which a word on a contact tells a refusal that
// is later than what is known.
const refusesAnew = "excluded.unsubscribed_at > coalesce(contacts.unsubscribed_at, 0)"

var (
	selectContact = "SELECT " + strings.Join(contactSchema.ColumnNames(), ", ") + " FROM contacts WHERE contact_id = ?"
	upsertContact = "INSERT INTO contacts (" + strings.Join(contactSchema.ColumnNames(), ", ") + ", received, unsubscribed_told) VALUES (" +
		strings.Repeat("?, ", len(contactSchema.Columns)) + "?, ?) ON CONFLICT (contact_id) DO UPDATE SET " + excluded(contactSchema.ColumnNames()) +
		", unsubscribed_told = iif(" + refusesAnew + ", excluded.unsubscribed_told, contacts.unsubscribed_told)" +
		", refusal_flushed = iif(" + refusesAnew + ", 0, contacts.refusal_flushed)"
)

func excluded(names []string) string {
	set := make([]string, len(names))
	for i, name := range names {
		set[i] = name + " = excluded." + name
	}
	return strings.Join(set, ", ")
}

// contact takes in a message that was sent or withheld, or what became of one:
// of every column the latest word that is not null.
func (b *batch) contact(r record) (outcome, error) {
	row, err := b.row(b.ctx, selectContact, r.text("contact_id"))
	if err != nil {
		return 0, err
	}
	known := record{&contactSchema, make(data.Row, len(r.row))}
	switch err := row.Scan(cells(contactSchema.Columns, known.row)...); {
	case errors.Is(err, sql.ErrNoRows):
		if err := b.newContact(r); err != nil {
			return 0, err
		}
	case err != nil:
		return 0, err
	default:
		changed, err := r.complete(known)
		if err != nil {
			return 0, err
		}
		if !changed {
			return duplicate, nil
		}
	}
	if err := b.refuseErased(r.text("user_id")); err != nil {
		return 0, err
	}
	args := make([]any, 0, len(r.row)+2)
	for _, v := range r.row {
		args = append(args, argument(v))
	}
	var told any
	if r.has("unsubscribed_at") {
		told = b.now.UnixMicro()
	}
	if at := r.get("unsubscribed_at"); !at.IsNull() && (!known.has("unsubscribed_at") || at.Micros() > known.get("unsubscribed_at").Micros()) {
		s, at := subscription{r.text("user_id"), r.text("channel")}, r.get("unsubscribed_at").Time()
		if at.Before(b.now) {
			at = b.now
		}
		b.live = append(b.live, func(o *overlay) { o.unsubscribed.add(s, at) })
	}
	return accepted, b.exec(b.ctx, upsertContact, append(args, b.now.UnixMicro(), told)...)
}

func (b *batch) newContact(r record) error {
	if !r.has("ts") {
		r.set("ts", data.Time(b.now))
	}
	for _, name := range begun {
		if !r.has(name) {
			return refuse("%s is missing, and nothing was told of this contact before", name)
		}
	}
	return nil
}

// complete fills r up with what is known, and reports whether r says anything new.
func (r record) complete(known record) (changed bool, err error) {
	for _, name := range begun {
		if r.has(name) && !r.get(name).Equal(known.get(name)) {
			return false, &refusal{name + " is not what this contact began with", true}
		}
	}
	for i, v := range known.row {
		if r.row[i].IsNull() {
			r.row[i] = v
		}
		changed = changed || !r.row[i].Equal(v)
	}
	return changed, nil
}
