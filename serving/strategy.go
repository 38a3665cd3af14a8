package serving

import (
	"fmt"
	"slices"
	"strings"

	"regulars/models/snapshot"
)

// UnknownStrategyError says that no list goes by the name asked for.
type UnknownStrategyError struct {
	Name  string
	Known []string // in the order of the snapshot, other names in brackets
}

func (e *UnknownStrategyError) Error() string {
	return fmt.Sprintf("there is no strategy %q: those there are: %s", e.Name, strings.Join(e.Known, ", "))
}

// chosenFor returns a customer's candidates by the strategy asked for: the shop's
// own choice where none is, those of a list by name, or what is popular. Only
// those of a list by name are read already.
func (v *view) chosenFor(who subject, strategy string) ([]snapshot.Candidate, error) {
	info := v.snap.Info()
	if n := named(info.Lists, strategy); n >= 0 && strategy != "" {
		return v.listFor(who, n)
	}
	switch strategy {
	case "", info.Main:
		return nil, nil // which ownSources reads
	case Popular:
		return nil, nil // which every list is filled up with
	}
	e := &UnknownStrategyError{Name: strategy}
	for _, name := range []string{info.Main, Popular} {
		if name != "" && named(info.Lists, name) < 0 && !slices.Contains(e.Known, name) {
			e.Known = append(e.Known, name)
		}
	}
	e.Known = append(e.Known, namesOf(info.Lists)...)
	return nil, e
}

// listFor returns the list numbered n of a customer: where nobody is known, only
// if it is the same for everybody.
func (v *view) listFor(who subject, n int) ([]snapshot.Candidate, error) {
	if who.customer == nil {
		return v.snap.Shared(n), nil
	}
	list, err := who.customer.List(n)
	return list, v.excuse(err)
}

// ownSources are the parts of a list that are not the same for everybody: what was
// chosen, what goes with what the customer looked at lately, what live scoring finds
// in the catalogue, what their group buys.
func (m *making) ownSources(chosen []snapshot.Candidate, who subject, strategy string) []source {
	v := m.v
	byName := source{asked: true, read: func() (block, error) { return v.whole(chosen), nil }}
	present := source{asked: true, read: func() (block, error) { return v.present(nil, who.viewed) }}
	switch strategy {
	case Popular:
		return nil
	case "", v.snap.Info().Main:
		present.read = func() (block, error) { return v.now(who) }
		return []source{present, m.liveSource(nil, who), v.groupSource(who)}
	}
	return []source{byName, present, m.liveSource(nil, who), v.groupSource(who)}
}

// leading is how many candidates are read at first: enough for a short list of
// which some are out of stock.
const leading = 32

// now is the customer's own list with what they looked at lately merged into it.
func (v *view) now(who subject) (block, error) {
	if who.customer == nil || len(who.viewed) > 0 {
		own, err := who.own(v)
		if err != nil {
			return block{}, err
		}
		return v.present(own, who.viewed)
	}
	first, more, err := who.customer.Leading(leading)
	b := v.whole(first)
	if more {
		b.rest = func() ([]snapshot.Candidate, error) {
			own, err := who.own(v)
			return own[min(leading, len(own)):], err
		}
	}
	return b, v.excuse(err)
}

// own returns the candidates of a customer: none where nobody is known.
func (w subject) own(v *view) ([]snapshot.Candidate, error) {
	if w.customer == nil {
		return nil, nil
	}
	list, err := w.customer.Candidates()
	return list, v.excuse(err)
}

// groupStrategies are lists of what is popular with a group of customers, those
// that say most of one first.
var groupStrategies = []string{"popular-segment", "popular-region", "popular-channel"}

// groupSource is what is popular with the first group that the customer has one of.
func (v *view) groupSource(who subject) source {
	return source{read: func() (block, error) {
		for _, name := range groupStrategies {
			n := named(v.snap.Info().Lists, name)
			if n < 0 {
				continue
			}
			if list, err := v.listFor(who, n); err != nil || len(list) > 0 {
				return v.whole(list), err
			}
		}
		return block{}, nil
	}}
}

// roleOf returns the role of the model behind one of the lists asked for by name,
// and otherwise that of the main one.
func roleOf(lists []snapshot.ListKind, strategy, main string) string {
	if n := named(lists, strategy); n >= 0 && strategy != "" && lists[n].Role != "" {
		return lists[n].Role
	}
	return main
}

// itemList returns which of the lists of an item is asked for.
func (v *view) itemList(strategy string) (int, error) {
	lists := v.snap.Info().ItemLists
	if strategy == "" {
		return 0, nil
	}
	if n := named(lists, strategy); n >= 0 {
		return n, nil
	}
	return 0, &UnknownStrategyError{Name: strategy, Known: namesOf(lists)}
}

func named(lists []snapshot.ListKind, name string) int {
	return slices.IndexFunc(lists, func(l snapshot.ListKind) bool { return l.Named(name) })
}

func namesOf(lists []snapshot.ListKind) []string {
	out := make([]string, len(lists))
	for i, l := range lists {
		out[i] = l.Strategy
		if len(l.Also) > 0 {
			out[i] += " (" + strings.Join(l.Also, ", ") + ")"
		}
	}
	return out
}
