package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// ahead is how many rows before its use a row is asked of the second-level cache.
const ahead = 4

// gather copies rows as they are and weighted, or only weighted.
func (s set) gather(both bool) {
	if both {
		function("gather"+s.suffix, "func(vectors int, idx []int32, count int, w, x []float32, ldx int, plain, weighted []float32, ld int)")
	} else {
		function("gatherWeighted"+s.suffix, "func(vectors int, idx []int32, count int, w, x []float32, ldx int, weighted []float32, ld int)")
	}
	end := Load(Param("vectors"), GP64())
	IMUL3Q(U32(uint32(s.width*4)), end, end)
	idx, count, known := slice("idx"), Load(Param("count"), GP64()), Load(Param("idx").Len(), GP64())
	w, x, ldx := slice("w"), slice("x"), bytes("ldx")
	weighted, ld := slice("weighted"), bytes("ld")
	var plain Register
	if both {
		plain = slice("plain")
	}
	DECQ(known)
	r, row, soon, v := GP64(), GP64(), GP64(), GP64()
	XORQ(r, r)
	Label("row")
	CMPQ(r, count)
	JGE(LabelRef("done"))
	LEAQ(Mem{Base: r, Disp: ahead}, soon)
	CMPQ(soon, known)
	CMOVQGT(known, soon)
	MOVLQSX(Mem{Base: idx, Index: soon, Scale: 4}, soon)
	IMULQ(ldx, soon)
	MOVLQSX(Mem{Base: idx, Index: r, Scale: 4}, row)
	IMULQ(ldx, row)
	ADDQ(x, row)
	ADDQ(x, soon)
	VBROADCASTSS(Mem{Base: w, Index: r, Scale: 4}, s.vector(0))
	XORQ(v, v)
	copies := func(vectors int) {
		at := func(base Register, i int) Mem {
			return Mem{Base: base, Index: v, Scale: 1, Disp: i * s.width * 4}
		}
		for line := 0; line < vectors*s.width*4; line += 64 {
			PREFETCHT0(Mem{Base: soon, Index: v, Scale: 1, Disp: line})
		}
		for i := range vectors {
			VMOVUPS(at(row, i), s.vector(1+i))
		}
		for i := range vectors {
			if both {
				VMOVUPS(s.vector(1+i), at(plain, i))
			}
			VMULPS(s.vector(0), s.vector(1+i), s.vector(1+i))
			VMOVUPS(s.vector(1+i), at(weighted, i))
		}
		ADDQ(U32(uint32(vectors*s.width*4)), v)
	}
	left := GP64()
	Label("four")
	MOVQ(end, left)
	SUBQ(v, left)
	CMPQ(left, U32(uint32(16*s.width)))
	JL(LabelRef("one"))
	copies(4)
	JMP(LabelRef("four"))
	Label("one")
	CMPQ(v, end)
	JGE(LabelRef("next"))
	copies(1)
	JMP(LabelRef("one"))
	Label("next")
	if both {
		ADDQ(ld, plain)
	}
	ADDQ(ld, weighted)
	INCQ(r)
	JMP(LabelRef("row"))
	Label("done")
	VZEROUPPER()
	RET()
}

// prefetch asks for the rows named in idx, of the given length in bytes.
func prefetch() {
	function("prefetchRows", "func(idx []int32, x []float32, ldx int, length int)")
	idx, count, x, ldx, length := slice("idx"), Load(Param("idx").Len(), GP64()), slice("x"), bytes("ldx"), Load(Param("length"), GP64())
	row, v := GP64(), GP64()
	Label("row")
	TESTQ(count, count)
	JZ(LabelRef("done"))
	MOVLQSX(Mem{Base: idx}, row)
	IMULQ(ldx, row)
	ADDQ(x, row)
	XORQ(v, v)
	Label("line")
	PREFETCHT1(Mem{Base: row, Index: v, Scale: 1})
	ADDQ(U32(64), v)
	CMPQ(v, length)
	JL(LabelRef("line"))
	ADDQ(Imm(4), idx)
	DECQ(count)
	JMP(LabelRef("row"))
	Label("done")
	RET()
}

func (s set) weightedSum() {
	function("weightedSum"+s.suffix, "func(vectors, count int, w, x []float32, ldx int, y []float32)")
	vectors, x, ldx, y := Load(Param("vectors"), GP64()), slice("x"), bytes("ldx"), slice("y")
	block := func(name string, wide, chains int) {
		Label(name)
		CMPQ(vectors, Imm(uint64(wide)))
		JL(LabelRef(name + "_end"))
		count, w, row := Load(Param("count"), GP64()), slice("w"), GP64()
		MOVQ(x, row)
		for i := range wide * chains {
			s.zero(s.vector(i))
		}
		one := func(chain int) {
			VBROADCASTSS(Mem{Base: w, Disp: 4 * chain}, s.vector(8+chain))
			for i := range wide {
				VFMADD231PS(Mem{Base: row, Disp: i * s.width * 4}, s.vector(8+chain), s.vector(chain*wide+i))
			}
			ADDQ(ldx, row)
		}
		Label(name + "_chains")
		CMPQ(count, Imm(uint64(chains)))
		JL(LabelRef(name + "_rest"))
		for c := range chains {
			one(c)
		}
		ADDQ(Imm(uint64(4*chains)), w)
		SUBQ(Imm(uint64(chains)), count)
		JMP(LabelRef(name + "_chains"))
		Label(name + "_rest")
		TESTQ(count, count)
		JZ(LabelRef(name + "_write"))
		one(0)
		ADDQ(Imm(4), w)
		DECQ(count)
		JMP(LabelRef(name + "_rest"))
		Label(name + "_write")
		for i := range wide {
			for c := 1; c < chains; c++ {
				VADDPS(s.vector(c*wide+i), s.vector(i), s.vector(i))
			}
			VADDPS(Mem{Base: y, Disp: i * s.width * 4}, s.vector(i), s.vector(i))
			VMOVUPS(s.vector(i), Mem{Base: y, Disp: i * s.width * 4})
		}
		s.advanceRow(wide, vectors, x, y)
		JMP(LabelRef(name))
		Label(name + "_end")
	}
	block("four", 4, 2)
	block("one", 1, 4)
	VZEROUPPER()
	RET()
}

func (s set) advanceRow(vectors int, n Register, pointers ...Register) {
	for _, p := range pointers {
		ADDQ(U32(vectors*s.width*4), p)
	}
	SUBQ(Imm(uint64(vectors)), n)
}

func (s set) above() {
	function("above"+s.suffix, "func(x []float32, threshold float32) int")
	x, n := slice("x"), Load(Param("x").Len(), GP64())
	VBROADCASTSS(NewParamAddr("threshold", 24), s.vector(0))
	i, mask := GP64(), GP64()
	XORQ(i, i)
	left := GP64()
	// greater leaves the lanes of x above the threshold in mask.
	greater := func(v int, mask Register) {
		from := Mem{Base: x, Index: i, Scale: 4, Disp: v * s.width * 4}
		if s.width == 16 {
			VCMPPS(Imm(0x11), from, Z0, K1) // threshold < x
			KMOVW(K1, mask.(GPVirtual).As32())
			return
		}
		VCMPPS(Imm(0x11), from, Y0, Y1)
		VMOVMSKPS(Y1, mask.(GPVirtual).As32())
	}
	Label("four")
	MOVQ(n, left)
	SUBQ(i, left)
	CMPQ(left, U32(4*s.width))
	JL(LabelRef("one"))
	s.anyOfFour(x, i, mask)
	JNZ(LabelRef("one"))
	ADDQ(U32(4*s.width), i)
	JMP(LabelRef("four"))
	Label("one")
	MOVQ(n, left)
	SUBQ(i, left)
	CMPQ(left, U32(s.width))
	JL(LabelRef("tail"))
	greater(0, mask)
	TESTL(mask.As32(), mask.As32())
	JNZ(LabelRef("hit"))
	ADDQ(U32(s.width), i)
	JMP(LabelRef("one"))
	Label("hit")
	TZCNTL(mask.As32(), mask.As32())
	ADDQ(mask, i)
	JMP(LabelRef("done"))
	Label("tail")
	CMPQ(i, n)
	JGE(LabelRef("done"))
	VMOVSS(Mem{Base: x, Index: i, Scale: 4}, X1)
	VUCOMISS(X0, X1)
	JHI(LabelRef("done"))
	INCQ(i)
	JMP(LabelRef("tail"))
	Label("done")
	Store(i, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// anyOfFour sets the zero flag unless one of the next four vectors has a lane above the threshold.
func (s set) anyOfFour(x, i, mask Register) {
	at := func(v int) Mem { return Mem{Base: x, Index: i, Scale: 4, Disp: v * s.width * 4} }
	if s.width == 16 {
		VMOVUPS(at(0), Z1)
		VMOVUPS(at(2), Z2)
		VMAXPS(at(1), Z1, Z1)
		VMAXPS(at(3), Z2, Z2)
		VMAXPS(Z1, Z2, Z2)
		VCMPPS(Imm(0x11), Z2, Z0, K1)
		KORTESTW(K1, K1)
		return
	}
	VMOVUPS(at(0), Y1)
	VMOVUPS(at(2), Y2)
	VMAXPS(at(1), Y1, Y1)
	VMAXPS(at(3), Y2, Y2)
	VMAXPS(Y1, Y2, Y2)
	VCMPPS(Imm(0x11), Y2, Y0, Y2)
	VMOVMSKPS(Y2, mask.(GPVirtual).As32())
	TESTL(mask.(GPVirtual).As32(), mask.(GPVirtual).As32())
}

// rowsAbove sets bit r where row r of a tile, 8 rows of three vectors, has an element above threshold r.
func (s set) rowsAbove() {
	function("rowsAbove"+s.suffix, "func(tile, thresholds []float32) int")
	tile, thresholds := slice("tile"), slice("thresholds")
	rows, one, mask := GP64(), GP32(), GP64()
	XORQ(rows, rows)
	for r := range 8 {
		at := func(v int) Mem { return Mem{Base: tile, Disp: (3*r + v) * s.width * 4} }
		VBROADCASTSS(Mem{Base: thresholds, Disp: 4 * r}, s.vector(0))
		VMOVUPS(at(0), s.vector(1))
		VMAXPS(at(1), s.vector(1), s.vector(1))
		VMAXPS(at(2), s.vector(1), s.vector(1))
		VCMPPS(Imm(0x11), Y1, Y0, Y1) // threshold < x
		VMOVMSKPS(Y1, one)
		XORQ(mask, mask)
		TESTL(one, one)
		SETNE(mask.As8())
		SHLQ(U8(r), mask)
		ORQ(mask, rows)
	}
	Store(rows, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// elementsAbove sets bit j where element j of a row of three vectors is above the threshold.
func (s set) elementsAbove() {
	function("elementsAbove"+s.suffix, "func(row []float32, threshold float32) uint64")
	row := slice("row")
	VBROADCASTSS(NewParamAddr("threshold", 24), s.vector(0))
	mask, one := GP64(), GP64()
	for v := 2; v >= 0; v-- {
		from := Mem{Base: row, Disp: v * s.width * 4}
		part := one
		if v == 2 {
			part = mask
		}
		if s.width == 16 {
			VCMPPS(Imm(0x11), from, Z0, K1) // threshold < x
			KMOVW(K1, part.As32())
		} else {
			VCMPPS(Imm(0x11), from, Y0, Y1)
			VMOVMSKPS(Y1, part.As32())
		}
		if v < 2 {
			SHLQ(U8(s.width), mask)
			ORQ(one, mask)
		}
	}
	Store(mask, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
