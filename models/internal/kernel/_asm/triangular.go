package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// lanes holds, at 32·j, eight copies of j: the index that broadcasts lane j.
var lanes Mem

func lane(j int) Mem {
	if lanes.Symbol.Name == "" {
		lanes = GLOBL("lanes", RODATA|NOPTR)
		for i := range 64 {
			DATA(4*i, U32(uint32(i/8)))
		}
	}
	return lanes.Offset(32 * j)
}

// panelSolve solves Uᵀ·R = A for vectors·width columns of eight rows.
func (s set) panelSolve() {
	function("panelSolve"+s.suffix, "func(vectors int, u []float32, ldu int, inverse, a []float32, lda int)")
	vectors, u, ldu, inverse := Load(Param("vectors"), GP64()), slice("u"), bytes("ldu"), slice("inverse")
	a, lda := slice("a"), bytes("lda")
	p, q := GP64(), GP64()
	Label("column")
	TESTQ(vectors, vectors)
	JZ(LabelRef("done"))
	MOVQ(a, p)
	for i := range 8 {
		VMOVUPS(Mem{Base: p}, s.vector(i))
		ADDQ(lda, p)
	}
	MOVQ(a, p)
	MOVQ(u, q)
	for i := range 8 {
		s.multiplyByScalar(Mem{Base: inverse, Disp: 4 * i}, s.vector(i))
		for j := i + 1; j < 8; j++ {
			s.subtractTimesScalar(Mem{Base: q, Disp: 4 * j}, s.vector(i), s.vector(j))
		}
		VMOVUPS(s.vector(i), Mem{Base: p})
		ADDQ(lda, p)
		ADDQ(ldu, q)
	}
	ADDQ(U32(4*s.width), a)
	DECQ(vectors)
	JMP(LabelRef("column"))
	Label("done")
	VZEROUPPER()
	RET()
}

func (s set) multiplyByScalar(m Mem, x Register) {
	VBROADCASTSS(m, Y8)
	VMULPS(Y8, x, x)
}

func (s set) subtractTimesScalar(m Mem, x, y Register) {
	VBROADCASTSS(m, Y8)
	VFNMADD231PS(Y8, x, y)
}

// load8 fills Y0 to Y7 with eight rows.
func load8(from, ld Register) {
	p := GP64()
	MOVQ(from, p)
	for i := range 8 {
		VMOVUPS(Mem{Base: p}, ymm[i])
		if i < 7 {
			ADDQ(ld, p)
		}
	}
}

// loadHalves fills Y0 … Y3 with the left halves of rows i and i+4, Y4 … Y7 with
// the right ones: what is left of a transposition then stays inside 128-bit lanes.
func loadHalves(from, ld Register) {
	far := GP64()
	LEAQ(Mem{Base: from, Index: ld, Scale: 4}, far)
	for i := range 4 {
		for _, half := range []int{0, 1} {
			y := ymm[4*half+i]
			VMOVUPS(Mem{Base: from, Disp: 16 * half}, y.AsX())
			VINSERTF128(Imm(1), Mem{Base: far, Disp: 16 * half}, y, y)
		}
		if i < 3 {
			ADDQ(ld, from)
			ADDQ(ld, far)
		}
	}
}

// transposeHalves makes Y0 … Y7 the columns of what loadHalves loaded.
func transposeHalves() {
	for _, g := range []int{0, 4} {
		VUNPCKLPS(ymm[g+1], ymm[g], ymm[g+8])
		VUNPCKHPS(ymm[g+1], ymm[g], ymm[g+9])
		VUNPCKLPS(ymm[g+3], ymm[g+2], ymm[g+10])
		VUNPCKHPS(ymm[g+3], ymm[g+2], ymm[g+11])
		VSHUFPS(Imm(0x44), ymm[g+10], ymm[g+8], ymm[g])
		VSHUFPS(Imm(0xee), ymm[g+10], ymm[g+8], ymm[g+1])
		VSHUFPS(Imm(0x44), ymm[g+11], ymm[g+9], ymm[g+2])
		VSHUFPS(Imm(0xee), ymm[g+11], ymm[g+9], ymm[g+3])
	}
}

// transposeRegisters transposes Y0 … Y7 into Y8 … Y15 (Y0 … Y7 are lost).
func transposeRegisters() {
	for i := 0; i < 8; i += 2 {
		VUNPCKLPS(ymm[i+1], ymm[i], ymm[8+i])
		VUNPCKHPS(ymm[i+1], ymm[i], ymm[9+i])
	}
	for _, g := range []int{8, 12} { // pairs of rows become quads
		to := g - 8
		VSHUFPS(Imm(0x44), ymm[g+2], ymm[g], ymm[to])
		VSHUFPS(Imm(0xee), ymm[g+2], ymm[g], ymm[to+1])
		VSHUFPS(Imm(0x44), ymm[g+3], ymm[g+1], ymm[to+2])
		VSHUFPS(Imm(0xee), ymm[g+3], ymm[g+1], ymm[to+3])
	}
	for i := range 4 {
		VPERM2F128(Imm(0x20), ymm[i+4], ymm[i], ymm[8+i])
		VPERM2F128(Imm(0x31), ymm[i+4], ymm[i], ymm[12+i])
	}
}

func transpose8() {
	function("transpose8AVX", "func(dst []float32, ldd int, src []float32, lds int)")
	loadHalves(slice("src"), bytes("lds"))
	transposeHalves()
	dst, ldd := slice("dst"), bytes("ldd")
	for i := range 8 {
		VMOVUPS(ymm[i], Mem{Base: dst})
		if i < 7 {
			ADDQ(ldd, dst)
		}
	}
	VZEROUPPER()
	RET()
}

// cholesky8 keeps the block in Y0 … Y7. The pivot's reciprocal is on the critical
// path, its root is not: the update is a_i −= (a_ji/a_jj)·a_j.
func cholesky8() {
	function("cholesky8AVX2", "func(a []float32, lda int, u, inverse []float32)")
	load8(slice("a"), bytes("lda"))
	factor8(slice("u"), slice("inverse"))
	VZEROUPPER()
	RET()
}

// factor8 factors the block in Y0 … Y7.
func factor8(u, inverse Register) {
	one := Y15
	VBROADCASTSS(ones(), one)
	for j := range 8 {
		pivot, scaled := Y8, Y9
		VMOVUPS(lane(j), Y10)
		VPERMPS(ymm[j], Y10, pivot)
		VDIVPS(pivot, one, pivot) // 1/a_jj
		VMULPS(pivot, ymm[j], scaled)
		for i := j + 1; i < 8; i++ {
			VMOVUPS(lane(i), Y10)
			VPERMPS(ymm[j], Y10, Y11)
			VFNMADD231PS(Y11, scaled, ymm[i])
		}
		VSQRTPS(pivot, pivot) // 1/u_jj
		VMULPS(pivot, ymm[j], ymm[j])
		VMOVUPS(ymm[j], Mem{Base: u, Disp: 32 * j})
		VMOVSS(pivot.AsX(), Mem{Base: inverse, Disp: 4 * j})
	}
}

var unit Mem

func ones() Mem {
	if unit.Symbol.Name == "" {
		unit = GLOBL("one", RODATA|NOPTR)
		DATA(0, U32(0x3f800000)) // 1
	}
	return unit
}

// forward8 solves Uᵀ·y = b for one block of eight, in place.
func forward8() {
	function("forward8AVX2", "func(u []float32, ldu int, inverse, b []float32)")
	load8(slice("u"), bytes("ldu"))
	inverse, b := slice("inverse"), slice("b")
	VMOVUPS(Mem{Base: b}, Y8)
	for j := range 8 {
		substitute(j, inverse, ymm[j])
	}
	VMOVUPS(Y9, Mem{Base: b})
	VZEROUPPER()
	RET()
}

// substitute takes unknown j from the right side in Y8 into lane j of Y9 and
// subtracts its share, coefficients times unknown, from the rest.
func substitute(j int, inverse Register, coefficients VecPhysical) {
	VMOVUPS(lane(j), Y10)
	VPERMPS(Y8, Y10, Y11)
	VBROADCASTSS(Mem{Base: inverse, Disp: 4 * j}, Y12)
	VMULPS(Y12, Y11, Y11)
	VFNMADD231PS(Y11, coefficients, Y8)
	VBLENDPS(Imm(uint64(1)<<j), Y11, Y9, Y9)
}

// backward8 solves U·x = y for one block of eight: right is y minus what the
// unknowns after the block take, the dot products of the rows of rest.
func backward8() {
	function("backward8AVX2", "func(u []float32, ldu int, inverse, x []float32, after int)")
	u, ldu, inverse, x, after := slice("u"), bytes("ldu"), slice("inverse"), slice("x"), Load(Param("after"), GP64())
	for i := range 8 {
		VXORPS(ymm[i], ymm[i], ymm[i])
	}
	offset := GP64()
	MOVQ(U32(32), offset)
	p := GP64()
	Label("after")
	TESTQ(after, after)
	JZ(LabelRef("sum"))
	VMOVUPS(Mem{Base: x, Index: offset, Scale: 1}, Y8)
	LEAQ(Mem{Base: u, Index: offset, Scale: 1}, p)
	for i := range 8 {
		VFMADD231PS(Mem{Base: p}, Y8, ymm[i])
		if i < 7 {
			ADDQ(ldu, p)
		}
	}
	ADDQ(Imm(32), offset)
	SUBQ(Imm(8), after)
	JMP(LabelRef("after"))
	Label("sum")
	transposeRegisters()
	for _, step := range []int{4, 2, 1} {
		for i := range step {
			VADDPS(ymm[8+i+step], ymm[8+i], ymm[8+i])
		}
	}
	VMOVUPS(Mem{Base: x}, Y9)
	VSUBPS(Y8, Y9, Y9)
	VMOVUPS(Y9, Mem{Base: x})
	loadHalves(u, ldu)
	transposeHalves()
	VMOVUPS(Mem{Base: x}, Y8)
	for j := 7; j >= 0; j-- {
		substitute(j, inverse, ymm[j])
	}
	VMOVUPS(Y9, Mem{Base: x})
	VZEROUPPER()
	RET()
}
