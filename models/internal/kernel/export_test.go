package kernel

import "testing"

// EachISA runs f once with every instruction set that this machine has.
func EachISA(t *testing.T, f func(t *testing.T)) {
	for _, s := range available() {
		t.Run(s.name, func(t *testing.T) {
			defer func(before *isa) { active = before }(active)
			active = s
			f(t)
		})
	}
}
