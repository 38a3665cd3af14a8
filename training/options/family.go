package options

import (
	"fmt"
	"slices"
	"strings"
)

// A Family is what every family of models has: a name, and options that can be
// set by name. Make it with NewFamily; a registry's own type embeds it.
type Family struct {
	Name    string
	Options any // the defaults: the zero Options of the family's package, unless changed

	set func(base any, settings []Setting) (any, error)
}

// NewFamily is a family whose package has the options O.
func NewFamily[O any](name string) Family {
	return Family{Name: name, Options: *new(O), set: func(base any, settings []Setting) (any, error) {
		o := base.(O)
		for _, s := range settings {
			if err := Set(&o, s); err != nil {
				return nil, err
			}
		}
		return o, nil
	}}
}

// Run returns options given to the family of that name as what they must be, with
// seed and workers set where there are such.
func Run[O any](name string, given any, seed uint64, workers int) (O, error) {
	o, ok := given.(O)
	if !ok {
		return o, fmt.Errorf("%s: options are a %T, not a %T", name, given, o)
	}
	SetRun(&o, seed, workers)
	return o, nil
}

// With returns the defaults with some options set: of two settings of one
// option the later counts. Settings of other models are passed over.
func (f Family) With(settings []Setting) (any, error) {
	return f.set(f.Options, slices.DeleteFunc(slices.Clone(settings), func(s Setting) bool { return s.Model != f.Name }))
}

func (f Family) family() Family { return f }

// named is what embeds a Family.
type named interface{ family() Family }

// Find returns the families of these names out of all, in the order of the names;
// "all" is every one.
func Find[F named](all []F, names []string) ([]F, error) {
	var out []F
	var found []int
	for _, name := range names {
		if name == "all" {
			return all, nil
		}
		i := index(all, name)
		if i < 0 {
			return nil, fmt.Errorf("there is no model %q: the models are %s, or all", name, strings.Join(FamilyNames(all), ", "))
		}
		if !slices.Contains(found, i) {
			out, found = append(out, all[i]), append(found, i)
		}
	}
	return out, nil
}

func index[F named](all []F, name string) int {
	return slices.IndexFunc(all, func(f F) bool { return f.family().Name == name })
}

// FamilyNames returns the names of families.
func FamilyNames[F named](all []F) []string {
	var out []string
	for _, f := range all {
		out = append(out, f.family().Name)
	}
	return out
}

// Check reports the first setting that names no model or no option of all, or
// gives an option what it cannot be.
func Check[F named](all []F, settings []Setting) error {
	for _, s := range settings {
		i := index(all, s.Model)
		if i < 0 {
			return fmt.Errorf("%s: there is no model %q: the models are %s", s, s.Model, strings.Join(FamilyNames(all), ", "))
		}
		if _, err := all[i].family().With([]Setting{s}); err != nil {
			return err
		}
	}
	return nil
}
