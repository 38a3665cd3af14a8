package identity

import (
	"maps"
	"slices"

	"regulars/data"
)

// Resolution maps every id that is not its own representative to the one that
// stands for the person.
type Resolution map[string]string

// Of returns the representative of id; one that no link names is its own.
func (r Resolution) Of(id string) string {
	if to, ok := r[id]; ok {
		return to
	}
	return id
}

// Resolve joins the ids of the links known at asOf. The order of the links and
// their repetition do not matter. The rules:
//
//   - A link joins its alias and its user_id; whoever is joined with the same is
//     one person (connected components).
//   - An alias is the id of that text in other tables as well, so links may form
//     chains. It is not when several sources give the text to different
//     user_ids: source A's 1001 need not be source B's. Such an alias joins
//     nothing, and the bare text resolves only if all of them prove to be one person.
//   - The representative is the first in byte order of the person's user_ids that
//     are not at the same time an alias of another id; where links run in a
//     circle, so that all of them are, the first of all its user_ids.
//   - A link without alias or user_id is left out.
func Resolve(links []Link, asOf data.Day) Resolution { return newGraph(links, asOf).resolution() }

// graph is a disjoint-set forest (Tarjan 1975) whose nodes are the texts of ids
// and, for aliases that are ambiguous, the pair of source and text.
type graph struct {
	known     []Link
	ambiguous map[string]bool // texts that sources give to different user_ids
	node      map[Key]int32   // bare texts have the source ""
	name      []Key
	parent    []int32
	size      []int32
	isUser    []bool
	isAlias   []bool // of another id
}

func newGraph(links []Link, asOf data.Day) *graph {
	g := &graph{node: map[Key]int32{}}
	for _, l := range links {
		if l.Known(asOf) && l.Alias != "" && l.UserID != "" {
			g.known = append(g.known, l)
		}
	}
	g.findAmbiguous()
	for _, l := range g.known {
		user := g.add(Key{Alias: l.UserID})
		alias := g.add(g.aliasKey(l))
		g.isUser[user] = true
		if alias != user {
			g.isAlias[alias] = true
			g.union(alias, user)
		}
	}
	return g
}

// findAmbiguous collects texts with links from several sources that do not all
// name the same user_id.
func (g *graph) findAmbiguous() {
	g.ambiguous = map[string]bool{}
	first := map[string]Link{}
	severalSources, severalUsers := map[string]bool{}, map[string]bool{}
	for _, l := range g.known {
		f, seen := first[l.Alias]
		if !seen {
			first[l.Alias] = l
			continue
		}
		if f.Source != l.Source {
			severalSources[l.Alias] = true
		}
		if f.UserID != l.UserID {
			severalUsers[l.Alias] = true
		}
	}
	for text := range severalSources {
		if severalUsers[text] {
			g.ambiguous[text] = true
		}
	}
}

// aliasKey names the node of a link's alias.
func (g *graph) aliasKey(l Link) Key {
	if g.ambiguous[l.Alias] {
		// A leading NUL keeps a source without a name apart from bare texts.
		return Key{Source: "\x00" + l.Source, Alias: l.Alias}
	}
	return Key{Alias: l.Alias}
}

func (g *graph) add(k Key) int32 {
	if i, ok := g.node[k]; ok {
		return i
	}
	i := int32(len(g.name))
	g.node[k] = i
	g.name = append(g.name, k)
	g.parent, g.size = append(g.parent, i), append(g.size, 1)
	g.isUser, g.isAlias = append(g.isUser, false), append(g.isAlias, false)
	return i
}

func (g *graph) find(i int32) int32 {
	for g.parent[i] != i {
		g.parent[i] = g.parent[g.parent[i]]
		i = g.parent[i]
	}
	return i
}

func (g *graph) union(a, b int32) {
	a, b = g.find(a), g.find(b)
	if a == b {
		return
	}
	if g.size[a] < g.size[b] {
		a, b = b, a
	}
	g.parent[b] = a
	g.size[a] += g.size[b]
}

func (k Key) bare() bool { return k.Source == "" }

// representatives returns, for the root of every component, who stands for it.
func (g *graph) representatives() map[int32]string {
	proper, all := map[int32]string{}, map[int32]string{}
	smaller := func(m map[int32]string, root int32, id string) {
		if have, ok := m[root]; !ok || id < have {
			m[root] = id
		}
	}
	for i, k := range g.name {
		if !g.isUser[i] {
			continue
		}
		root := g.find(int32(i))
		smaller(all, root, k.Alias)
		if !g.isAlias[i] {
			smaller(proper, root, k.Alias)
		}
	}
	maps.Copy(all, proper)
	return all
}

func (g *graph) resolution() Resolution {
	representative := g.representatives()
	out := Resolution{}
	for i, k := range g.name {
		if to := representative[g.find(int32(i))]; k.bare() && to != k.Alias {
			out[k.Alias] = to
		}
	}
	for text, to := range g.settled(representative) {
		if to != text {
			out[text] = to
		}
	}
	return out
}

// settled returns the ambiguous texts that prove to mean one person.
func (g *graph) settled(representative map[int32]string) map[string]string {
	out := map[string]string{}
	for _, a := range g.ambiguousTexts(representative) {
		if len(a.people) == 1 {
			out[a.alias] = a.people[0]
		}
	}
	return out
}

// ambiguousText is a text that several sources use, and whom they mean.
type ambiguousText struct {
	alias   string
	people  []string // representatives, sorted
	sources []string // sorted
}

// ambiguousTexts lists the ambiguous texts in byte order.
func (g *graph) ambiguousTexts(representative map[int32]string) []ambiguousText {
	people, sources := map[string][]string{}, map[string][]string{}
	for i, k := range g.name {
		if !g.ambiguous[k.Alias] {
			continue
		}
		people[k.Alias] = append(people[k.Alias], representative[g.find(int32(i))])
		if !k.bare() { // else the text is also a user_id: one more person that it may mean
			sources[k.Alias] = append(sources[k.Alias], k.Source[1:])
		}
	}
	var out []ambiguousText
	for _, alias := range slices.Sorted(maps.Keys(people)) {
		out = append(out, ambiguousText{alias: alias, people: distinct(people[alias]), sources: distinct(sources[alias])})
	}
	return out
}

func distinct(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}
