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
func (v *view) chosenFor(userID, strategy string) ([]snapshot.Candidate, error) {
	info := v.snap.Info()
	if n := named(info.Lists, strategy); n >= 0 && strategy != "" {
		return v.listOf(userID, n)
	}
	switch strategy {
	case "", info.Main:
		return v.candidates(userID)
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
