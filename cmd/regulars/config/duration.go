package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Duration is a length of time that ParseDuration reads.
type Duration time.Duration

// String returns it in hours, minutes and seconds.
func (d Duration) String() string { return time.Duration(d).String() }

// UnmarshalYAML reads it; an error says where in the file it stands.
func (d *Duration) UnmarshalYAML(node ast.Node) error {
	read, err := ParseDuration(node.GetToken().Value)
	if err != nil {
		return &yaml.SyntaxError{Message: err.Error(), Token: node.GetToken()}
	}
	*d = Duration(read)
	return nil
}

const day = 24 * time.Hour

// ParseDuration reads a length of time such as 90s, 5m or 12h, or whole days of
// 24 hours such as 3d.
func ParseDuration(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * day, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a length of time such as 90s, 5m, 12h or 3d", text)
	}
	return d, nil
}
