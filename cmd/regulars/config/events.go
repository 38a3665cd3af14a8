package config

import (
	"fmt"
	"time"
)

// Bounds of what is done with events.
const (
	shortestFlush = Duration(time.Second)
	longestFlush  = Duration(day)
	shortestKeep  = Duration(time.Hour)
	longestKeep   = Duration(365 * day)
)

// checkEvents checks when events go to the lake, and how long they stay beside it.
func (s Serve) checkEvents() error {
	if s.Flush != 0 && (s.Flush < shortestFlush || s.Flush > longestFlush) {
		return fmt.Errorf("serve.flush is %s: it must be from %s to %s, or 0 for never", s.Flush, shortestFlush, longestFlush)
	}
	if s.KeepEvents < shortestKeep || s.KeepEvents > longestKeep {
		return fmt.Errorf("serve.keep_events is %s: it must be from %s to %s", s.KeepEvents, shortestKeep, longestKeep)
	}
	return nil
}
