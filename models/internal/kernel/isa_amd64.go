package kernel

import "golang.org/x/sys/cpu"

var avx2 = isa{
	name: "avx2", width: 8, rows: 4,
	dot: dotAVX2, axpy: axpyAVX2,
	tile:       [4]func(int, []float32, int, []float32, int, []float32, int, int){nil, tile4x1AVX2, tile4x2AVX2, tile4x3AVX2},
	transpose8: transpose8AVX, gather: gatherAVX2, gatherWeighted: gatherWeightedAVX2, weightedSum: weightedSumAVX2, above: aboveAVX2, rowsAbove: rowsAboveAVX2, elementsAbove: elementsAboveAVX2, panelSolve: panelSolveAVX2,
	cholesky8: cholesky8AVX2, forward8: forward8AVX2, backward8: backward8AVX2,
	weightedSum8: weightedSumAVX2, prefetch: prefetchRows,
	peak: peakAVX2, opsOfOneRound: 4 * 12 * 8 * 2,
}

var avx512 = isa{
	name: "avx512", width: 16, rows: 8,
	dot: dotAVX512, axpy: axpyAVX512,
	tile:       [4]func(int, []float32, int, []float32, int, []float32, int, int){nil, tile8x1AVX512, tile8x2AVX512, tile8x3AVX512},
	transpose8: transpose8AVX, transpose16: transpose16AVX512, gather: gatherAVX512, gatherWeighted: gatherWeightedAVX512, weightedSum: weightedSumAVX512, above: aboveAVX512, elementsAbove: elementsAboveAVX512, tileAbove: tileAboveAVX512,
	factorRows: factorRowsAVX512, forward8: forward8AVX2, backward8: backward8AVX2,
	weightedSum8: weightedSumAVX2, upper: upperAVX512,
	peak: peakAVX512, opsOfOneRound: 4 * 16 * 16 * 2,
}

// available lists what this machine can run, the fastest first.
func available() []*isa {
	var list []*isa
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasBMI1 {
		list = append(list, &avx512)
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasBMI1 {
		list = append(list, &avx2)
	}
	return append(list, &portable)
}

func best() *isa { return available()[0] }
