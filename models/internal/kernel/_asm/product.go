package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// tile keeps rows × vectors accumulators in registers over the whole depth.
func (s set) tile(vectors int) {
	name := fmt.Sprintf("tile%dx%d%s", s.rows, vectors, s.suffix)
	function(name, "func(depth int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, mode int)")
	depth := Load(Param("depth"), GP64())
	a, lda, b, ldb := slice("a"), bytes("lda"), slice("b"), bytes("ldb")
	acc := func(r, v int) Register { return s.vector(r*vectors + v) }
	panel := func(v int) Register { return s.vector(s.rows*vectors + v) }
	for r := range s.rows {
		for v := range vectors {
			s.zero(acc(r, v))
		}
	}
	c, ldc := slice("c"), bytes("ldc")
	s.prefetchTile(vectors, depth, c, ldc)
	TESTQ(depth, depth)
	JZ(LabelRef("write"))
	if vectors == 1 && s.width == 16 {
		twoChains(depth, a, lda, b, ldb)
	} else {
		u := unrolled{depth: depth, a: a, lda: lda, b: b, ldb: ldb}
		u.loop(func(s string) string { return s }, func(_ int, a, b func(disp int) Mem) {
			for v := range vectors {
				VMOVUPS(b(v*s.width*4), panel(v))
			}
			for r := range s.rows {
				one := s.vector(s.rows*vectors + vectors)
				VBROADCASTSS(a(4*r), one)
				for v := range vectors {
					VFMADD231PS(panel(v), one, acc(r, v))
				}
			}
		}, func(int) {})
	}

	Label("write")
	mode := Load(Param("mode"), GP64())
	each := func(f func(to Mem, r Register)) {
		for r := range s.rows {
			for v := range vectors {
				f(Mem{Base: c, Disp: v * s.width * 4}, acc(r, v))
			}
			if r+1 < s.rows {
				ADDQ(ldc, c)
			}
		}
		VZEROUPPER()
		RET()
	}
	CMPQ(mode, Imm(1))
	JE(LabelRef("add"))
	CMPQ(mode, Imm(2))
	JE(LabelRef("subtract"))
	JG(LabelRef("stream"))
	each(func(to Mem, r Register) { VMOVUPS(r, to) })
	Label("add")
	each(func(to Mem, r Register) { VADDPS(to, r, r); VMOVUPS(r, to) })
	Label("subtract")
	each(func(to Mem, r Register) {
		old := s.vector(s.rows*vectors + vectors)
		VMOVUPS(to, old)
		VSUBPS(r, old, r)
		VMOVUPS(r, to)
	})
	Label("stream")
	SFENCE() // which orders the tiles before this one; the last is followed by locked instructions
	each(func(to Mem, r Register) { VMOVNTPS(r, to) })
}

// unrolled walks down the rows of a and b, four at a time: moving two pointers for
// every row would take turns from the multiply-adds. All its registers are lost.
type unrolled struct {
	depth, a, lda, b, ldb Register
}

// loop emits step for every row of the depth; number is its place among the four,
// after the second and last of which between is emitted.
func (u unrolled) loop(name func(string) string, step func(number int, a, b func(disp int) Mem), between func(number int)) {
	a3 := GP64()
	LEAQ(Mem{Base: u.lda, Index: u.lda, Scale: 2}, a3)
	b3 := a3
	if u.ldb != u.lda {
		b3 = GP64()
		LEAQ(Mem{Base: u.ldb, Index: u.ldb, Scale: 2}, b3)
	}
	row := func(base, ld, ld3 Register, number int) func(int) Mem {
		return func(disp int) Mem {
			switch number {
			case 0:
				return Mem{Base: base, Disp: disp}
			case 3:
				return Mem{Base: base, Index: ld3, Scale: 1, Disp: disp}
			}
			return Mem{Base: base, Index: ld, Scale: uint8(number), Disp: disp}
		}
	}
	SUBQ(Imm(4), u.depth)
	JL(LabelRef(name("rest")))
	Label(name("deeper"))
	for i := range 4 {
		step(i, row(u.a, u.lda, a3, i), row(u.b, u.ldb, b3, i))
		if i%2 == 1 {
			between(i)
		}
	}
	LEAQ(Mem{Base: u.a, Index: u.lda, Scale: 4}, u.a)
	LEAQ(Mem{Base: u.b, Index: u.ldb, Scale: 4}, u.b)
	SUBQ(Imm(4), u.depth)
	JGE(LabelRef(name("deeper")))
	Label(name("rest"))
	ADDQ(Imm(4), u.depth)
	JZ(LabelRef(name("all")))
	Label(name("one"))
	step(0, row(u.a, u.lda, a3, 0), row(u.b, u.ldb, b3, 0))
	ADDQ(u.lda, u.a)
	ADDQ(u.ldb, u.b)
	DECQ(u.depth)
	JNZ(LabelRef(name("one")))
	Label(name("all"))
}

// twoChains adds eight rows of one vector in sixteen accumulators, Z0 … Z7 for the
// even steps and Z8 … Z15 for the odd: eight would wait for their own results.
func twoChains(depth, a, lda, b, ldb Register) {
	for i := range 8 {
		VPXORD(zmm[8+i], zmm[8+i], zmm[8+i])
	}
	u := unrolled{depth: depth, a: a, lda: lda, b: b, ldb: ldb}
	u.loop(func(s string) string { return s }, func(number int, a, b func(int) Mem) {
		VMOVUPS(b(0), zmm[16+number])
		for r := range 8 {
			VFMADD231PS_BCST(a(4*r), zmm[16+number], zmm[number%2*8+r])
		}
	}, func(int) {})
	for i := range 8 {
		VADDPS(zmm[8+i], zmm[i], zmm[i])
	}
}

// prefetchTile asks for C early where the sums take long enough to wait for it.
func (s set) prefetchTile(vectors int, depth, c, ldc Register) {
	CMPQ(depth, Imm(64))
	JL(LabelRef("begin"))
	CMPQ(Load(Param("mode"), GP64()), Imm(3))
	JE(LabelRef("begin"))
	p := GP64()
	MOVQ(c, p)
	for r := range s.rows {
		for line := 0; line < vectors*s.width*4; line += 64 {
			PREFETCHT0(Mem{Base: p, Disp: line})
		}
		if end := vectors*s.width*4 - 4; end%64 != 60 || s.width == 16 {
			PREFETCHT0(Mem{Base: p, Disp: end}) // rows need not begin on a line
		}
		if r+1 < s.rows {
			ADDQ(ldc, p)
		}
	}
	Label("begin")
}

// horizontal adds the lanes of vector register 0 into its first lane; register 1 is lost.
func (s set) horizontal() {
	if s.width == 16 {
		VEXTRACTF64X4(Imm(1), Z0, Y1)
		VADDPS(Y1, Y0, Y0)
	}
	VEXTRACTF128(Imm(1), Y0, X1)
	VADDPS(X1, X0, X0)
	VMOVHLPS(X0, X0, X1)
	VADDPS(X1, X0, X0)
	VMOVSHDUP(X0, X1)
	VADDSS(X1, X0, X0)
}

func (s set) dot() {
	function("dot"+s.suffix, "func(x, y []float32) float32")
	x, y, n := slice("x"), slice("y"), Load(Param("x").Len(), GP64())
	for i := range 4 {
		s.zero(s.vector(i))
	}
	Label("four")
	CMPQ(n, U32(4*s.width))
	JL(LabelRef("one"))
	for i := range 4 {
		VMOVUPS(Mem{Base: x, Disp: i * s.width * 4}, s.vector(4+i))
	}
	for i := range 4 {
		VFMADD231PS(Mem{Base: y, Disp: i * s.width * 4}, s.vector(4+i), s.vector(i))
	}
	s.advance(4, n, x, y)
	JMP(LabelRef("four"))
	Label("one")
	CMPQ(n, U32(s.width))
	JL(LabelRef("fold"))
	VMOVUPS(Mem{Base: x}, s.vector(4))
	VFMADD231PS(Mem{Base: y}, s.vector(4), s.vector(0))
	s.advance(1, n, x, y)
	JMP(LabelRef("one"))
	Label("fold")
	VADDPS(s.vector(1), s.vector(0), s.vector(0))
	VADDPS(s.vector(3), s.vector(2), s.vector(2))
	VADDPS(s.vector(2), s.vector(0), s.vector(0))
	s.horizontal()
	Label("tail")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	VMOVSS(Mem{Base: x}, X4)
	VFMADD231SS(Mem{Base: y}, X4, X0)
	ADDQ(Imm(4), x)
	ADDQ(Imm(4), y)
	DECQ(n)
	JMP(LabelRef("tail"))
	Label("done")
	Store(X0, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func (s set) advance(vectors int, n Register, pointers ...Register) {
	for _, p := range pointers {
		ADDQ(U32(vectors*s.width*4), p)
	}
	SUBQ(U32(vectors*s.width), n)
}

func (s set) axpy() {
	function("axpy"+s.suffix, "func(a float32, x, y []float32)")
	VBROADCASTSS(NewParamAddr("a", 0), s.vector(0))
	x, y, n := slice("x"), slice("y"), Load(Param("x").Len(), GP64())
	step := func(vectors int) {
		for i := range vectors {
			VMOVUPS(Mem{Base: y, Disp: i * s.width * 4}, s.vector(1+i))
		}
		for i := range vectors {
			VFMADD231PS(Mem{Base: x, Disp: i * s.width * 4}, s.vector(0), s.vector(1+i))
		}
		for i := range vectors {
			VMOVUPS(s.vector(1+i), Mem{Base: y, Disp: i * s.width * 4})
		}
		s.advance(vectors, n, x, y)
	}
	Label("four")
	CMPQ(n, U32(4*s.width))
	JL(LabelRef("one"))
	step(4)
	JMP(LabelRef("four"))
	Label("one")
	CMPQ(n, U32(s.width))
	JL(LabelRef("tail"))
	step(1)
	JMP(LabelRef("one"))
	Label("tail")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	VMOVSS(Mem{Base: y}, X1)
	VFMADD231SS(Mem{Base: x}, X0, X1)
	VMOVSS(X1, Mem{Base: y})
	ADDQ(Imm(4), x)
	ADDQ(Imm(4), y)
	DECQ(n)
	JMP(LabelRef("tail"))
	Label("done")
	VZEROUPPER()
	RET()
}

// peak does 4·12 (AVX2) or 4·16 (AVX-512) independent multiply-adds a round.
func (s set) peak() {
	chains := map[int]int{8: 12, 16: 16}[s.width]
	function("peak"+s.suffix, "func(rounds int)")
	rounds := Load(Param("rounds"), GP64())
	for i := range chains + 1 {
		s.zero(s.vector(i))
	}
	Label("again")
	for range 4 {
		for i := range chains {
			VFMADD231PS(s.vector(chains), s.vector(chains), s.vector(i))
		}
	}
	DECQ(rounds)
	JNZ(LabelRef("again"))
	VZEROUPPER()
	RET()
}

// tileAbove is a tile of eight rows and three vectors, c held without gaps, that
// sets bit r where row r has an element above threshold r.
func tileAbove() {
	function("tileAboveAVX512", "func(depth int, a, b, c, thresholds []float32) int")
	depth, a, b, c, thresholds := Load(Param("depth"), GP64()), slice("a"), slice("b"), slice("c"), slice("thresholds")
	acc := func(r, v int) VecPhysical { return zmm[3*r+v] }
	for i := range 24 {
		VPXORD(zmm[i], zmm[i], zmm[i])
	}
	TESTQ(depth, depth)
	JZ(LabelRef("write"))
	Label("deeper")
	for v := range 3 {
		VMOVUPS(Mem{Base: b, Disp: 64 * v}, zmm[24+v])
	}
	for r := range 8 {
		VBROADCASTSS(Mem{Base: a, Disp: 4 * r}, zmm[27+r%4])
		for v := range 3 {
			VFMADD231PS(zmm[24+v], zmm[27+r%4], acc(r, v))
		}
	}
	ADDQ(Imm(32), a)
	ADDQ(U32(192), b)
	DECQ(depth)
	JNZ(LabelRef("deeper"))
	Label("write")
	rows, one := GP64(), GP64()
	XORQ(rows, rows)
	for r := 7; r >= 0; r-- {
		largest := zmm[24+r%4]
		VMAXPS(acc(r, 0), acc(r, 1), largest)
		VMAXPS(acc(r, 2), largest, largest)
		VCMPPS_BCST(Imm(0x1e), Mem{Base: thresholds, Disp: 4 * r}, largest, K1) // x > threshold
		for v := range 3 {
			VMOVUPS(acc(r, v), Mem{Base: c, Disp: 192*r + 64*v})
		}
		KORTESTW(K1, K1)
		SETNE(one.As8())
		MOVBLZX(one.As8(), one.As32())
		ADDQ(rows, rows)
		ORQ(one, rows)
	}
	Store(rows, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
