package kernel

// largeTable is from where on, in numbers, a table is worth large pages: 4 MiB.
const largeTable = 1 << 20

// Zeros returns n zeros for a table whose rows are read in no order. Where the
// system lets, a large one lies in large pages: with small ones most rows would
// cost a walk through the page table beside the read itself.
func Zeros(n int) []float32 {
	x := make([]float32, n)
	if n >= largeTable {
		adviseLargePages(x)
	}
	return x
}
