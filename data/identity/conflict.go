package identity

import (
	"cmp"
	"maps"
	"slices"

	"regulars/data"
)

// DefaultLargest is the number of ids of one person beyond which a person is
// reported: a placeholder used as alias joins strangers by the thousand.
const DefaultLargest = 20

// Reasons why links look wrong.
const (
	// Claimed: one alias of one source is linked to several user_ids. They count
	// as one person.
	Claimed = "claimed"
	// Ambiguous: several sources use the same text for different people. It joins nothing.
	Ambiguous = "ambiguous"
	// SeveralAliases: a person of several user_ids has several aliases of one
	// source: perhaps two people.
	SeveralAliases = "several_aliases"
	// Large: a person of very many ids.
	Large = "large"
)

// Conflict is one thing to look at.
type Conflict struct {
	Reason  string   `json:"reason"`
	Person  string   `json:"person,omitempty"` // the representative; empty for an ambiguous alias
	Sources []string `json:"sources,omitempty"`
	Aliases []string `json:"aliases,omitempty"`
	UserIDs []string `json:"user_ids,omitempty"` // of an ambiguous alias: the people it may mean
	IDs     int      `json:"ids,omitempty"`      // how many ids the person has, for Large
}

// Conflicts reports what looks wrong among the links known at asOf, sorted.
// A person of more than largest ids is reported; 0 means DefaultLargest.
func Conflicts(links []Link, asOf data.Day, largest int) []Conflict {
	if largest == 0 {
		largest = DefaultLargest
	}
	g := newGraph(links, asOf)
	representative := g.representatives()
	out := g.claimed(representative)
	for _, a := range g.ambiguousTexts(representative) {
		if len(a.people) > 1 {
			out = append(out, Conflict{Reason: Ambiguous, Sources: a.sources, Aliases: []string{a.alias}, UserIDs: a.people})
		}
	}
	out = append(out, g.perPerson(representative, largest)...)
	slices.SortFunc(out, func(a, b Conflict) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Person, b.Person),
			slices.Compare(a.Sources, b.Sources), slices.Compare(a.Aliases, b.Aliases))
	})
	return out
}

func (g *graph) claimed(representative map[int32]string) []Conflict {
	users := map[Key][]string{}
	for _, l := range g.known {
		users[l.Key()] = append(users[l.Key()], l.UserID)
	}
	var out []Conflict
	for k, ids := range users {
		if ids = distinct(ids); len(ids) > 1 {
			root := g.find(g.node[Key{Alias: ids[0]}])
			out = append(out, Conflict{Reason: Claimed, Person: representative[root],
				Sources: []string{k.Source}, Aliases: []string{k.Alias}, UserIDs: ids})
		}
	}
	return out
}

// person is what one component holds.
type person struct {
	ids, users map[string]bool
	aliases    map[string]map[string]bool // by source
}

func (g *graph) people() map[int32]*person {
	out := map[int32]*person{}
	for _, l := range g.known {
		root := g.find(g.node[Key{Alias: l.UserID}])
		p := out[root]
		if p == nil {
			p = &person{ids: map[string]bool{}, users: map[string]bool{}, aliases: map[string]map[string]bool{}}
			out[root] = p
		}
		p.ids[l.UserID], p.ids[l.Alias], p.users[l.UserID] = true, true, true
		if p.aliases[l.Source] == nil {
			p.aliases[l.Source] = map[string]bool{}
		}
		p.aliases[l.Source][l.Alias] = true
	}
	return out
}

func (g *graph) perPerson(representative map[int32]string, largest int) []Conflict {
	var out []Conflict
	for root, p := range g.people() {
		who := representative[root]
		if len(p.ids) > largest {
			out = append(out, Conflict{Reason: Large, Person: who, IDs: len(p.ids)})
		}
		if len(p.users) < 2 {
			continue
		}
		for source, aliases := range p.aliases {
			if len(aliases) > 1 {
				out = append(out, Conflict{Reason: SeveralAliases, Person: who, Sources: []string{source},
					Aliases: slices.Sorted(maps.Keys(aliases)), UserIDs: slices.Sorted(maps.Keys(p.users))})
			}
		}
	}
	return out
}
