package serving

import "time"

// Live is what is known beyond the snapshot: what was told since it was made, and what it leaves to
// those who listen to the shop. Every request asks it, concurrently; it answers from memory.
type Live interface {
	// Item is what was told of an item; false where nothing was.
	Item(id string) (ItemUpdate, bool)
	// Told returns the ids of the items of which something was told, in the order in which that
	// first happened, but for so many at the front. None is ever taken out.
	Told(from int) []string
	// Recent is what a customer, or a session, did lately. Either may be ""; where both are given the
	// session's own doings are among the answer. False where nothing is known of either.
	Recent(userID, sessionID string) (Recent, bool)
	// OptedOut says whether the customer refuses personalisation. Not known: the snapshot's word holds.
	OptedOut(userID string) (out, known bool)
	// Erased says whether the customer asked to be forgotten.
	Erased(userID string) bool
}

// ItemUpdate is the latest word on each field of an item. A field that is nil was not told. A word holds against
// the snapshot where it is later than the instant from which the snapshot's own row of the item is valid, whatever
// was told of other fields since.
type ItemUpdate struct {
	InStock       *Word[bool]
	Price         *Word[float64] // in the shop's currency
	AvailableFrom *Word[time.Time]
}

// Word is what was told of a field, and when.
type Word[T any] struct {
	Value T
	At    time.Time
}

// Recent is what a customer or session did lately, newest first.
type Recent struct {
	UserID string // the customer whom the session belongs to, or who was asked for; "" unknown
	Bought []Touch
	Viewed []Touch // clicked, viewed, put into the cart, marked as favourite or shared
	// Ignored is what was shown three times or more and never clicked, viewed or bought.
	Ignored []Touch
}

// Touch is an item, when it was last touched, and how often lately.
type Touch struct {
	ItemID string
	At     time.Time
	Count  int
}

// HasItem reports whether the snapshot in use knows an item; without a snapshot
// no item is known.
func (s *Store) HasItem(id string) bool {
	v, err := s.acquire()
	if err != nil {
		return false
	}
	defer v.release()
	_, ok := v.snap.LookupItem(id)
	return ok
}
