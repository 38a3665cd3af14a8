package audience

import (
	"context"
	"fmt"
	"slices"
	"time"

	"regulars/models/snapshot"
	"regulars/serving"
	"regulars/serving/filter"
)

// customer is the one who is looked at, as filters and columns see them. It is
// used again for the next one.
type customer struct {
	held  *serving.Held
	user  snapshot.User
	row   filter.UserRow
	score filter.ScoreRow
	rows  filter.Rows

	optedOut bool
}

func newCustomer(held *serving.Held) *customer {
	c := &customer{held: held}
	c.score.NextOrder = c.nextOrder
	c.rows = filter.Rows{User: &c.row, Score: &c.score}
	return c
}

func (c *customer) set(u snapshot.User) {
	c.user = u
	c.row = filter.UserRow{ID: u.ID, Profile: u.Profile}
	c.score.Scores = u.Scores
}

func (c *customer) nextOrder() (date, low, high time.Time) {
	if n := c.held.NextOrder(&c.user); n != nil {
		return n.Date, n.Low, n.High
	}
	return date, low, high
}

// each visits the members by ascending id until visit fails.
func (p *plan) each(ctx context.Context, visit func(c *customer) error) error {
	c := newCustomer(p.held)
	return p.held.Each(func(u snapshot.User) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if p.set(c, u); !p.has(c) {
			return nil
		}
		return visit(c)
	})
}

// read looks a member up by id.
func (p *plan) read(c *customer, id string) error {
	u, ok, err := p.held.User(id)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("a customer is gone from snapshot %s", p.held.Info().Version)
	}
	p.set(c, u)
	return nil
}

// set goes on to another customer. What they have said of personalisation since
// the snapshot, and from which messages they have unsubscribed, goes before what it says.
func (p *plan) set(c *customer, u snapshot.User) {
	out, known := p.live.OptedOut(u.ID)
	if i := p.optOut - filter.UserProfile; known && i >= 0 {
		u.Profile = with(u.Profile, i, out)
	}
	for _, ch := range p.channels {
		if p.unsubscribed(u, ch.name) {
			u.Profile = with(u.Profile, ch.field, false)
		}
	}
	c.set(u)
	c.optedOut = out || !known && p.optOut >= 0 && c.row.Truth(p.optOut) == filter.Yes
}

// with is a profile with another word on a field.
func with(profile []snapshot.Value, field int, is bool) []snapshot.Value {
	out := make([]snapshot.Value, max(len(profile), field+1))
	copy(out, profile)
	out[field] = snapshot.BoolValue(is)
	return out
}

// unsubscribed reports whether a customer has unsubscribed from messages by a
// channel, by any of their ids, since the snapshot, or so that it could not know.
func (p *plan) unsubscribed(u snapshot.User, channel string) bool {
	since := func(id string) bool { return !p.live.Unsubscribed(id, channel).Before(p.heard) }
	return since(u.ID) || slices.ContainsFunc(u.Aliases, func(a snapshot.Alias) bool { return since(a.ID) })
}
