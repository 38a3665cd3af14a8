package api

import (
	"slices"
	"strings"

	"regulars/serving/filter"
	"regulars/serving/placement"
)

// placement finds a placement by name. Where none is configured a name is what
// the shop calls the place, and changes nothing.
func (s *server) placement(name string) (*placement.Placement, error) {
	names := s.placements.Names()
	if name == "" || len(names) == 0 {
		return nil, nil
	}
	p, ok := s.placements.Find(name)
	if !ok {
		slices.Sort(names)
		return nil, badRequest("there is no placement %q: those there are: %s", clip(name), strings.Join(names, ", "))
	}
	return p, nil
}

// checkFilter checks what can be known of a filter without the fields there are.
func checkFilter(source string) (string, error) {
	if strings.TrimSpace(source) == "" {
		return "", badRequest("filter is empty: leave it out to let everything pass")
	}
	if len(source) > filter.MaxSource {
		return "", badRequest("filter has %d bytes: at most %d are allowed", len(source), filter.MaxSource)
	}
	return source, nil
}
