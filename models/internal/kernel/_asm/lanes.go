package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The functions of this file work on sixteen systems at once, one in each lane:
// element i, j of all of them is one vector, at 16·(i·ld + j).

// transpose16 transposes blocks of 16 × 16 one after the other.
func transpose16() {
	function("transpose16AVX512", "func(blocks int, dst []float32, ldd, stepd int, src []float32, lds, steps int)")
	blocks, dst, ldd, stepd := Load(Param("blocks"), GP64()), slice("dst"), bytes("ldd"), bytes("stepd")
	src, lds, steps := slice("src"), bytes("lds"), bytes("steps")
	p := GP64()
	Label("block")
	MOVQ(src, p)
	for i := range 16 {
		VMOVUPS(Mem{Base: p}, zmm[i])
		ADDQ(lds, p)
	}
	a, b := zmm[:16], zmm[16:]
	for i := 0; i < 16; i += 2 { // pairs of rows
		VUNPCKLPS(a[i+1], a[i], b[i])
		VUNPCKHPS(a[i+1], a[i], b[i+1])
	}
	for g := 0; g < 16; g += 4 { // quads: a[g+c] holds column c of every 4 × 4 block
		VUNPCKLPD(b[g+2], b[g], a[g])
		VUNPCKHPD(b[g+2], b[g], a[g+1])
		VUNPCKLPD(b[g+3], b[g+1], a[g+2])
		VUNPCKHPD(b[g+3], b[g+1], a[g+3])
	}
	for c := range 4 { // lanes 0, 2 and 1, 3 of quads 0, 1 and of 2, 3
		VSHUFF32X4(Imm(0x88), a[4+c], a[c], b[c])
		VSHUFF32X4(Imm(0xdd), a[4+c], a[c], b[4+c])
		VSHUFF32X4(Imm(0x88), a[12+c], a[8+c], b[8+c])
		VSHUFF32X4(Imm(0xdd), a[12+c], a[8+c], b[12+c])
	}
	for c := range 4 {
		VSHUFF32X4(Imm(0x88), b[8+c], b[c], a[c])
		VSHUFF32X4(Imm(0x88), b[12+c], b[4+c], a[4+c])
		VSHUFF32X4(Imm(0xdd), b[8+c], b[c], a[8+c])
		VSHUFF32X4(Imm(0xdd), b[12+c], b[4+c], a[12+c])
	}
	MOVQ(dst, p)
	for i := range 16 {
		VMOVUPS(a[i], Mem{Base: p})
		ADDQ(ldd, p)
	}
	ADDQ(stepd, dst)
	ADDQ(steps, src)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// lanesUpdate subtracts from the 4 × 4 elements at c the products of the depth rows at a and b.
func lanesUpdate() {
	function("lanesUpdateAVX512", "func(depth int, a, b, c []float32, ld int)")
	depth, a, b, c, ld := Load(Param("depth"), GP64()), slice("a"), slice("b"), slice("c"), bytes("ld")
	SHLQ(U8(4), ld)
	p := GP64()
	MOVQ(c, p)
	for r := range 4 {
		for i := range 4 {
			VMOVUPS(Mem{Base: p, Disp: 64 * i}, zmm[4*r+i])
		}
		ADDQ(ld, p)
	}
	Label("deeper")
	for i := range 4 {
		VMOVUPS(Mem{Base: b, Disp: 64 * i}, zmm[16+i])
	}
	for r := range 4 {
		VMOVUPS(Mem{Base: a, Disp: 64 * r}, zmm[20+r])
		for i := range 4 {
			VFNMADD231PS(zmm[16+i], zmm[20+r], zmm[4*r+i])
		}
	}
	ADDQ(ld, a)
	ADDQ(ld, b)
	DECQ(depth)
	JNZ(LabelRef("deeper"))
	for r := range 4 {
		for i := range 4 {
			VMOVUPS(zmm[4*r+i], Mem{Base: c, Disp: 64 * i})
		}
		ADDQ(ld, c)
	}
	VZEROUPPER()
	RET()
}

// lanesFactor factors the 4 × 4 elements at c; inverse becomes 1/u_jj.
func lanesFactor() {
	function("lanesFactorAVX512", "func(c []float32, ld int, inverse []float32)")
	c, ld, inverse := slice("c"), bytes("ld"), slice("inverse")
	SHLQ(U8(4), ld)
	at := func(r, i int) VecPhysical { return zmm[4*r+i] }
	p := GP64()
	MOVQ(c, p)
	for r := range 4 {
		for i := r; i < 4; i++ {
			VMOVUPS(Mem{Base: p, Disp: 64 * i}, at(r, i))
		}
		ADDQ(ld, p)
	}
	VBROADCASTSS(ones(), Z16)
	for j := range 4 {
		VDIVPS(at(j, j), Z16, Z17) // 1/c_jj
		for r := j + 1; r < 4; r++ {
			VMULPS(Z17, at(j, r), Z18)
			for i := r; i < 4; i++ {
				VFNMADD231PS(at(j, i), Z18, at(r, i))
			}
		}
		VSQRTPS(Z17, Z17) // 1/u_jj
		VMOVUPS(Z17, Mem{Base: inverse, Disp: 64 * j})
		for i := j; i < 4; i++ {
			VMULPS(Z17, at(j, i), at(j, i))
			VMOVUPS(at(j, i), Mem{Base: c, Disp: 64 * i})
		}
		ADDQ(ld, c)
	}
	VZEROUPPER()
	RET()
}

// lanesPanel solves Uᵀ·R = C for blocks of 4 × 4 elements side by side.
func lanesPanel() {
	function("lanesPanelAVX512", "func(blocks int, u, inverse, c []float32, ld int)")
	blocks, u, inverse, c, ld := Load(Param("blocks"), GP64()), slice("u"), slice("inverse"), slice("c"), bytes("ld")
	SHLQ(U8(4), ld)
	at := func(r, i int) VecPhysical { return zmm[4*r+i] }
	p := GP64()
	k := map[[2]int]VecPhysical{}
	for r := range 4 {
		for i := r + 1; i < 4; i++ {
			k[[2]int{r, i}] = zmm[16+len(k)]
			VMOVUPS(Mem{Base: u, Disp: 64 * i}, k[[2]int{r, i}])
		}
		if r < 3 {
			ADDQ(ld, u)
		}
	}
	for r := range 4 {
		VMOVUPS(Mem{Base: inverse, Disp: 64 * r}, zmm[24+r])
	}
	Label("block")
	MOVQ(c, p)
	for r := range 4 {
		for i := range 4 {
			VMOVUPS(Mem{Base: p, Disp: 64 * i}, at(r, i))
		}
		ADDQ(ld, p)
	}
	MOVQ(c, p)
	for r := range 4 {
		for i := range 4 {
			VMULPS(zmm[24+r], at(r, i), at(r, i))
			VMOVUPS(at(r, i), Mem{Base: p, Disp: 64 * i})
		}
		for q := r + 1; q < 4; q++ {
			for i := range 4 {
				VFNMADD231PS(at(r, i), k[[2]int{r, q}], at(q, i))
			}
		}
		ADDQ(ld, p)
	}
	ADDQ(U32(256), c)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// lanesSolve replaces b by (UᵀU)⁻¹·b.
func lanesSolve() {
	function("lanesSolveAVX512", "func(n int, u []float32, ld int, inverse, b []float32)")
	n, u, ld, inverse, b := Load(Param("n"), GP64()), slice("u"), bytes("ld"), slice("inverse"), slice("b")
	SHLQ(U8(4), ld)
	SHLQ(U8(6), n) // bytes of a row
	i, j := GP64(), GP64()
	XORQ(i, i)
	Label("forward")
	VMOVUPS(Mem{Base: b, Index: i, Scale: 1}, Z0)
	VMULPS(Mem{Base: inverse, Index: i, Scale: 1}, Z0, Z0)
	VMOVUPS(Z0, Mem{Base: b, Index: i, Scale: 1})
	LEAQ(Mem{Base: i, Disp: 64}, j)
	Label("right")
	CMPQ(j, n)
	JGE(LabelRef("next"))
	VMOVUPS(Mem{Base: b, Index: j, Scale: 1}, Z1)
	VFNMADD231PS(Mem{Base: u, Index: j, Scale: 1}, Z0, Z1)
	VMOVUPS(Z1, Mem{Base: b, Index: j, Scale: 1})
	ADDQ(Imm(64), j)
	JMP(LabelRef("right"))
	Label("next")
	ADDQ(ld, u)
	ADDQ(Imm(64), i)
	CMPQ(i, n)
	JL(LabelRef("forward"))

	Label("backward")
	SUBQ(ld, u)
	SUBQ(Imm(64), i)
	VMOVUPS(Mem{Base: b, Index: i, Scale: 1}, Z0)
	for c := 1; c < 4; c++ {
		VPXORD(zmm[c], zmm[c], zmm[c])
	}
	LEAQ(Mem{Base: i, Disp: 64}, j)
	end := GP64()
	LEAQ(Mem{Base: n, Disp: -192}, end)
	Label("four")
	CMPQ(j, end)
	JGE(LabelRef("one"))
	for c := range 4 {
		VMOVUPS(Mem{Base: b, Index: j, Scale: 1, Disp: 64 * c}, zmm[4+c])
		VFNMADD231PS(Mem{Base: u, Index: j, Scale: 1, Disp: 64 * c}, zmm[4+c], zmm[c])
	}
	ADDQ(U32(256), j)
	JMP(LabelRef("four"))
	Label("one")
	CMPQ(j, n)
	JGE(LabelRef("solved"))
	VMOVUPS(Mem{Base: b, Index: j, Scale: 1}, Z4)
	VFNMADD231PS(Mem{Base: u, Index: j, Scale: 1}, Z4, Z0)
	ADDQ(Imm(64), j)
	JMP(LabelRef("one"))
	Label("solved")
	VADDPS(Z1, Z0, Z0)
	VADDPS(Z3, Z2, Z2)
	VADDPS(Z2, Z0, Z0)
	VMULPS(Mem{Base: inverse, Index: i, Scale: 1}, Z0, Z0)
	VMOVUPS(Z0, Mem{Base: b, Index: i, Scale: 1})
	TESTQ(i, i)
	JNZ(LabelRef("backward"))
	VZEROUPPER()
	RET()
}
