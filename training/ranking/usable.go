package ranking

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"

	"regulars/data"
)

// sketchSize is how many interactions the data of a search are known again by.
const sketchSize = 32

// sketch is the smallest hashes of who had what on which day. A history grows
// and is mended here and there, and keeps most of them (Broder 1997); of another
// shop's history none is the same.
func sketch(d *Data) []string {
	if d.Users == nil || d.IDs == nil {
		return nil
	}
	var least []uint64 // ascending
	d.eachHash(func(h uint64) {
		if len(least) == sketchSize && h >= least[sketchSize-1] {
			return
		}
		at, found := slices.BinarySearch(least, h)
		if !found {
			least = slices.Insert(least, at, h)
			least = least[:min(len(least), sketchSize)]
		}
	})
	out := make([]string, len(least))
	for i, h := range least {
		out[i] = hashName(h)
	}
	return out
}

func (d *Data) eachHash(visit func(uint64)) {
	sum, text := fnv.New64a(), []byte{}
	for u := range d.Events.Users {
		h := d.Events.History(u)
		for i, it := range h.Item {
			text = append(append(append(text[:0], d.Users.ID(int32(u))...), 0), d.IDs.ID(it)...)
			text = strconv.AppendInt(append(text, 0), int64(h.Day[i]), 10)
			sum.Reset()
			_, _ = sum.Write(text) // never fails
			visit(sum.Sum64())
		}
	}
}

// of reports whether a search was made on an earlier state of these data.
func (w Winner) of(known map[string]bool) bool {
	found := 0
	for _, h := range w.Data {
		if known[h] {
			found++
		}
	}
	return found > 0 && 2*found >= len(w.Data)
}

// known returns which of the hashes of all winners are of these data.
func (t *Tuned) known(d *Data) map[string]bool {
	asked := map[uint64]bool{}
	for _, w := range t.Models {
		for _, name := range w.Data {
			if h, err := strconv.ParseUint(name, 16, 64); err == nil {
				asked[h] = true
			}
		}
	}
	if len(asked) == 0 || d.Users == nil || d.IDs == nil {
		return nil
	}
	found := map[string]bool{}
	d.eachHash(func(h uint64) {
		if asked[h] {
			found[hashName(h)] = true
		}
	})
	return found
}

func hashName(h uint64) string { return strconv.FormatUint(h, 16) }

// Usable returns the winners that may be used where what happens from the day
// reported on is measured, and says of the others why not: what was searched on
// that day or later would have seen what is reported. Those found on other data
// are for those data; foreign, for a file that was asked for by name, says that
// they may be used all the same.
func (t *Tuned) Usable(d *Data, reported int32, foreign bool) (*Tuned, []string) {
	if t == nil {
		return nil, nil
	}
	out := &Tuned{FormatVersion: t.FormatVersion, Models: map[string]Winner{}}
	known := t.known(d)
	var notes []string
	for _, model := range slices.Sorted(maps.Keys(t.Models)) {
		w := t.Models[model]
		why, use := w.objection(w.of(known), data.Day(reported), foreign)
		if use {
			out.Models[model] = w
		}
		if why != "" {
			verb := map[bool]string{true: "are used although", false: "are not used:"}[use]
			notes = append(notes, fmt.Sprintf("options that a search found for %s %s %s", model, verb, why))
		}
	}
	return out, notes
}

// objection says what speaks against a winner, "" nothing, and whether it may be
// used all the same.
func (w Winner) objection(same bool, reported data.Day, foreign bool) (why string, use bool) {
	switch {
	case !same && foreign:
		return "they were found on other data", true
	case !same:
		return "they were found on other data (search again with --tune, or give them with --set)", false
	case w.To != "" && w.To >= reported.String():
		return fmt.Sprintf("they were searched on what happened from %s to %s, and what is reported begins on %s (search again with --tune)", w.From, w.To, reported), false
	}
	return "", true
}

// span returns the first and the last day that a search on the slice looks at
// the truth of; both are empty where days are not known.
func (s *Split) span() (from, to string) {
	switch {
	case !s.Dated:
		return "", ""
	case s.horizon > 0 && !s.mixed:
		return data.Day(s.Now).String(), (data.Day(s.Now) + data.Day(s.horizon) - 1).String()
	}
	return data.Day(slices.Min(s.Events.Day)).String(), (data.Day(s.Now) - 1).String()
}
