package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// factorRows does rows i to i+7 of U. The block on the diagonal comes first: in
// it one pivot waits for another, and the products after it can meanwhile be computed.
func factorRows() {
	function("factorRowsAVX512", "func(i, n int, a []float32, lda int, block, inverse []float32)")
	i, ld, a := bytes("i"), bytes("lda"), slice("a")
	own, left, b, block, inverse := GP64(), bytes("n"), GP64(), slice("block"), slice("inverse")
	MOVQ(i, b)
	ANDQ(I32(-64), b) // bytes before the first vector
	SUBQ(b, left)
	ADDQ(a, b)
	MOVQ(Load(Param("i"), own), own)
	IMULQ(ld, own)
	ADDQ(b, own)
	corner := GP64()
	MOVQ(i, corner)
	ANDQ(U32(63), corner)
	ADDQ(own, corner)
	ADDQ(i, a)
	one := func(s string) string { return s + "_own" }
	TESTQ(i, i)
	JZ(LabelRef("corner"))
	sums(1, Load(Param("i"), GP64()), a, b, ld, one, func(int) {})
	subtractFrom(1, own, ld, true)
	Label("corner")
	load8(corner, ld)
	factor8(block, inverse)

	to := GP64()
	MOVQ(own, to)
	Label("next")
	ADDQ(U32(64), to)
	ADDQ(U32(64), b)
	SUBQ(U32(64), left)
	Label("tile")
	CMPQ(left, U32(128))
	JL(LabelRef("one"))
	JE(LabelRef("tile2"))
	CMPQ(left, U32(256))
	JE(LabelRef("tile2"))
	for _, vectors := range []int{3, 2, 1} {
		name := func(s string) string { return fmt.Sprint(s, vectors) }
		if vectors == 1 {
			Label("one")
			TESTQ(left, left)
			JZ(LabelRef("last"))
		}
		Label(name("tile"))
		sums(vectors, Load(Param("i"), GP64()), a, b, ld, name, func(int) {})
		subtractFrom(vectors, to, ld, false)
		solve8(vectors, to, ld, block, inverse)
		ADDQ(U32(uint32(64*vectors)), to)
		ADDQ(U32(uint32(64*vectors)), b)
		SUBQ(U32(uint32(64*vectors)), left)
		if vectors > 1 {
			JG(LabelRef("tile"))
			JMP(LabelRef("last"))
		}
	}
	Label("last") // the block's own vector
	p := GP64()
	MOVQ(own, p)
	for r := range 8 {
		VMOVUPS(Mem{Base: p}, zmm[r])
		if r < 7 {
			ADDQ(ld, p)
		}
	}
	solve8(1, own, ld, block, inverse)
	VZEROUPPER()
	RET()
}

// subtractFrom makes the sums what is at to minus the sums.
func subtractFrom(vectors int, to, ld Register, write bool) {
	p := GP64()
	MOVQ(to, p)
	for r := range 8 {
		for v := range vectors {
			x, old := zmm[r*vectors+v], zmm[24+(r*vectors+v)%8]
			VMOVUPS(Mem{Base: p, Disp: 64 * v}, old)
			VSUBPS(x, old, x)
			if write {
				VMOVUPS(x, Mem{Base: p, Disp: 64 * v})
			}
		}
		if r < 7 {
			ADDQ(ld, p)
		}
	}
}

// solve8 replaces R, eight rows of vectors in Z0 and those after it, by U⁻ᵀ·R, and writes it.
func solve8(vectors int, to, ld, u, inverse Register) {
	p := GP64()
	MOVQ(to, p)
	for r := range 8 {
		VBROADCASTSS(Mem{Base: inverse, Disp: 4 * r}, zmm[24])
		for v := range vectors {
			VMULPS(zmm[24], zmm[r*vectors+v], zmm[r*vectors+v])
			VMOVUPS(zmm[r*vectors+v], Mem{Base: p, Disp: 64 * v})
		}
		for q := r + 1; q < 8; q++ {
			VBROADCASTSS(Mem{Base: u, Disp: 32*r + 4*q}, zmm[25+q%4])
			for v := range vectors {
				VFNMADD231PS(zmm[r*vectors+v], zmm[25+q%4], zmm[q*vectors+v])
			}
		}
		if r < 7 {
			ADDQ(ld, p)
		}
	}
}
