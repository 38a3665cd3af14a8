package training

import (
	"slices"
	"sort"

	"regulars/features/read"
)

// orderDays returns the days on which each customer bought, ascending.
func orderDays(in *read.Interactions) [][]int32 {
	out := make([][]int32, in.Events.Users)
	for u := range out {
		days := slices.Sorted(slices.Values(in.Events.History(u).Day))
		out[u] = slices.Compact(days)
	}
	return out
}

// before returns what lies before a day; customers without any are left out.
func before(orders [][]int32, day int32) [][]int32 {
	out := make([][]int32, 0, len(orders))
	for _, days := range orders {
		if n := sort.Search(len(days), func(i int) bool { return days[i] >= day }); n > 0 {
			out = append(out, days[:n])
		}
	}
	return out
}

// drawn returns about so many rows, by the hash of their ids, ascending: the
// same customers at every date.
func drawn(ids []string, most int) []int {
	type ranked struct {
		hash uint64
		row  int
	}
	all := make([]ranked, len(ids))
	for i, id := range ids {
		all[i] = ranked{hashOf(id), i}
	}
	slices.SortFunc(all, func(a, b ranked) int {
		if a.hash != b.hash {
			if a.hash < b.hash {
				return -1
			}
			return 1
		}
		return a.row - b.row
	})
	rows := make([]int, most)
	for i := range rows {
		rows[i] = all[i].row
	}
	slices.Sort(rows)
	return rows
}
