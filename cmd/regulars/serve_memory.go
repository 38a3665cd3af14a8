package main

import (
	"os"
	"runtime/debug"
)

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
