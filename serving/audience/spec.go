package audience

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"regulars/models/snapshot"
	"regulars/serving"
	"regulars/serving/filter"
)

// Spec says which customers are meant, and what of them is told. The zero value
// is everybody who may be written to.
type Spec struct {
	Filter  string
	Sort    []string // columns or paths of fields; - before one turns it round; ties by id
	Limit   int      // 0 = all
	Columns []string // none: those that there are
	IDs     []string // sources of aliases, each a column
	Channel string   // by which they will be written to
	Include []string // OptedOut, Suppressed: those who are left out otherwise
	Lang    serving.Lang
}

// What Spec.Include may name.
const (
	OptedOut   = "opted_out"  // refuses personalisation
	Suppressed = "suppressed" // has not agreed to the channel
)

// Limits of a Spec.
const (
	maxSort    = 8
	maxColumns = 200
	maxSources = 20
	maxName    = 200 // bytes of a column or source
)

// SpecError says which part of a Spec is wrong.
type SpecError struct {
	Part string // as a request names it, such as filter
	Err  error
}

func (e *SpecError) Error() string { return e.Part + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the part.
func (e *SpecError) Unwrap() error { return e.Err }

func wrong(part, format string, args ...any) error {
	return &SpecError{part, fmt.Errorf(format, args...)}
}

// check refuses what is wrong whatever the snapshot.
func (s Spec) check() error {
	if s.Limit < 0 {
		return wrong("limit", "it is %d, and must be 1 or more", s.Limit)
	}
	for _, list := range []struct {
		part  string
		names []string
		most  int
	}{{"sort", s.Sort, maxSort}, {"columns", s.Columns, maxColumns}, {"ids", s.IDs, maxSources}} {
		if len(list.names) > list.most {
			return wrong(list.part, "it names %d: at most %d are allowed", len(list.names), list.most)
		}
		for _, name := range list.names {
			if name == "" || len(name) > maxName {
				return wrong(list.part, "a name is empty or longer than %d bytes", maxName)
			}
		}
	}
	for _, who := range s.Include {
		if who != OptedOut && who != Suppressed {
			return wrong("include", "%q is not one of %s, %s", who, OptedOut, Suppressed)
		}
	}
	return nil
}

// Check refuses a filter that cannot be read and what else is wrong whatever the
// snapshot that it is asked of. Errors are *SpecError.
func (s Spec) Check() error {
	if s.Filter != "" {
		if err := filter.CheckSyntax(s.Filter); err != nil {
			return &SpecError{"filter", err}
		}
	}
	return s.check()
}

// A plan is a Spec made out for one snapshot.
type plan struct {
	spec     Spec
	held     *serving.Held
	live     Live
	filter   *filter.Filter // nil: everybody
	sort     []sortKey
	columns  []Column
	values   []func(*customer) Cell // of the columns
	optOut   int                    // place of the field; -1 = none
	consent  int
	channels []channel // of which consents are known
	heard    time.Time // up to when the snapshot knows for certain what was told
	optedOut bool      // they are in it
}

func newPlan(spec Spec, held *serving.Held, live Live, filters *filter.Cache) (*plan, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	schema, err := filter.OfCustomers(held.Info())
	if err != nil {
		return nil, err
	}
	p := &plan{spec: spec, held: held, live: live, optOut: -1, consent: -1, optedOut: slices.Contains(spec.Include, OptedOut)}
	if spec.Filter != "" {
		if p.filter, err = filters.Compile(spec.Filter, schema); err != nil {
			return nil, &SpecError{"filter", err}
		}
	}
	if i, ok := schema.Lookup(filter.User, "opt_out"); ok && schema.Fields(filter.User)[i].Kind == filter.Bool {
		p.optOut = i
	}
	p.channels, p.heard = channelsOf(held.Info()), held.Heard()
	if err := p.channel(); err != nil {
		return nil, err
	}
	if p.sort, err = sortKeys(spec.Sort, schema); err != nil {
		return nil, err
	}
	return p, p.choose(schema)
}

// channel looks up who may be written to. Where nothing is known of a channel at
// all, it is more likely misspelt than refused by everybody.
func (p *plan) channel() error {
	if p.spec.Channel == "" || slices.Contains(p.spec.Include, Suppressed) {
		return nil
	}
	var names []string
	for _, c := range p.channels {
		if names = append(names, c.name); c.name == p.spec.Channel {
			p.consent = filter.UserProfile + c.field
			return nil
		}
	}
	known := "no consents are known"
	if len(names) > 0 {
		known = "they are known of " + strings.Join(names, ", ")
	}
	return wrong("channel", "no consents are known of %q, so that nobody may be written to by it (%s); include=%s lists customers all the same", p.spec.Channel, known, Suppressed)
}

// channel is a field of profiles that says who agreed to be written to.
type channel struct {
	name  string
	field int
}

func channelsOf(info *snapshot.Info) (out []channel) {
	for i, f := range info.UserFields {
		if name, ok := strings.CutPrefix(f.Name, filter.ConsentPrefix); ok && f.Kind == snapshot.Bool {
			out = append(out, channel{name, i})
		}
	}
	return out
}

// Live is what is known of customers beyond the snapshot.
type Live interface {
	OptedOut(userID string) (out, known bool)
	Erased(userID string) bool
	// Unsubscribed is when the customer last unsubscribed from messages by a channel, or
	// when that was told, whichever is later; zero: they have not, as far as is known.
	Unsubscribed(userID, channel string) time.Time
}

// nothing is known beyond the snapshot.
type nothing struct{}

func (nothing) OptedOut(string) (out, known bool)  { return false, false }
func (nothing) Erased(string) bool                 { return false }
func (nothing) Unsubscribed(_, _ string) time.Time { return time.Time{} }

// has reports whether the customer is in the audience.
func (p *plan) has(c *customer) bool {
	return !p.live.Erased(c.user.ID) && p.mayBeWrittenTo(c) && (p.filter == nil || p.filter.Match(&c.rows))
}

func (p *plan) mayBeWrittenTo(c *customer) bool {
	if p.consent >= 0 && c.rows.User.Truth(p.consent) != filter.Yes {
		return false
	}
	return p.optedOut || !c.optedOut
}
