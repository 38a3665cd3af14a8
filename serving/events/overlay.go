package events

import (
	"container/list"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"regulars/serving"
)

// mostTrails bounds how many customers and sessions are remembered in memory.
const mostTrails = 200_000

// overlay is what serving asks, in memory: see serving.Live, but for who refuses
// personalisation, which is told elsewhere. It is written by one goroutine and
// read by every request.
type overlay struct {
	itemsMu sync.RWMutex
	items   map[string]serving.ItemUpdate
	told    []string     // its keys, in the order in which they came
	count   atomic.Int64 // of told

	marksMu sync.RWMutex
	erased  map[idHash]struct{}

	unsubscribed Unsubscribed

	trailsMu sync.RWMutex
	trails   map[owner]*list.Element // of *trail
	latest   *list.List              // most lately touched first
	most     int
}

// owner is a customer, by any of their ids, or a session.
type owner struct {
	session bool
	id      string
}

type idHash = [sha256.Size]byte

func newOverlay(most int) *overlay {
	return &overlay{items: map[string]serving.ItemUpdate{}, erased: map[idHash]struct{}{},
		trails: map[owner]*list.Element{}, latest: list.New(), most: most}
}

// Item is what was told of an item, see serving.Live.
func (o *overlay) Item(id string) (serving.ItemUpdate, bool) {
	o.itemsMu.RLock()
	defer o.itemsMu.RUnlock()
	u, ok := o.items[id]
	return u, ok
}

func (o *overlay) setItem(id string, u serving.ItemUpdate) {
	o.itemsMu.Lock()
	defer o.itemsMu.Unlock()
	if _, had := o.items[id]; !had {
		o.told = append(o.told, id)
	}
	o.items[id] = u
	o.count.Store(int64(len(o.told)))
}

// Told is of which items something was told, see serving.Live.
func (o *overlay) Told(from int) []string {
	if from >= int(o.count.Load()) {
		return nil
	}
	o.itemsMu.RLock()
	defer o.itemsMu.RUnlock()
	return o.told[from:len(o.told):len(o.told)]
}

// Erased says whether the customer asked to be forgotten, see serving.Live, or
// whose session it is.
func (o *overlay) Erased(userID string) bool {
	o.marksMu.RLock()
	defer o.marksMu.RUnlock()
	if len(o.erased) == 0 {
		return false
	}
	_, is := o.erased[sha256.Sum256([]byte(userID))]
	return is
}

// forget takes customers in that asked to be forgotten, and drops what is known
// of them; anew, instead of those it knew. It looks for them before it shuts
// readers out.
func (o *overlay) forget(hashes []idHash, anew bool) {
	if len(hashes) == 0 && !anew {
		return
	}
	o.marksMu.Lock()
	if anew {
		clear(o.erased)
	}
	for _, h := range hashes {
		o.erased[h] = struct{}{}
	}
	o.marksMu.Unlock()
	var gone []owner
	o.trailsMu.RLock()
	for key, e := range o.trails {
		if who := e.Value.(*trail).user; who != "" && o.Erased(who) || o.Erased(key.id) {
			gone = append(gone, key)
		}
	}
	o.trailsMu.RUnlock()
	o.unsubscribed.forget(o.Erased)
	o.trailsMu.Lock()
	defer o.trailsMu.Unlock()
	for _, key := range gone {
		o.drop(o.trails[key])
	}
}

// Unsubscribed returns when a customer last unsubscribed from messages by a
// channel, see Unsubscribed.At.
func (o *overlay) Unsubscribed(userID, channel string) time.Time {
	return o.unsubscribed.At(userID, channel)
}

// Recent is what a customer or session did lately, see serving.Live.
func (o *overlay) Recent(userID, sessionID string) (serving.Recent, bool) {
	o.trailsMu.RLock()
	defer o.trailsMu.RUnlock()
	session := o.find(owner{true, sessionID})
	if userID == "" && session != nil && session.user != "" {
		userID, session = session.user, nil
	}
	if userID = o.person(userID); userID != "" && o.Erased(userID) {
		return serving.Recent{}, false
	}
	if session != nil && session.user != "" {
		session = nil // joined to a customer, who has its touches
	}
	user := o.find(owner{false, userID})
	switch {
	case user == nil && session == nil:
		return serving.Recent{UserID: userID}, userID != "" && sessionID != "" && o.find(owner{true, sessionID}) != nil
	case session == nil:
		return user.recent(userID), true
	case user == nil:
		return session.recent(userID), true
	}
	return summary(userID, append(append([]touch{}, user.touches...), session.touches...)), true
}

// find returns the trail of an owner, nil where there is none.
func (o *overlay) find(key owner) *trail {
	if key.id == "" {
		return nil
	}
	if e := o.trails[key]; e != nil {
		return e.Value.(*trail)
	}
	return nil
}

// touched returns the trail of an owner to be written to, made where there is
// none: then the owner who was least lately touched is dropped, if there are too many.
func (o *overlay) touched(key owner) *trail {
	if e := o.trails[key]; e != nil {
		o.latest.MoveToFront(e)
		return e.Value.(*trail)
	}
	t := &trail{owner: key}
	o.trails[key] = o.latest.PushFront(t)
	if o.latest.Len() > o.most {
		o.drop(o.latest.Back())
	}
	return t
}

func (o *overlay) drop(e *list.Element) {
	if e == nil {
		return
	}
	delete(o.trails, e.Value.(*trail).owner)
	o.latest.Remove(e)
}

// mostHops bounds how far ids are followed that were told to be one another.
const mostHops = 4

// person returns the id that stands for the customer of this one, as far as was told.
func (o *overlay) person(id string) string {
	for range mostHops {
		t := o.find(owner{false, id})
		if t == nil || t.user == "" {
			break
		}
		id = t.user
	}
	return id
}

// link says whose a session or an alias is: what it did is the customer's from
// now on. A session that is somebody's stays theirs; an alias that several
// sources give to different customers is nobody's.
func (o *overlay) link(key owner, userID string) {
	o.trailsMu.Lock()
	defer o.trailsMu.Unlock()
	t := o.touched(key)
	if t.user != "" {
		t.shared = t.shared || !key.session && t.user != userID
	}
	switch {
	case t.shared:
		t.user = ""
		return
	case t.user != "" || !key.session && o.person(userID) == key.id:
		return
	}
	t.user = userID
	if len(t.touches) == 0 {
		return
	}
	user := o.touched(owner{false, o.person(userID)})
	for _, did := range t.touches {
		user.add(did)
	}
	t.touches = nil
	t.answer.Store(nil)
}

// customerOf returns the customer whom a session is known to belong to, or "".
func (o *overlay) customerOf(sessionID string) string {
	o.trailsMu.RLock()
	defer o.trailsMu.RUnlock()
	if t := o.find(owner{true, sessionID}); t != nil {
		return t.user
	}
	return ""
}

// touch takes in what a customer, or a session, did with an item.
func (o *overlay) touch(userID, sessionID string, t touch) {
	o.trailsMu.Lock()
	defer o.trailsMu.Unlock()
	if sessionID != "" && userID == "" {
		session := o.touched(owner{true, sessionID})
		if session.user == "" {
			session.add(t)
			return
		}
		userID = session.user
	}
	if userID == "" {
		return
	}
	if alias := (owner{false, userID}); o.find(alias) != nil {
		o.touched(alias) // whose it is must not be dropped while it is in use
	}
	o.touched(owner{false, o.person(userID)}).add(t)
}

// size returns how many customers, sessions and items are held.
func (o *overlay) size() (trails, items int) {
	o.trailsMu.RLock()
	trails = o.latest.Len()
	o.trailsMu.RUnlock()
	o.itemsMu.RLock()
	defer o.itemsMu.RUnlock()
	return trails, len(o.items)
}

// trail is what one owner did lately.
type trail struct {
	owner   owner
	user    string // of a session or an alias: the customer it belongs to, "" unknown
	shared  bool   // an alias of different customers
	touches []touch
	answer  atomic.Pointer[serving.Recent] // made of touches when first asked for
}

func (t *trail) recent(userID string) serving.Recent {
	if r := t.answer.Load(); r != nil {
		out := *r
		out.UserID = userID
		return out
	}
	r := summary(userID, t.touches)
	t.answer.Store(&r)
	return r
}

func microTime(us int64) time.Time { return time.UnixMicro(us).UTC() }
