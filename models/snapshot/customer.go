package snapshot

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// Customer is the record of one customer, read and checked once. Its parts are
// decoded when they are asked for. It may be used as long as the snapshot is open.
type Customer struct {
	snap                 *Snapshot
	id                   string
	core, profile, lists []byte
	record               *[]byte // which they are parts of
}

// Release gives the memory of the record back, once its parts have been decoded.
// Nothing may be asked of the customer afterwards. It need not be called.
func (c *Customer) Release() {
	if record := c.record; record != nil {
		c.core, c.profile, c.lists, c.record = nil, nil, nil, nil
		c.snap.records.Put(record)
	}
}

// keptRecord is the largest record whose memory is kept for the next, in bytes.
const keptRecord = 64 << 10

// spare is memory for a record.
func (s *Snapshot) spare() *[]byte {
	if b, ok := s.records.Get().(*[]byte); ok && cap(*b) <= keptRecord {
		return b
	}
	return new([]byte)
}

// Customer reads the record of the customer who goes by that id or alias; nil when
// there is none. An error that wraps ErrDamaged says that the record is not what
// was published, though the snapshot could be opened.
func (s *Snapshot) Customer(id string) (*Customer, error) {
	key, p, ok, err := s.find(id)
	if err != nil || !ok {
		return nil, err
	}
	return s.record(key, p)
}

func (s *Snapshot) record(id string, p place) (*Customer, error) {
	record := s.spare()
	b, err := p.read(s.bulk, *record)
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", s.info.Version, err)
	}
	*record = b
	c, err := s.parse(id, b)
	if err == nil {
		c.record = record
	}
	return c, err
}

// parse takes a record apart.
func (s *Snapshot) parse(id string, record []byte) (*Customer, error) {
	d := &decoder{b: record}
	c := &Customer{snap: s, id: id, core: d.take(d.uvarint()), profile: d.take(d.uvarint()), lists: d.b}
	if d.err != nil {
		return nil, s.damaged(bulkName, d.err)
	}
	return c, nil
}

// find looks up where the record of an id or alias lies, and the id that it is under.
func (s *Snapshot) find(id string) (key string, p place, ok bool, err error) {
	if p, ok = s.index.find(id); ok {
		return id, p, true, nil
	}
	err = s.db.View(func(tx *bbolt.Tx) error {
		if aliases := tx.Bucket([]byte(bucketAliases)); aliases != nil {
			key = string(aliases.Get([]byte(id)))
		}
		return nil
	})
	if err != nil || key == "" {
		return "", place{}, false, err
	}
	p, ok = s.index.find(key)
	return key, p, ok, nil
}

// Person returns the id that stands for the customer who goes by an id or alias; ""
// where there is none, as of an alias that several customers are given.
func (s *Snapshot) Person(id string) (string, error) {
	key, _, ok, err := s.find(id)
	if err != nil || !ok {
		return "", err
	}
	return key, nil
}

// ID is the id that stands for all of the customer's.
func (c *Customer) ID() string { return c.id }

// ItemIDs returns the ids of items by catalogue number.
func (c *Customer) ItemIDs(items []int32) (ids []string) {
	for _, i := range items {
		ids = append(ids, c.snap.items[i].ID)
	}
	return ids
}

// User decodes what is known of the customer but for the lists beside the main one.
func (c *Customer) User() (User, error) {
	d := &decoder{b: c.core}
	u := d.core(c.snap.bounds())
	if err := d.end(); err != nil {
		return User{}, c.snap.damaged(bulkName, err)
	}
	var err error
	u.ID = c.id
	u.Profile, u.Aliases, err = c.Profile()
	return u, err
}

// Profile decodes a value of each of Info.UserFields, and the other ids.
func (c *Customer) Profile() ([]Value, []Alias, error) {
	d := &decoder{b: c.profile}
	values, aliases := d.values(c.snap.info.UserFields), d.aliases()
	return values, aliases, c.snap.damaged(bulkName, d.end())
}

// Scores decodes what the models say of the customer and nothing else; nil where
// nothing is.
func (c *Customer) Scores() (*Scores, error) {
	d := &decoder{b: c.core}
	flags := d.uvarint()
	if flags&flagScored == 0 {
		return nil, c.snap.damaged(bulkName, d.err)
	}
	d.skipCandidates()
	d.skipBought()
	scores := d.scores(flags, c.snap.bounds())
	if err := d.end(); err != nil {
		return nil, c.snap.damaged(bulkName, err)
	}
	return scores, nil
}

// Value decodes the value of Info.UserFields[n] alone.
func (c *Customer) Value(n int) (Value, error) {
	d := &decoder{b: c.profile}
	fields := c.snap.info.UserFields
	for _, f := range fields[:n] {
		d.skipValue(f.Kind)
	}
	v := d.value(fields[n])
	return v, c.snap.damaged(bulkName, d.err)
}

// Aliases decodes the other ids alone; mostly there are none.
func (c *Customer) Aliases() ([]Alias, error) {
	d := &decoder{b: c.profile}
	for _, f := range c.snap.info.UserFields {
		d.skipValue(f.Kind)
	}
	aliases := d.aliases()
	return aliases, c.snap.damaged(bulkName, d.end())
}

// Candidates decodes the main list, best first.
func (c *Customer) Candidates() ([]Candidate, error) {
	d := &decoder{b: c.core}
	d.uvarint() // flags of the scores
	list := d.candidates(c.snap.bounds())
	return list, c.snap.damaged(bulkName, d.err)
}

// Leading decodes the candidates at the top of the main list, at most so many, and
// reports whether there are more: most answers need no more than a few.
func (c *Customer) Leading(most int) (list []Candidate, more bool, err error) {
	d := &decoder{b: c.core}
	d.uvarint() // flags of the scores
	list, more = d.leading(c.snap.bounds(), most)
	return list, more, c.snap.damaged(bulkName, d.err)
}

// List decodes the list numbered n of Info.Lists, best first; none by group where
// the customer is of no group. The caller must not change it.
func (c *Customer) List(n int) (list []Candidate, err error) {
	s := c.snap
	if s.info.Lists[n].Shared {
		return s.shared[n], nil
	}
	d := &decoder{b: c.lists}
	if s.grouped[n] == nil {
		list = d.list(n, s.bounds())
	} else if g := d.group(n, len(s.grouped[n])); g > 0 {
		list = s.grouped[n][g-1]
	}
	return list, s.damaged(bulkName, d.end())
}

// User returns what Customer.User does, and false when the id is unknown.
func (s *Snapshot) User(id string) (u User, ok bool, err error) {
	c, err := s.Customer(id)
	if c == nil || err != nil {
		return User{}, false, err
	}
	u, err = c.User()
	return u, err == nil, err
}

// Candidates returns a customer's main list, best first: none for an unknown one.
func (s *Snapshot) Candidates(id string) ([]Candidate, error) {
	c, err := s.Customer(id)
	if c == nil || err != nil {
		return nil, err
	}
	return c.Candidates()
}

// List returns the list numbered n of Info.Lists for a customer, as Customer.List
// does: none for an unknown one, unless everybody shares it.
func (s *Snapshot) List(id string, n int) ([]Candidate, error) {
	if s.info.Lists[n].Shared {
		return s.shared[n], nil
	}
	c, err := s.Customer(id)
	if c == nil || err != nil {
		return nil, err
	}
	return c.List(n)
}

// eachChunk is how many customers are looked up within one transaction.
const eachChunk = 256

// Each calls visit with every customer whose id comes after the given one, by
// ascending id, until visit fails. A customer is visited once, whatever their
// aliases. Memory stays the same however many there are.
func (s *Snapshot) Each(after string, visit func(c *Customer) error) error {
	for {
		ids, places, err := s.chunk(after)
		if err != nil || len(ids) == 0 {
			return err
		}
		for i, id := range ids {
			c, err := s.record(id, places[i])
			if err != nil {
				return err
			}
			if err := visit(c); err != nil {
				return err
			}
		}
		after = ids[len(ids)-1]
	}
}

// chunk returns the customers that follow after an id; none behind the last.
func (s *Snapshot) chunk(after string) (ids []string, places []place, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		users := tx.Bucket([]byte(bucketUsers))
		if users == nil {
			return s.missing(bucketUsers)
		}
		c := users.Cursor()
		k, v := c.Seek([]byte(after))
		if k != nil && string(k) == after {
			k, v = c.Next()
		}
		for ; k != nil && len(ids) < eachChunk; k, v = c.Next() {
			p, err := placeOf(v, s.size)
			if err != nil {
				return s.damaged(bucketUsers, err)
			}
			ids, places = append(ids, string(k)), append(places, p)
		}
		return nil
	})
	return ids, places, err
}
