package kernel

import (
	"syscall"
	"unsafe"
)

// adviseLargePages asks for large pages now, and for the pages that were in use
// before to be made into large ones (Linux 6.1). Refusal changes nothing but the speed.
func adviseLargePages(x []float32) {
	const page, hugePage, collapse = 4096, 14, 25 // MADV_HUGEPAGE, MADV_COLLAPSE
	b := unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x))
	skip := int(-uintptr(unsafe.Pointer(&x[0])) % page)
	b = b[skip:]
	b = b[:len(b)/page*page]
	_ = syscall.Madvise(b, hugePage)
	_ = syscall.Madvise(b, collapse)
}
