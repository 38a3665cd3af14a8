package main

import (
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// memoryShare is the share of the machine's memory, or of what a container may
// have, from which on garbage is collected as often as it takes to stay below: a
// job lets as much garbage gather as it has in use otherwise, which for a shop of a
// million customers would be more than there is. The rest is the SQL engine's and
// the system's.
const memoryShare = 0.75

// boundGarbage bounds the memory of the process softly, unless the environment says
// how (GOMEMLIMIT). Where it cannot be told how much there is, nothing is bounded.
func boundGarbage() {
	_, _ = memlimit.Set(memlimit.WithRatio(memoryShare),
		memlimit.WithProvider(memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)))
}

// garbagePercent is how much garbage the server lets gather, in percent of what
// is in use, before it is collected. What is in use is mostly the catalogue, which
// every collection walks: three times the memory is a third of the work.
const garbagePercent = 300

// gatherGarbage lets the server collect garbage less often, unless the
// environment says how often.
func gatherGarbage() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}
