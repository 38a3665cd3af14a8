package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"regulars/data"
	"regulars/data/identity"
	"regulars/data/lake"
	"regulars/data/state"
)

// Place is where rows of people are kept. The lake is one.
type Place interface {
	// Each gives do every row of the person: where it is, with slashes and
	// without an id, and what it holds as a JSON object.
	Each(ctx context.Context, s lake.Subject, do func(where, row string) error) error
	// Erase takes the person out. It may be repeated, and is called under the
	// workspace's lock.
	Erase(ctx context.Context, s lake.Subject) error
}

// Eraser knows all places of one workspace.
type Eraser struct {
	DB    *state.DB
	Lake  *lake.Lake
	Links func(ctx context.Context) ([]identity.Link, error) // those in use
	// Visits returns sessions of these ids that the lake does not know of; nil: there are none.
	Visits func(ctx context.Context, ids []string) ([]string, error)
	Places []Place
}

// Receipt says what became of a request, without naming anybody.
type Receipt struct {
	ID          string   `json:"receipt,omitempty"` // absent from a dry run
	Status      string   `json:"status"`            // see the constants
	Person      string   `json:"person,omitempty"`  // salted hash of the id asked for
	RequestedAt string   `json:"requested_at,omitempty"`
	FinishedAt  string   `json:"finished_at,omitempty"`
	LiftedAt    string   `json:"lifted_at,omitempty"` // since when the person may come back
	Removed     []Count  `json:"removed"`             // of a dry run: what would be
	Remains     []Remain `json:"remains,omitempty"`
}

// What a receipt can say of its erasure.
const (
	Pending = "pending" // recorded: nobody is served or taken in, removal waits for the lock
	Done    = "done"
	DryRun  = "dry run"
)

// Count is how many rows a place held.
type Count struct {
	Where string `json:"where"`
	Rows  int64  `json:"rows"`
}

// Remain is something that an erasure leaves, and why.
type Remain struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// remains is the same for everybody: what is not rows of people.
var remains = []Remain{
	{"models", "they hold figures of items and features learned from all customers together and name none; the next training learns without this person"},
	{"counts and totals in reports, metrics and popular lists", "they are of all customers together; the next run counts without this person"},
	{"hashes of the person's ids and sessions", "they keep the person from being imported again; `regulars erase --forget` lifts that"},
	{"files that Regulars does not keep, such as those imported from, downloads, backups and what was exported to elsewhere than the workspace", "they are out of reach: erase them where they are"},
}

// everAfter is a day later than any link.
var everAfter = data.DayOf(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC))

// IDs returns all ids that are known to be the same person as id, which stands first.
func (e *Eraser) IDs(ctx context.Context, id string) ([]string, error) {
	links, err := e.Links(ctx)
	return idsOf(links, id), err
}

func idsOf(links []identity.Link, id string) []string {
	people := identity.Resolve(links, everAfter)
	person := people.Of(id)
	ids := []string{person}
	for from, to := range people {
		if to == person {
			ids = append(ids, from)
		}
	}
	slices.Sort(ids)
	return append([]string{id}, slices.DeleteFunc(ids, func(other string) bool { return other == id })...)
}

// Who returns the ids and the sessions of the person who goes by id, which
// stands first.
func (e *Eraser) Who(ctx context.Context, id string) (lake.Subject, error) {
	links, err := e.Links(ctx)
	if err != nil {
		return lake.Subject{}, err
	}
	ids := idsOf(links, id)
	s := lake.Subject{IDs: ids, Aliases: unshared(links, ids)}
	if s.Sessions, err = e.Lake.Sessions(ctx, ids); err != nil || e.Visits == nil {
		return s, err
	}
	visits, err := e.Visits(ctx, ids)
	s.Sessions = union(s.Sessions, visits)
	return s, err
}

// unshared returns those of the ids that no source gives to somebody else.
func unshared(links []identity.Link, ids []string) []string {
	others := map[string]bool{}
	for _, l := range links {
		if !slices.Contains(ids, l.UserID) {
			others[l.Alias] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return others[id] })
}

// Find counts what is held of a person and changes nothing.
func (e *Eraser) Find(ctx context.Context, id string) (Receipt, error) {
	s, err := e.Who(ctx, id)
	if err != nil {
		return Receipt{}, err
	}
	counts, err := e.count(ctx, s)
	return Receipt{Status: DryRun, Removed: counts, Remains: remains}, err
}

func (e *Eraser) count(ctx context.Context, s lake.Subject) ([]Count, error) {
	counts := []Count{}
	at := map[string]int{}
	for _, p := range e.Places {
		err := p.Each(ctx, s, func(where, _ string) error {
			i, ok := at[where]
			if !ok {
				i = len(counts)
				at[where], counts = i, append(counts, Count{Where: where})
			}
			counts[i].Rows++
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// Request records that a person is to be erased. Asked again while that is
// pending, it returns what was recorded. It needs no lock.
func (e *Eraser) Request(ctx context.Context, id string) (state.Erasure, error) {
	s, err := e.Who(ctx, id)
	if err != nil {
		return state.Erasure{}, err
	}
	who, err := json.Marshal(s)
	if err != nil {
		return state.Erasure{}, err
	}
	return e.DB.RequestErasure(ctx, blocked(s), who)
}

// blocked is what may not be taken in again.
func blocked(s lake.Subject) []string { return append(slices.Clone(s.IDs), s.Sessions...) }

// Resume does what is pending and returns it as it then stands. The caller holds
// the workspace's lock. One that cannot be done does not keep the others from it.
func (e *Eraser) Resume(ctx context.Context) (done []state.Erasure, err error) {
	pending, err := e.DB.PendingErasures(ctx)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, one := range pending {
		finished, err := e.finish(ctx, one)
		if err != nil {
			errs = append(errs, fmt.Errorf("erasure %s: %w", one.ID, err))
			continue
		}
		done = append(done, finished)
	}
	return done, errors.Join(errs...)
}

func (e *Eraser) finish(ctx context.Context, one state.Erasure) (state.Erasure, error) {
	var s lake.Subject
	if err := json.Unmarshal(one.Who, &s); err != nil {
		return one, fmt.Errorf("reading whom it is about: %w", err)
	}
	receipt := Receipt{}
	if one.Receipt == nil {
		var err error
		if s, receipt, err = e.begin(ctx, one.ID, s); err != nil {
			return one, err
		}
	} else if err := json.Unmarshal(one.Receipt, &receipt); err != nil {
		return one, fmt.Errorf("reading what was found: %w", err)
	}
	s.Erasure = one.ID
	for _, p := range e.Places {
		if err := p.Erase(ctx, s); err != nil {
			return one, err
		}
	}
	left, err := e.count(ctx, s)
	if err != nil {
		return one, err
	}
	if len(left) > 0 {
		return one, fmt.Errorf("%d rows are left in %s", left[0].Rows, left[0].Where)
	}
	text, err := json.Marshal(receipt)
	if err != nil {
		return one, err
	}
	return e.DB.FinishErasure(ctx, one.ID, text)
}

// begin looks again who the person is, now that nobody else writes, and records
// what is held before anything of it goes: afterwards it could not be told.
func (e *Eraser) begin(ctx context.Context, id string, s lake.Subject) (lake.Subject, Receipt, error) {
	now, err := e.Who(ctx, s.IDs[0])
	if err != nil {
		return s, Receipt{}, err
	}
	s = lake.Subject{IDs: union(s.IDs, now.IDs), Aliases: union(s.Aliases, now.Aliases), Sessions: union(s.Sessions, now.Sessions)}
	counts, err := e.count(ctx, s)
	if err != nil {
		return s, Receipt{}, err
	}
	receipt := Receipt{Removed: counts, Remains: remains}
	who, err := json.Marshal(s)
	if err != nil {
		return s, receipt, err
	}
	text, err := json.Marshal(receipt)
	if err != nil {
		return s, receipt, err
	}
	return s, receipt, e.DB.UpdateErasure(ctx, id, blocked(s), who, text)
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// ReceiptOf returns what an erasure says to the outside.
func ReceiptOf(one state.Erasure) (Receipt, error) {
	r := Receipt{Removed: []Count{}}
	if !one.Pending() { // what was found before is not yet what was removed
		if err := json.Unmarshal(one.Receipt, &r); err != nil {
			return r, fmt.Errorf("reading receipt %s: %w", one.ID, err)
		}
	}
	r.ID, r.Status, r.Person, r.RequestedAt = one.ID, Pending, one.Person, one.RequestedAt.Format(time.RFC3339)
	if !one.Pending() {
		r.Status, r.FinishedAt = Done, one.FinishedAt.Format(time.RFC3339)
	}
	if !one.LiftedAt.IsZero() {
		r.LiftedAt = one.LiftedAt.Format(time.RFC3339)
	}
	return r, nil
}
