package usage

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// Peak watches how much memory the process holds at most. Linux can forget an
// earlier peak; elsewhere what is told is the most since the process began.
type Peak struct{ fresh bool }

// Begin gives back what is not in use and forgets the peak until now.
func Begin() Peak {
	debug.FreeOSMemory()
	const forgetPeak = "5" // proc(5), clear_refs
	return Peak{os.WriteFile("/proc/self/clear_refs", []byte(forgetPeak), 0) == nil}
}

// Bytes returns the peak since Begin, 0 when it cannot be told.
func (p Peak) Bytes() int64 {
	if text, err := os.ReadFile("/proc/self/status"); err == nil && p.fresh {
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				if n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64); err == nil {
					return n << 10
				}
			}
		}
	}
	return PeakRSS()
}

// PeakRSS returns the most memory that this process has ever held, in bytes; 0
// when it cannot be told.
func PeakRSS() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss) // bytes there, kibibytes elsewhere
	}
	return int64(u.Maxrss) << 10
}
