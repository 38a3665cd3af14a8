package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Audience says which customers are meant by a name. Its filter is checked where
// filters are known.
type Audience struct {
	Filter  string   `yaml:"filter"`
	Sort    string   `yaml:"sort"`    // fields, by comma; - turns one round
	Limit   int      `yaml:"limit"`   // 0 = all
	Columns []string `yaml:"columns"` // none = all
	Channel string   `yaml:"channel"` // by which they will be written to
}

// audienceName is what stands in an address and in a file's name.
var audienceName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

func checkAudiences(audiences map[string]Audience) error {
	for _, name := range slices.Sorted(maps.Keys(audiences)) {
		if !audienceName.MatchString(name) {
			return fmt.Errorf("audiences: the name %q must be small letters, digits, - and _, at most 64", name)
		}
		if limit := audiences[name].Limit; limit < 0 {
			return fmt.Errorf("audiences.%s.limit is %d: it must be 1 or more, or 0 for all", name, limit)
		}
	}
	return nil
}
