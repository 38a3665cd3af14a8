package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"regulars/serving"
)

// Limits on what a request may ask for.
const (
	maxK         = 500
	maxIDBytes   = 512
	maxExclude   = 1000
	maxUsers     = 1000 // of a batch
	maxBasket    = 1000 // items
	defaultLimit = 50
	maxLimit     = 500
)

// languages are those that reasons are worded in.
var languages = []string{string(serving.Chinese), string(serving.English)}

// query decodes the query string and refuses parameters that the route does
// not know or that come twice, so that a typing error never goes unnoticed.
func query(raw string, known ...string) (map[string]string, error) {
	if raw == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badRequest("the query string is malformed: %s", queryFault(err))
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	out := make(map[string]string, len(values))
	for _, name := range names {
		switch {
		case !slices.Contains(known, name):
			return nil, badRequest("unknown parameter %q: %s", clip(name), knownParameters(known))
		case len(values[name]) > 1:
			return nil, badRequest("parameter %q is given %d times: once is enough", name, len(values[name]))
		}
		out[name] = values[name][0]
	}
	return out, nil
}

func queryFault(err error) string {
	if strings.Contains(err.Error(), "semicolon") {
		return "a semicolon must be written %3B"
	}
	return "a percent sign must be followed by two hexadecimal digits"
}

func knownParameters(known []string) string {
	if len(known) == 0 {
		return "this route has none"
	}
	return "this route knows " + strings.Join(known, ", ")
}

// intParam reads a parameter as a whole number from 1 to most.
func intParam(q map[string]string, name string, most, otherwise int) (int, error) {
	s, ok := q[name]
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n < 1 || n > uint64(most) {
		return 0, badRequest("%s must be a whole number from 1 to %d, not %q", name, most, clip(s))
	}
	return int(n), nil
}

// given is a parameter's value; nil: it is not given.
func given(q map[string]string, name string) *string {
	if s, ok := q[name]; ok {
		return &s
	}
	return nil
}

// oneOf checks that a parameter, if given, is one of the words.
func oneOf(q map[string]string, name string, words ...string) error {
	if s, ok := q[name]; ok && !slices.Contains(words, s) {
		return badRequest("%s must be %s, not %q", name, strings.Join(words, " or "), clip(s))
	}
	return nil
}

// pathID unescapes an id taken from the path.
func pathID(raw string) (string, error) {
	id, err := url.PathUnescape(raw)
	if err != nil {
		return "", badRequest("the id is malformed: a percent sign must be followed by two hexadecimal digits")
	}
	return id, checkID("the id", id)
}

func checkID(what, id string) error {
	switch {
	case id == "":
		return badRequest("%s is empty", what)
	case len(id) > maxIDBytes:
		return badRequest("%s has %d bytes: at most %d are allowed", what, len(id), maxIDBytes)
	case !utf8.ValidString(id):
		return badRequest("%s is not valid UTF-8", what)
	}
	return nil
}

// idList reads item ids separated by commas; an empty text is an empty list.
func idList(name, s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	ids := strings.Split(s, ",")
	return ids, checkIDs(name, ids, maxExclude)
}

func checkIDs(name string, ids []string, most int) error {
	if len(ids) > most {
		return badRequest("%s names %d ids: at most %d are allowed", name, len(ids), most)
	}
	for i, id := range ids {
		if err := checkID(name+": id "+strconv.Itoa(i+1), id); err != nil {
			return err
		}
	}
	return nil
}

// clip keeps what a message quotes short.
func clip(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "…"
}
