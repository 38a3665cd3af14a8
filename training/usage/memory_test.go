package usage_test

import (
	"runtime"
	"testing"

	"regulars/training/usage"
)

// A process that touches 64 MiB has held at least as much; the most ever held is
// hardly less than the most since a while ago (the kernel counts both roughly).
func TestPeak(t *testing.T) {
	const size = 64 << 20
	peak := usage.Begin()
	held := make([]byte, size)
	for i := range held {
		held[i] = byte(i)
	}
	since, ever := peak.Bytes(), usage.PeakRSS()
	runtime.KeepAlive(held)
	if since < size || ever < since-since/10 {
		t.Errorf("peaks of %d since, %d ever after touching %d bytes", since, ever, size)
	}
}
