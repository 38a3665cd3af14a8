package main

import (
	"testing"
	"time"
)

// Counting leaves the cores to requests, however many events are kept.
func TestCountPause(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{0: time.Minute, time.Second: time.Minute, 30 * time.Second: 570 * time.Second} {
		if got := countPause(took); got != want {
			t.Errorf("after %s: %s, not %s", took, got, want)
		}
	}
}
