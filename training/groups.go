package training

import (
	"cmp"
	"errors"
	"hash/fnv"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"regulars/data"
	"regulars/features/read"
	"regulars/models"
	"regulars/models/snapshot"
)

// A grouping puts customers into groups, each of which has a list of what is
// popular in it. The list goes by the name of the role.
type grouping struct {
	role   string
	reason models.ReasonKind

	// groupOf returns the group of every customer at as_of of whom it is known; same
	// are the ids that are another customer's.
	groupOf func(p *Pipeline, same map[string]string) (map[string]string, error)
}

var groupings = [...]grouping{
	{RolePopularRegion, models.ReasonRegion, (*Pipeline).regions},
	{RolePopularChannel, models.ReasonChannel, (*Pipeline).channels},
	{RolePopularSegment, models.ReasonSegment, (*Pipeline).segments},
}

// leastGroup is how many customers must have bought lately for a group to have a
// list of its own: that of a few would tell what those few bought.
const leastGroup = 20

// regions returns where customers live.
func (p *Pipeline) regions(same map[string]string) (map[string]string, error) {
	known, err := usersAt(p, []string{"region"}, func(row data.Row) string { return row[0].Str() })
	if err != nil {
		return nil, err
	}
	out := byPerson(known, same)
	maps.DeleteFunc(out, func(_, region string) bool { return region == "" })
	return out, nil
}

// channels returns through which channel customers order most, of equals the
// first in byte order. Returns do not count, nor do orders whose channel is not known.
func (p *Pipeline) channels(same map[string]string) (map[string]string, error) {
	var users, names interned
	var orders []orderBy
	asOf := p.Options.AsOf.Micros()
	err := p.scan(data.Orders, []string{"user_id", "order_id", "ts", "is_return", "channel"}, func(row data.Row) {
		id, channel := row[0].Str(), row[4].Str()
		if channel == "" || row[2].Micros() >= asOf || row[3].Bool() {
			return
		}
		o := orderBy{users.number(person(same, id)), names.number(channel), hashOf(row[1].Str())}
		if len(orders) == 0 || orders[len(orders)-1] != o { // the lines of an order mostly lie together
			orders = append(orders, o)
		}
	})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for user, channel := range mostOrders(orders, names.list) {
		out[users.list[user]] = channel
	}
	return out, nil
}

// orderBy says through which channel an order, named by a hash, was made.
type orderBy struct {
	user, channel int32
	order         uint64
}

// mostOrders returns the channel with the most distinct orders of each user.
func mostOrders(orders []orderBy, channels []string) map[int32]string {
	slices.SortFunc(orders, func(a, b orderBy) int {
		return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.channel, b.channel), cmp.Compare(a.order, b.order))
	})
	orders = slices.Compact(orders)
	out, most := map[int32]string{}, map[int32]int{}
	for from := 0; from < len(orders); {
		o, to := orders[from], from
		for to < len(orders) && orders[to].user == o.user && orders[to].channel == o.channel {
			to++
		}
		n, name := to-from, channels[o.channel]
		if n > most[o.user] || n == most[o.user] && name < out[o.user] {
			out[o.user], most[o.user] = name, n
		}
		from = to
	}
	return out
}

// interned numbers texts in the order in which they come.
type interned struct {
	numbers map[string]int32
	list    []string
}

func (t *interned) number(text string) int32 {
	if n, ok := t.numbers[text]; ok {
		return n
	}
	if t.numbers == nil {
		t.numbers = map[string]int32{}
	}
	text = strings.Clone(text) // a row's texts may hold on to a whole page
	n := int32(len(t.list))
	t.numbers[text], t.list = n, append(t.list, text)
	return n
}

func hashOf(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash never fails to write
	return h.Sum64()
}

// segments returns the life-cycle states, where the group that knows them is built.
func (p *Pipeline) segments(map[string]string) (map[string]string, error) {
	ids, states, err := read.Texts(p.featureRoot(), "lifecycle", "state", p.Options.AsOf)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(ids))
	for i, id := range ids {
		out[id] = states[i]
	}
	return out, nil
}

// largeGroups returns the names, ascending, of the groups of which enough
// customers bought in the days [from, to): the largest, where there are more than
// fit, and none where there is only one.
func largeGroups(groupOf map[string]string, in *read.Interactions, from, to int32) []string {
	size := map[string]int{}
	for u, id := range in.Users.IDs() {
		group, ok := groupOf[id]
		if ok && slices.ContainsFunc(in.Events.History(u).Day, func(d int32) bool { return from <= d && d < to }) {
			size[group]++
		}
	}
	maps.DeleteFunc(size, func(_ string, n int) bool { return n < leastGroup })
	if len(size) < 2 {
		return nil
	}
	names := slices.SortedFunc(maps.Keys(size), func(a, b string) int {
		return cmp.Or(cmp.Compare(size[b], size[a]), strings.Compare(a, b))
	})
	names = names[:min(len(names), snapshot.MaxGroups)]
	slices.Sort(names)
	return names
}
