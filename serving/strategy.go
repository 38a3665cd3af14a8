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
// own choice where none is, those of a list by name, or what is popular.
func (v *view) chosenFor(who subject, strategy string) ([]snapshot.Candidate, error) {
	info := v.snap.Info()
	if n := named(info.Lists, strategy); n >= 0 && strategy != "" {
		return v.listFor(who, n)
	}
	switch strategy {
	case "", info.Main:
		return who.own, nil
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
// chosen, what goes with what the customer looked at lately, what their group buys.
func (v *view) ownSources(chosen []snapshot.Candidate, who subject, strategy string) []source {
	byName := source{asked: true, read: func() (block, error) { return v.whole(chosen), nil }}
	present := source{asked: true, read: func() (block, error) { return v.present(nil, who.viewed) }}
	switch strategy {
	case Popular:
		return nil
	case "", v.snap.Info().Main:
		present.read = func() (block, error) { return v.present(chosen, who.viewed) }
		return []source{present, v.groupSource(who)}
	}
	return []source{byName, present, v.groupSource(who)}
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
