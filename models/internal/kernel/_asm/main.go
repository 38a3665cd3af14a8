// Command kernelasm writes the vector kernels of package kernel:
//
//	go generate ./models/internal/kernel
//
// Every function takes what its portable twin takes; see portable.go there.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// set is what differs between the instruction sets.
type set struct {
	suffix string
	width  int // floats in a vector
	rows   int // rows of C in a tile
	vector func(int) Register
}

var (
	ymm  = []VecPhysical{Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15}
	zmm  = []VecPhysical{Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31}
	avx2 = set{suffix: "AVX2", width: 8, rows: 4, vector: func(i int) Register { return ymm[i] }}
	avx5 = set{suffix: "AVX512", width: 16, rows: 8, vector: func(i int) Register { return zmm[i] }}
)

func main() {
	ConstraintExpr("amd64")
	for _, s := range []set{avx2, avx5} {
		for vectors := 1; vectors <= 3; vectors++ {
			s.tile(vectors)
		}
		s.dot()
		s.axpy()
		s.gather(true)
		s.gather(false)
		s.weightedSum()
		s.above()
		s.elementsAbove()
		s.peak()
	}
	avx2.rowsAbove()
	avx2.panelSolve()
	prefetch()
	transpose8()
	cholesky8()
	forward8()
	backward8()
	transpose16()
	tileAbove()
	upper()
	factorRows()
	lanesLoad()
	lanesFactor()
	lanesBackward()
	Generate()
}

// function begins a function that keeps none of its slices.
func function(name, signature string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(name + " is generated from _asm.")
}

func slice(name string) Register { return Load(Param(name).Base(), GP64()) }

// bytes loads an argument that counts floats and turns it into bytes.
func bytes(name string) Register {
	r := Load(Param(name), GP64())
	SHLQ(U8(2), r)
	return r
}

func (s set) zero(r Register) {
	if s.width == 16 {
		VPXORD(r, r, r)
		return
	}
	VXORPS(r, r, r)
}

func low128(i int) Register { return ymm[i].AsX() }
func low256(i int) Register { return ymm[i] }
