package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// upper adds WᵀW to the upper triangle of C (n × n), or stores it there, W being
// depth × n and n a multiple of 16. Meanwhile it asks the memory for the rows of x
// that soon names, a line at a time: no more than a dozen or so can be on their way.
func upper() {
	function("upperAVX512", "func(n, depth int, w, c []float32, mode int, soon []int32, x []float32, ldxBytes int)")
	ld, w, c := bytes("n"), slice("w"), slice("c")
	f := fetcher{length: ld, idle: w, rows: slice("soon"), left: Load(Param("soon").Len(), GP64()), p: GP64(), line: GP64()}
	f.next("first")
	a, b, to, left := GP64(), GP64(), GP64(), GP64()
	MOVQ(w, a)
	MOVQ(ld, left)
	Label("rows")
	done := GP64()
	MOVQ(a, done)
	SUBQ(w, done)
	CMPQ(done, ld)
	JGE(LabelRef("done"))
	ANDQ(I32(-64), done) // bytes before the first vector of these rows
	MOVQ(ld, left)
	SUBQ(done, left)
	MOVQ(w, b)
	ADDQ(done, b)
	MOVQ(c, to)
	ADDQ(done, to)
	Label("tile")
	CMPQ(left, U32(128))
	JL(LabelRef("tile1"))
	JE(LabelRef("tile2"))
	CMPQ(left, U32(256))
	JE(LabelRef("tile2")) // two and two keep more sums in flight than three and one
	for _, vectors := range []int{3, 2, 1} {
		Label(fmt.Sprint("tile", vectors))
		upperTile(vectors, a, b, to, ld, f)
		SUBQ(U32(uint32(64*vectors)), left)
		if vectors > 1 {
			JG(LabelRef("tile"))
			JMP(LabelRef("below"))
		}
	}
	Label("below")
	ADDQ(Imm(32), a)
	down := GP64()
	MOVQ(ld, down)
	SHLQ(U8(3), down)
	ADDQ(down, c)
	JMP(LabelRef("rows"))
	Label("done")
	VZEROUPPER()
	RET()
}

// fetcher walks along the lines of rows, and stays at idle after the last.
type fetcher struct {
	length, idle Register
	rows, left   Register
	p, line      Register // the line, and how many bytes of the row are left
}

// step asks for one line.
func (f fetcher) step(name string) {
	PREFETCHT1(Mem{Base: f.p})
	ADDQ(Imm(64), f.p)
	SUBQ(Imm(64), f.line)
	JG(LabelRef(name + "_same"))
	f.next(name)
	Label(name + "_same")
}

// next goes to the next row.
func (f fetcher) next(name string) {
	MOVQ(f.length, f.line)
	MOVQ(f.idle, f.p)
	DECQ(f.left)
	JL(LabelRef(name + "_idle"))
	MOVLQSX(Mem{Base: f.rows}, f.p)
	IMULQ(address(Param("ldxBytes")), f.p)
	ADDQ(address(Param("x").Base()), f.p)
	ADDQ(Imm(4), f.rows)
	Label(name + "_idle")
}

func address(c gotypes.Component) Mem {
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// upperTile computes eight rows of one, two or three vectors, and moves b and to
// behind them.
func upperTile(vectors int, a, b, to, ld Register, f fetcher) {
	name := func(s string) string { return fmt.Sprint(s, vectors) }
	acc := func(r, v int) Register { return zmm[r*vectors+v] }
	sums(vectors, Load(Param("depth"), GP64()), a, b, ld, name, func(number int) { f.step(name(fmt.Sprint("fetch", number, "_"))) })
	p := GP64()
	MOVQ(to, p)
	CMPQ(Load(Param("mode"), GP64()), Imm(0))
	JE(LabelRef(name("store")))
	for r := range 8 {
		for v := range vectors {
			VADDPS(Mem{Base: p, Disp: 64 * v}, acc(r, v), acc(r, v))
		}
		ADDQ(ld, p)
	}
	MOVQ(to, p)
	Label(name("store"))
	for r := range 8 {
		for v := range vectors {
			VMOVUPS(acc(r, v), Mem{Base: p, Disp: 64 * v})
		}
		if r < 7 {
			ADDQ(ld, p)
		}
	}
	ADDQ(U32(uint32(64*vectors)), b)
	ADDQ(U32(uint32(64*vectors)), to)
}

// sums leaves the products of eight rows and one to three vectors, as tiles are
// numbered, in Z0 and those after it; between is done every second step.
func sums(vectors int, depth, a, b, ld Register, name func(string) string, between func(number int)) {
	for i := range 8 * max(vectors, 2) {
		VPXORD(zmm[i], zmm[i], zmm[i])
	}
	u := unrolled{depth: depth, a: GP64(), lda: ld, b: GP64(), ldb: ld}
	MOVQ(a, u.a)
	MOVQ(b, u.b)
	u.loop(name, func(number int, a, b func(int) Mem) {
		for v := range vectors {
			VMOVUPS(b(64*v), zmm[24+v])
		}
		for r := range 8 {
			if vectors == 1 {
				VFMADD231PS_BCST(a(4*r), zmm[24], zmm[number%2*8+r])
				continue
			}
			VBROADCASTSS(a(4*r), zmm[27+r%4])
			for v := range vectors {
				VFMADD231PS(zmm[24+v], zmm[27+r%4], zmm[r*vectors+v])
			}
		}
	}, between)
	if vectors == 1 { // eight sums alone would wait for their own results
		for i := range 8 {
			VADDPS(zmm[8+i], zmm[i], zmm[i])
		}
	}
}
