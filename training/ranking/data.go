package ranking

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"regulars/data"
	"regulars/data/interactions"
	"regulars/features/matrix"
	"regulars/training/split"
)

// Data is what a family may learn from.
type Data struct {
	Events *matrix.Events
	Dated  bool                // the days are real; else all are the same
	Items  *interactions.Items // what items are like; nil = not known
	IDs    *matrix.Vocabulary  // of the items
	Users  *matrix.Vocabulary  // nil = not known

	// ItemsAt says what items were like on an earlier day, for families that go
	// back in time; nil = Items has no days and holds for every one.
	ItemsAt func(now int32) (*interactions.Items, error)

	// Group is the number of the group of each user, below Groups, −1 where it is
	// not known; nil = there are no groups.
	Group  []int32
	Groups int
}

// at is what may be learned from on an earlier day, of which ev are the interactions.
func (d *Data) at(ev *matrix.Events, now int32) (*Data, error) {
	then := *d
	then.Events = ev
	if d.ItemsAt == nil {
		return &then, nil
	}
	items, err := d.ItemsAt(now)
	if err != nil {
		return nil, fmt.Errorf("what items were like on day %d: %w", now, err)
	}
	then.Items = items
	return &then, nil
}

// Split is data cut for one measurement. Train is everything that may be known.
type Split struct {
	Data
	Now     int32     // the day on which lists are made: no interaction of train is on it or later
	Truth   [][]int32 // of each user of train, the items to be found, ascending; none = not measured
	Repeat  bool      // items of train may be recommended again; else they are no truth either
	Skipped int       // users of the later part who are left without truth, or are unknown in train

	horizon int  // days that truth spans; 0 = not known
	mixed   bool // truth is not later than train
	notes   []string
}

// NewSplit cuts by file: train is the one, truth the other. A user's truth is
// what train knows of it, without repeat what the user did not have there. The
// weight of a user, item and day is the sum of weights; without weights the
// number of different orders, or of rows where there are no orders. Without ts
// everything happens on one day. items and groups may be nil.
func NewSplit(train, test *interactions.Table, items *interactions.Items, groups *interactions.Groups, repeat bool) (*Split, error) {
	s := &Split{Repeat: repeat}
	s.Dated, s.Items = train.Day != nil, items
	users, ids := matrix.NewVocabulary(train.Users), matrix.NewVocabulary(train.Items)
	events, err := eventsOf(train, users, ids)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", train.Path, err)
	}
	s.Events, s.IDs, s.Users = events, ids, users
	if groups != nil {
		s.Group, s.Groups = groupsOf(groups, users), len(groups.Names)
	}
	s.setNow(test)
	s.Truth, s.Skipped = truthOf(test, users, ids)
	s.cutTruth()
	if !s.any() {
		return nil, fmt.Errorf("%s: nobody in it is known in %s and has an item there that could be recommended (%d users were skipped)", test.Path, train.Path, s.Skipped)
	}
	return s, nil
}

// groupsOf returns the group of every user of the vocabulary.
func groupsOf(groups *interactions.Groups, users *matrix.Vocabulary) []int32 {
	out := slices.Repeat([]int32{-1}, users.Len())
	for i, u := range numbers(groups.Users, users) {
		if u >= 0 {
			out[u] = groups.Group[i]
		}
	}
	return out
}

// setNow sets the day after train, or that on which the later part begins.
func (s *Split) setNow(test *interactions.Table) {
	last := slices.Max(s.Events.Day)
	s.Now = last + 1
	if !s.Dated || test.Day == nil {
		return
	}
	first := slices.Min(test.Day)
	if s.mixed = first < last; s.mixed {
		s.notes = append(s.notes, fmt.Sprintf("%s begins on %s, before train ends on %s: part of what is to be foretold is not later than what is learned from, so that the figures do not say how well the future is told",
			test.Path, data.Day(first), data.Day(last)))
		return
	}
	s.Now = max(s.Now, first)
	s.horizon = int(max(1, slices.Max(test.Day)-s.Now+1))
}

// row is one interaction, as sorted for adding up.
type row struct {
	user, item, day, order int32
	weight                 float32
}

func eventsOf(t *interactions.Table, users, items *matrix.Vocabulary) (*matrix.Events, error) {
	rows := rowsOf(t, numbers(t.Users, users), numbers(t.Items, items))
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.item, b.item), cmp.Compare(a.day, b.day),
			cmp.Compare(a.order, b.order), cmp.Compare(a.weight, b.weight))
	})
	var user, item, day []int32
	var weight []float32
	for i := 0; i < len(rows); {
		first, sum := rows[i], 0.0
		for j := i; i < len(rows) && rows[i].user == first.user && rows[i].item == first.item && rows[i].day == first.day; i++ {
			if t.Weight == nil && i > j && rows[i].order >= 0 && rows[i].order == rows[i-1].order {
				continue // another line of the same order
			}
			sum += float64(rows[i].weight)
		}
		user, item, day = append(user, first.user), append(item, first.item), append(day, first.day)
		weight = append(weight, float32(math.Min(sum, math.MaxFloat32)))
	}
	return matrix.NewEventsFromColumns(users.Len(), items.Len(), user, item, day, weight)
}

func rowsOf(t *interactions.Table, user, item []int32) []row {
	rows := make([]row, len(t.User))
	for i := range rows {
		r := row{user: user[t.User[i]], item: item[t.Item[i]], order: -1, weight: 1}
		if t.Day != nil {
			r.day = t.Day[i]
		}
		if t.Order != nil {
			r.order = t.Order[i]
		}
		if t.Weight != nil {
			r.weight = t.Weight[i]
		}
		rows[i] = r
	}
	return rows
}

// numbers returns the vocabulary's number of each id, -1 where it is not known.
func numbers(ids []string, v *matrix.Vocabulary) []int32 {
	out := make([]int32, len(ids))
	for i, id := range ids {
		out[i] = -1
		if n, ok := v.Lookup(id); ok {
			out[i] = n
		}
	}
	return out
}

func truthOf(t *interactions.Table, users, items *matrix.Vocabulary) (truth [][]int32, skipped int) {
	truth = make([][]int32, users.Len())
	user, item := numbers(t.Users, users), numbers(t.Items, items)
	for i, u := range t.User {
		if n, it := user[u], item[t.Item[i]]; n >= 0 && it >= 0 {
			truth[n] = append(truth[n], it)
		}
	}
	for _, n := range user {
		if n < 0 || len(truth[n]) == 0 {
			skipped++
			continue
		}
		slices.Sort(truth[n])
		truth[n] = slices.Compact(truth[n])
	}
	return truth, skipped
}

// cutTruth leaves out what a user had in train, where that is not asked for.
func (s *Split) cutTruth() {
	if s.Repeat {
		return
	}
	for u, items := range s.Truth {
		if len(items) == 0 {
			continue
		}
		had := s.Events.History(u).Item
		s.Truth[u] = slices.DeleteFunc(items, func(it int32) bool {
			_, found := slices.BinarySearch(had, it)
			return found
		})
		if len(s.Truth[u]) == 0 {
			s.Skipped++
		}
	}
}

func (s *Split) any() bool {
	return slices.ContainsFunc(s.Truth, func(t []int32) bool { return len(t) > 0 })
}

// NewSplitAt cuts interactions at a day, truth being the distinct known items of
// the days from there on: see split.Ranking.
func NewSplitAt(d Data, cut, days int32, repeat bool) (*Split, error) {
	train, truth, skipped, err := split.Ranking(d.Events, cut, days)
	if err != nil {
		return nil, err
	}
	d.Events = train
	s := &Split{Data: d, Now: cut, Truth: truth, Skipped: skipped, Repeat: repeat, horizon: int(days)}
	s.cutTruth()
	if !s.any() {
		return nil, fmt.Errorf("%w: nobody known before day %d had a known item in the %d days from it on", split.ErrShortHistory, cut, days)
	}
	return s, nil
}
