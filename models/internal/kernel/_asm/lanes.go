package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The functions of this file work on sixteen systems at once, one in each lane:
// element i, j of all of them is one vector.

// transpose16 transposes blocks of 16 × 16 one after the other.
func transpose16() {
	function("transpose16AVX512", "func(blocks int, dst []float32, ldd, stepd int, src []float32, lds, steps int)")
	blocks, dst, ldd, stepd := Load(Param("blocks"), GP64()), slice("dst"), bytes("ldd"), bytes("stepd")
	src, lds, steps := slice("src"), bytes("lds"), bytes("steps")
	p, quarter := GP64(), GP64()
	Label("block")
	MOVQ(src, quarter)
	MOVQ(dst, p)
	for q := range 4 {
		for _, column := range fourColumns(q, quarter, lds) {
			VMOVUPS(column, Mem{Base: p})
			ADDQ(ldd, p)
		}
		ADDQ(Imm(16), quarter)
	}
	ADDQ(stepd, dst)
	ADDQ(steps, src)
	DECQ(blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// fourColumns transposes sixteen rows of four numbers, in registers of quarter q.
// Loading 128 bits at a time does half of the work that shuffles would.
func fourColumns(q int, from, ld Register) []VecPhysical {
	a, b := zmm[8*q:8*q+4], zmm[8*q+4:8*q+8]
	p := GP64()
	MOVQ(from, p)
	for part := range 4 { // a[k] holds rows k, 4+k, 8+k and 12+k
		for k := range 4 {
			if part == 0 {
				VMOVUPS(Mem{Base: p}, a[k].AsX())
			} else {
				VINSERTF32X4(Imm(uint64(part)), Mem{Base: p}, a[k], a[k])
			}
			if part < 3 || k < 3 {
				ADDQ(ld, p)
			}
		}
	}
	VUNPCKLPS(a[1], a[0], b[0])
	VUNPCKHPS(a[1], a[0], b[1])
	VUNPCKLPS(a[3], a[2], b[2])
	VUNPCKHPS(a[3], a[2], b[3])
	VUNPCKLPD(b[2], b[0], a[0])
	VUNPCKHPD(b[2], b[0], a[1])
	VUNPCKLPD(b[3], b[1], a[2])
	VUNPCKHPD(b[3], b[1], a[3])
	return a
}

// Panels: the upper triangle lies in panels of four columns, a row of one being
// four vectors. The panels of columns 16·j to 16·j+15 have the rows 0 to 16·j+15.
const (
	rowBytes   = 4 * 64
	blockBytes = 4 * rowBytes // 4 × 4 elements
)

// lanesLoad transposes sixteen columns of sixteen systems, each step numbers after
// the one before it, into four panels and adds g, which the systems have in common.
func lanesLoad() {
	function("lanesLoadAVX512", "func(rows int, dst []float32, src []float32, lds, step int, g []float32, ldg int)")
	rows, dst, src, lds, step := Load(Param("rows"), GP64()), slice("dst"), slice("src"), bytes("lds"), bytes("step")
	g, ldg := slice("g"), bytes("ldg")
	size, left := GP64(), GP64()
	MOVQ(rows, size)
	SHLQ(U8(8), size) // bytes of a panel
	MOVQ(rows, left)
	Label("row")
	quarter, to := GP64(), GP64()
	MOVQ(src, quarter)
	MOVQ(dst, to)
	for q := range 4 {
		for c, column := range fourColumns(q, quarter, step) {
			VADDPS_BCST(Mem{Base: g, Disp: 16*q + 4*c}, column, column)
			VMOVUPS(column, Mem{Base: to, Disp: 64 * c})
		}
		if q < 3 {
			ADDQ(Imm(16), quarter)
			ADDQ(size, to)
		}
	}
	ADDQ(lds, src)
	ADDQ(ldg, g)
	ADDQ(U32(rowBytes), dst)
	DECQ(left)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// lanesFactor replaces panel number panel of A by that of U with A = Uᵀ·U, given
// those before it, after adding ridge to the diagonal; inverse becomes 1/u_jj, and
// the panel's part of b that of U⁻ᵀ·b.
func lanesFactor() {
	function("lanesFactorAVX512", "func(panel int, u, own, inverse, ridge, b []float32)")
	panel, above, own, inverse := Load(Param("panel"), GP64()), slice("u"), slice("own"), slice("inverse")
	at := func(r, c int) VecPhysical { return zmm[4*r+c] }
	vector := func(base Register, i int) Mem { return Mem{Base: base, Disp: 64 * i} }
	c, inv := GP64(), GP64()
	depth, size, left := GP64(), GP64(), GP64()
	pa, pb, l := GP64(), GP64(), GP64()
	MOVQ(own, c)
	MOVQ(inverse, inv)
	XORQ(depth, depth)
	MOVQ(U32(16*rowBytes), size)
	MOVQ(panel, left)
	Label("block")
	TESTQ(left, left)
	JZ(LabelRef("diagonal"))
	for r := range 4 {
		for i := range 4 {
			VMOVUPS(vector(c, 4*r+i), at(r, i))
		}
	}
	MOVQ(above, pa)
	MOVQ(own, pb)
	MOVQ(depth, l)
	TESTQ(l, l)
	JZ(LabelRef("solve"))
	Label("deeper")
	for i := range 4 {
		VMOVUPS(vector(pb, i), zmm[16+i])
	}
	for r := range 4 {
		VMOVUPS(vector(pa, r), zmm[20+r])
		for i := range 4 {
			VFNMADD231PS(zmm[16+i], zmm[20+r], at(r, i))
		}
	}
	ADDQ(U32(rowBytes), pa)
	ADDQ(U32(rowBytes), pb)
	DECQ(l)
	JNZ(LabelRef("deeper"))
	Label("solve") // pa has come to the block on the diagonal
	for r := range 4 {
		VMOVUPS(vector(inv, r), zmm[16+r])
		for i := range 4 {
			VMULPS(zmm[16+r], at(r, i), at(r, i))
			VMOVUPS(at(r, i), vector(c, 4*r+i))
		}
		for q := r + 1; q < 4; q++ {
			VMOVUPS(vector(pa, 4*r+q), zmm[20+q])
			for i := range 4 {
				VFNMADD231PS(at(r, i), zmm[20+q], at(q, i))
			}
		}
	}
	ADDQ(U32(blockBytes), c)
	ADDQ(U32(4*64), inv)
	ADDQ(Imm(4), depth)
	ADDQ(size, above)
	DECQ(left)
	TESTQ(U32(15), depth)
	JNZ(LabelRef("block"))
	ADDQ(U32(16*rowBytes), size)
	JMP(LabelRef("block"))

	Label("diagonal")
	ridge := Z24
	VMOVUPS(Mem{Base: slice("ridge")}, ridge)
	for r := range 4 {
		for i := r; i < 4; i++ {
			VMOVUPS(vector(c, 4*r+i), at(r, i))
		}
		VADDPS(ridge, at(r, r), at(r, r))
	}
	b, y := slice("b"), GP64()
	MOVQ(b, y)
	MOVQ(own, pb)
	MOVQ(depth, l)
	right := func(i int) VecPhysical { return zmm[25+i] }
	SHLQ(U8(6), depth)
	own4 := GP64()
	LEAQ(Mem{Base: b, Index: depth, Scale: 1}, own4)
	for i := range 4 {
		VMOVUPS(vector(own4, i), right(i))
	}
	TESTQ(l, l)
	JZ(LabelRef("factor"))
	Label("down")
	for i := range 4 {
		VMOVUPS(vector(pb, i), zmm[16+i])
	}
	VMOVUPS(Mem{Base: y}, zmm[20])
	for r := range 4 {
		for i := r; i < 4; i++ {
			VFNMADD231PS(zmm[16+i], zmm[16+r], at(r, i))
		}
		VFNMADD231PS(zmm[20], zmm[16+r], right(r))
	}
	ADDQ(U32(rowBytes), pb)
	ADDQ(Imm(64), y)
	DECQ(l)
	JNZ(LabelRef("down"))
	Label("factor")
	VBROADCASTSS(ones(), Z16)
	for j := range 4 {
		VDIVPS(at(j, j), Z16, Z17) // 1/c_jj
		for r := j + 1; r < 4; r++ {
			VMULPS(Z17, at(j, r), zmm[18+r])
			for i := r; i < 4; i++ {
				VFNMADD231PS(at(j, i), zmm[18+r], at(r, i))
			}
		}
		VSQRTPS(Z17, Z17) // 1/u_jj
		VMOVUPS(Z17, vector(inv, j))
		VMULPS(Z17, right(j), right(j))
		VMOVUPS(right(j), vector(own4, j))
		for i := j; i < 4; i++ {
			VMULPS(Z17, at(j, i), at(j, i))
			VMOVUPS(at(j, i), vector(c, 4*j+i))
		}
		for i := j + 1; i < 4; i++ {
			VFNMADD231PS(right(j), at(j, i), right(i))
		}
	}
	VZEROUPPER()
	RET()
}

// lanesBackward takes the panel's unknowns from b, U·x = b, and subtracts their
// share from the b above them.
func lanesBackward() {
	function("lanesBackwardAVX512", "func(panel int, own, inverse, b []float32)")
	panel, own, inverse, b := Load(Param("panel"), GP64()), slice("own"), slice("inverse"), slice("b")
	vector := func(base Register, i int) Mem { return Mem{Base: base, Disp: 64 * i} }
	block, at := GP64(), GP64()
	MOVQ(panel, block)
	SHLQ(U8(10), block)
	ADDQ(own, block)
	MOVQ(panel, at)
	SHLQ(U8(8), at)
	ADDQ(at, inverse)
	ADDQ(b, at)
	for j := 3; j >= 0; j-- {
		VMOVUPS(vector(at, j), zmm[j])
		for i := j + 1; i < 4; i++ {
			VFNMADD231PS(vector(block, 4*j+i), zmm[i], zmm[j])
		}
		VMULPS(vector(inverse, j), zmm[j], zmm[j])
		VMOVUPS(zmm[j], vector(at, j))
	}
	SHLQ(U8(2), panel)
	JZ(LabelRef("done"))
	Label("up") // two rows at a time
	for r := range 2 {
		VMOVUPS(vector(b, r), zmm[4+r])
		VMULPS(vector(own, 4*r), zmm[0], zmm[6+r])
	}
	for i := 1; i < 4; i++ {
		for r := range 2 {
			sum := zmm[4+r]
			if i == 2 {
				VFMADD231PS(vector(own, 4*r+i), zmm[i], zmm[6+r])
				continue
			}
			VFNMADD231PS(vector(own, 4*r+i), zmm[i], sum)
		}
	}
	for r := range 2 {
		VSUBPS(zmm[6+r], zmm[4+r], zmm[4+r])
		VMOVUPS(zmm[4+r], vector(b, r))
	}
	ADDQ(U32(2*rowBytes), own)
	ADDQ(U32(128), b)
	SUBQ(Imm(2), panel)
	JNZ(LabelRef("up"))
	Label("done")
	VZEROUPPER()
	RET()
}
