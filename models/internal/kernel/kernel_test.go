package kernel

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The truth of every test is the definition, written out in float64.

// near tells whether got is want but for the rounding of float32 sums whose terms
// have the given total size.
func near(got float32, want, size float64) bool {
	return math.Abs(float64(got)-want) <= 1e-5*(size+1e-30)
}

func noise(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 7))
	x := make([]float32, n)
	for i := range x {
		x[i] = rng.Float32() - 0.5
	}
	return x
}

func drawVector(t *rapid.T, n int, label string) []float32 {
	seed := rapid.Uint64().Draw(t, label)
	offset := rapid.IntRange(0, 3).Draw(t, label+" offset") // not aligned
	return noise(n+offset, seed)[offset:]
}

func TestDotAndAxpy(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.IntRange(0, 200).Draw(t, "n")
			x, y := drawVector(t, n, "x"), drawVector(t, n+rapid.IntRange(0, 3).Draw(t, "longer"), "y")
			want, size := 0.0, 0.0
			for i := range x {
				p := float64(x[i]) * float64(y[i])
				want, size = want+p, size+math.Abs(p)
			}
			if got := Dot(x, y); !near(got, want, size) {
				t.Fatalf("dot of %d is %v, want %v", n, got, want)
			}
			before := slices.Clone(y)
			Axpy(0.7, x, y)
			for i := range y {
				want := float64(before[i])
				if i < n {
					want += float64(float32(0.7)) * float64(x[i])
				}
				if !near(y[i], want, 1) {
					t.Fatalf("element %d of %d is %v, want %v", i, n, y[i], want)
				}
			}
		})
	})
}

// guarded returns an m × n matrix with leading dimension ld between sentinels.
func guarded(m, n, ld int, seed uint64) []float32 {
	c := noise(m*ld+5, seed)
	for i := range c {
		if i/ld >= m || i%ld >= n {
			c[i] = 12345
		}
	}
	return c
}

func requireGuards(t *rapid.T, c []float32, m, n, ld int) {
	t.Helper()
	for i, x := range c {
		if (i/ld >= m || i%ld >= n) && x != 12345 {
			t.Fatalf("element %d beside the %d × %d matrix of leading dimension %d is overwritten with %v", i, m, n, ld, x)
		}
	}
}

func TestGemm(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			m, n, k := rapid.IntRange(0, 40).Draw(t, "m"), rapid.IntRange(0, 110).Draw(t, "n"), rapid.IntRange(0, 40).Draw(t, "k")
			if rapid.IntRange(0, 9).Draw(t, "large") == 0 {
				m, n, k = m*9, n*8, k*9
			}
			testGemm(t, m, n, k)
		})
	})
}

func testGemm(t *rapid.T, m, n, k int) {
	transA, transB := rapid.Bool().Draw(t, "transA"), rapid.Bool().Draw(t, "transB")
	pad := rapid.IntRange(0, 3).Draw(t, "pad")
	rowsA, colsA, rowsB, colsB := m, k, k, n
	if transA {
		rowsA, colsA = k, m
	}
	if transB {
		rowsB, colsB = n, k
	}
	lda, ldb, ldc := colsA+pad, colsB+pad, n+pad
	a, b, c := drawVector(t, rowsA*lda, "a"), drawVector(t, rowsB*ldb, "b"), guarded(m, n, max(ldc, 1), 3)
	ldc = max(ldc, 1)
	alpha := rapid.SampledFrom([]float32{0, 1, -1, 0.3}).Draw(t, "alpha")
	beta := rapid.SampledFrom([]float32{0, 1}).Draw(t, "beta")
	before := slices.Clone(c)
	if beta == 0 && m*n > 0 {
		c[0] = float32(math.NaN())
	}
	Gemm(transA, transB, m, n, k, alpha, a, max(lda, 1), b, max(ldb, 1), beta, c, ldc, rapid.IntRange(1, 4).Draw(t, "workers"))
	requireGuards(t, c, m, n, ldc)
	x, y := operand{a, max(lda, 1), transA}, operand{b, max(ldb, 1), transB}
	for i := range m {
		for j := range n {
			want := float64(beta) * float64(before[i*ldc+j])
			size := math.Abs(want)
			for l := range k {
				p := float64(alpha) * float64(x.at(i, l)) * float64(y.at(l, j))
				want, size = want+p, size+math.Abs(p)
			}
			if !near(c[i*ldc+j], want, size) {
				t.Fatalf("%d × %d × %d: element %d, %d is %v, want %v", m, n, k, i, j, c[i*ldc+j], want)
			}
		}
	}
}

func TestPacked(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			m, n, k := rapid.IntRange(0, 30).Draw(t, "m"), rapid.IntRange(1, 300).Draw(t, "n"), rapid.IntRange(0, 40).Draw(t, "k")
			a, b := drawVector(t, m*k, "a"), drawVector(t, n*k, "b")
			p := Pack(true, k, n, b, k, 2)
			from := rapid.IntRange(0, (n-1)/PanelColumns()).Draw(t, "from") * PanelColumns()
			to := rapid.IntRange(from, n).Draw(t, "to")
			c, want := guarded(m, to-from, max(to-from, 1), 1), make([]float32, m*n)
			strip := p.NewStrip()
			strip.Load(m, a, k)
			strip.Columns(from, to, c, max(to-from, 1))
			requireGuards(t, c, m, to-from, max(to-from, 1))
			Gemm(false, true, m, n, k, 1, a, max(k, 1), b, max(k, 1), 0, want, n, 1)
			for i := range m {
				for j := from; j < to; j++ {
					if got := c[i*(to-from)+j-from]; !near(got, float64(want[i*n+j]), 10) {
						t.Fatalf("element %d, %d is %v, want %v", i, j, got, want[i*n+j])
					}
				}
			}
		})
	})
}

// Offering a product gives what selecting from its rows gives.
func TestStripOffer(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			m, n, k := rapid.IntRange(1, 30).Draw(t, "m"), rapid.IntRange(1, 700).Draw(t, "n"), rapid.IntRange(1, 20).Draw(t, "k")
			a, b := drawVector(t, m*k, "a"), drawVector(t, n*k, "b")
			for i := range b { // ties
				b[i] = float32(int(b[i] * 4))
			}
			strip := Pack(true, k, n, b, k, 1).NewStrip()
			strip.Load(m, a, k)
			scores := make([]float32, m*n)
			strip.Columns(0, n, scores, n)
			exclude := []int32{1, 5, 77, 500}
			selectors := make([]Selector, m)
			best := rapid.IntRange(0, 50).Draw(t, "best")
			for i := range selectors {
				selectors[i].Reset(best-i%3, exclude)
			}
			cut := min(n, rapid.IntRange(0, 20).Draw(t, "cut")*PanelColumns())
			strip.Offer(0, cut, selectors)
			strip.Offer(cut, n, selectors)
			for i := range selectors {
				want := TopK(scores[i*n:(i+1)*n], best-i%3, exclude, nil)
				if got, _ := selectors[i].Take(nil, nil); !slices.Equal(got, want) {
					t.Fatalf("row %d: %v, want %v", i, got, want)
				}
			}
		})
	})
}

// Products of several blocks, in every way of packing, and of several slices of the depth.
func TestGemmBlocks(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		const k = sharedSlices*blockDepth + 18
		for _, size := range [][2]int{{300, 800}, {1100, 70}, {100, 800}} {
			m, n := size[0], size[1]
			a, b, c := noise(m*k, 1), noise(n*k, 2), noise(m*n, 3)
			for beta := range 2 {
				before := slices.Clone(c)
				Gemm(false, true, m, n, k, -1, a, k, b, k, float32(beta), c, n, 2)
				for e := 0; e < m*n; e += 61 { // and so every row and column
					i, j := e/n, e%n
					want, size := float64(beta)*float64(before[e]), 1.0
					for l := range k {
						p := float64(a[i*k+l]) * float64(b[j*k+l])
						want, size = want-p, size+math.Abs(p)
					}
					if !near(c[e], want, size) {
						t.Fatalf("%d × %d: element %d, %d is %v, want %v", m, n, i, j, c[e], want)
					}
				}
			}
		}
	})
}

// A large product goes past the caches.
func TestGemmLarge(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		const m, n, k = 130, 40_000, 5
		a, b, c := noise(m*k, 1), noise(n*k, 2), make([]float32, m*n)
		c[7] = float32(math.NaN())
		Gemm(false, true, m, n, k, 1, a, k, b, k, 0, c, n, 2)
		for i := range m {
			for j := range n {
				want := 0.0
				for l := range k {
					want += float64(a[i*k+l]) * float64(b[j*k+l])
				}
				if !near(c[i*n+j], want, 1) {
					t.Fatalf("element %d, %d is %v, want %v", i, j, c[i*n+j], want)
				}
			}
		}
	})
}

func TestAbove(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			x := drawVector(t, rapid.IntRange(0, 300).Draw(t, "n"), "x")
			threshold := float32(rapid.Float64Range(0.4, 0.51).Draw(t, "threshold"))
			want := slices.IndexFunc(x, func(v float32) bool { return v > threshold })
			if want < 0 {
				want = len(x)
			}
			if got := Above(x, threshold); got != want {
				t.Fatalf("the first of %d above %v is %d, want %d", len(x), threshold, got, want)
			}
		})
	})
}

// Sums are split the same way whatever the number of workers.
func TestWorkersGiveTheSameBytes(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		const n = 400 // two blocks of rows, four of columns that are eliminated at once
		x := noise(n*n, 1)
		gemm := func(workers int) []float32 {
			c := make([]float32, n*n)
			Gemm(false, true, n, n, n, 1, x, n, x, n, 0, c, n, workers)
			for i := range n {
				c[i*n+i] += 1
			}
			return c
		}
		one, three := gemm(1), gemm(3)
		if !slices.Equal(one, three) {
			t.Fatal("a product differs between 1 and 3 workers")
		}

		for workers, a := range map[int][]float32{1: one, 3: three} {
			if err := InvertSPD(t.Context(), n, a, n, workers, nil); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(one, three) {
			t.Error("the inverse differs between 1 and 3 workers")
		}
	})
}

func TestSyrk(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.IntRange(0, 70).Draw(t, "n")
			if rapid.IntRange(0, 9).Draw(t, "large") == 0 {
				n *= 5
			}
			rows, table := rapid.IntRange(0, 150).Draw(t, "rows"), rapid.IntRange(1, 60).Draw(t, "table")
			ldx, ldc := max(n+rapid.IntRange(0, 3).Draw(t, "pad x"), 1), max(n+rapid.IntRange(0, 3).Draw(t, "pad c"), 1)
			gathered, weighted := rapid.Bool().Draw(t, "gathered"), rapid.Bool().Draw(t, "weighted")
			var w []float32
			if weighted {
				w = drawVector(t, rows, "w")
			}
			idx := make([]int32, rows)
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "rows seed"), 1))
			for r := range idx {
				if idx[r] = int32(r); gathered {
					idx[r] = rng.Int32N(int32(table))
				}
			}
			if !gathered {
				table = rows
			}
			x := drawVector(t, table*ldx, "x")
			c := guarded(n, n, ldc, 9)
			before := slices.Clone(c)
			if gathered {
				SyrkRows(n, idx, w, x, ldx, c, ldc)
			} else {
				Syrk(n, rows, w, x, ldx, c, ldc)
			}
			requireGuards(t, c, n, n, ldc)
			for i := range n {
				for j := range i + 1 {
					want := float64(before[i*ldc+j])
					size := math.Abs(want)
					for r, at := range idx {
						p := float64(weightAt(w, r)) * float64(x[int(at)*ldx+i]) * float64(x[int(at)*ldx+j])
						want, size = want+p, size+math.Abs(p)
					}
					if !near(c[i*ldc+j], want, size) {
						t.Fatalf("n %d, %d rows: element %d, %d is %v, want %v", n, rows, i, j, c[i*ldc+j], want)
					}
				}
			}
		})
	})
}

func weightAt(w []float32, r int) float32 {
	if w == nil {
		return 1
	}
	return w[r]
}

// spd is a positive definite matrix, above the diagonal whatever is left there.
func spd(n int, seed uint64) []float32 {
	x, c := noise(2*n*n, seed), make([]float32, n*n)
	Syrk(n, 2*n, nil, x, n, c, n)
	for i := range n {
		c[i*n+i] += 1
	}
	return c
}

// drawSPD draws a positive definite matrix in full, its condition below about 100.
func drawSPD(t *rapid.T, n, ld int) []float32 {
	x := drawVector(t, 2*n*n, "x")
	a := guarded(n, n, ld, 4)
	for i := range n {
		for j := range i + 1 {
			s := 0.0
			for l := range 2 * n {
				s += float64(x[i*2*n+l]) * float64(x[j*2*n+l])
			}
			if i == j {
				s += 0.05 * float64(n)
			}
			a[i*ld+j], a[j*ld+i] = float32(s), float32(s)
		}
	}
	return a
}

func drawSize(t *rapid.T) (n, ld int) {
	n = rapid.IntRange(0, 50).Draw(t, "n")
	if rapid.IntRange(0, 14).Draw(t, "large") == 0 {
		n *= 6
	}
	return n, max(n+rapid.IntRange(0, 3).Draw(t, "pad"), 1)
}

func TestCholesky(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			n, ld := drawSize(t)
			a := drawSPD(t, n, ld)
			u := slices.Clone(a)
			for i := range n {
				for j := range i {
					u[i*ld+j] = float32(math.NaN()) // only the upper triangle is read
				}
			}
			if !Cholesky(n, u, ld) {
				t.Fatalf("a positive definite matrix of %d rows is refused", n)
			}
			requireGuards(t, u, n, n, ld)
			for i := range n {
				for j := range i + 1 {
					s := 0.0
					for k := range j + 1 {
						s += float64(u[k*ld+i]) * float64(u[k*ld+j])
					}
					if !near(a[i*ld+j], s, math.Sqrt(float64(a[i*ld+i])*float64(a[j*ld+j]))) {
						t.Fatalf("n %d: Uᵀ·U at %d, %d is %v, want %v", n, i, j, s, a[i*ld+j])
					}
				}
			}
			b := drawVector(t, n, "b")
			x := slices.Clone(b)
			CholeskySolve(n, u, ld, x)
			requireSolution(t, n, a, ld, x, b)
		})
	})
}

// requireSolution checks A·x = b.
func requireSolution(t *rapid.T, n int, a []float32, ld int, x, b []float32) {
	t.Helper()
	for i := range n {
		s, size := -float64(b[i]), math.Abs(float64(b[i]))
		for j := range n {
			p := float64(a[i*ld+j]) * float64(x[j])
			s, size = s+p, size+math.Abs(p)
		}
		if math.Abs(s) > 1e-4*(size+1) {
			t.Fatalf("n %d: A·x − b is %v in row %d, of terms of size %v", n, s, i, size)
		}
	}
}

func TestInvertSPD(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			n, ld := drawSize(t)
			a := drawSPD(t, n, ld)
			inverse := slices.Clone(a)
			for i := range n {
				for j := i + 1; j < n; j++ {
					inverse[i*ld+j] = float32(math.NaN()) // only the lower triangle is read
				}
			}
			if err := InvertSPD(t.Context(), n, inverse, ld, 2, nil); err != nil {
				t.Fatalf("a positive definite matrix of %d rows: %v", n, err)
			}
			requireGuards(t, inverse, n, n, ld)
			for i := range n {
				unit := make([]float32, n)
				unit[i] = 1
				requireSolution(t, n, a, ld, inverse[i*ld:i*ld+n], unit)
				for j := range i {
					if inverse[i*ld+j] != inverse[j*ld+i] {
						t.Fatalf("n %d: the inverse is not symmetric at %d, %d", n, i, j)
					}
				}
			}
		})
	})
}

// The identity comes out where what was inverted is multiplied by its inverse, in
// steps much smaller than usual, whose operations add up to n³.
func TestInvertInSteps(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		const n, side = 700, 208
		from := spd(n, 1)
		a, operations := slices.Clone(from), 0.0
		v := newInverter(t.Context(), a, n, 2, func(o float64) { operations += o })
		v.side = side
		if err := v.invert(0, n); err != nil {
			t.Fatal(err)
		}
		if !near(float32(operations), n*n*n, n*n*n) {
			t.Errorf("%v operations, want %v", operations, n*n*n)
		}
		for i := 0; i < n; i += 23 {
			for j := range n {
				sum := 0.0
				for k := range n {
					sum += float64(from[max(i, k)*n+min(i, k)]) * float64(a[k*n+j])
				}
				if i == j {
					sum--
				}
				if !(math.Abs(sum) < 1e-3) {
					t.Fatalf("A·A⁻¹ is off the identity by %v at %d, %d", sum, i, j)
				}
			}
		}
	})
}

func TestInvertIsCancelled(t *testing.T) {
	const n = 400
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	err := InvertSPD(ctx, n, spd(n, 1), n, 2, func(float64) {
		if steps++; steps == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || steps > 4 {
		t.Errorf("after %d steps, cancelled after 3: %v", steps, err)
	}
}

func TestNotPositiveDefinite(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		for _, bad := range []float32{-1, 0, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			for _, at := range []int{0, 5, 20, 299} {
				fresh := func() []float32 {
					a := make([]float32, 300*300)
					for i := range 300 {
						a[i*301] = 2
					}
					a[at*301] = bad
					return a
				}
				if Cholesky(300, fresh(), 300) {
					t.Errorf("%v at place %d of the diagonal is taken for positive definite", bad, at)
				}
				if err := InvertSPD(t.Context(), 300, fresh(), 300, 2, nil); !errors.Is(err, ErrNotPositive) {
					t.Errorf("%v at place %d of the diagonal is inverted: %v", bad, at, err)
				}
			}
		}
	})
}

func TestTopK(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			n, k := rapid.IntRange(0, 400).Draw(t, "n"), rapid.IntRange(-1, 60).Draw(t, "k")
			levels := rapid.IntRange(1, 1000).Draw(t, "levels")
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
			scores := make([]float32, n)
			var exclude, want []int32
			for i := range scores {
				scores[i] = float32(rng.IntN(levels)) - 3
				switch rng.IntN(8) {
				case 0:
					scores[i] = float32(math.Inf(-1))
				case 1:
					scores[i] = float32(math.Copysign(0, -1))
				case 2:
					scores[i] = float32(math.Inf(1))
				}
				if rng.IntN(5) == 0 {
					exclude = append(exclude, int32(i))
				} else {
					want = append(want, int32(i))
				}
			}
			slices.SortFunc(want, func(a, b int32) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b)) })
			want = want[:min(max(k, 0), len(want))]
			if got := TopK(scores, k, exclude, nil); !slices.Equal(got, want) {
				t.Fatalf("the best %d are %v, want %v", k, got, want)
			}
			var s Selector
			s.Reset(k, exclude)
			cut := rapid.IntRange(0, n).Draw(t, "cut")
			s.Offer(scores[:cut], 0)
			s.Offer(scores[cut:], cut)
			got, values := s.Take(nil, nil)
			if !slices.Equal(got, want) {
				t.Fatalf("in two pieces the best %d are %v, want %v", k, got, want)
			}
			for i, x := range got {
				if values[i] != scores[x] {
					t.Fatalf("the score of %d is %v, want %v", x, values[i], scores[x])
				}
			}
			s.Reset(k, exclude)
			s.Offer(scores, 0)
			slices.Sort(want)
			if got := s.TakeNumbers([]int32{7}); !slices.Equal(got[1:], want) {
				t.Fatalf("ascending, the best %d are %v after what was there, want %v", k, got, want)
			}
		})
	})
}

func TestNormal(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			n, ld := drawSize(t)
			n = max(n, 1)
			ld = max(n, ld)
			g := drawSPD(t, n, ld)
			rows, table := rapid.IntRange(0, 100).Draw(t, "rows"), 40
			x := drawVector(t, table*n, "table")
			idx, w, v := make([]int32, rows), make([]float32, rows), make([]float32, rows)
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
			for r := range idx {
				idx[r], w[r], v[r] = rng.Int32N(int32(table)), rng.Float32(), rng.Float32()-0.5
			}
			a, b := make([]float32, n*n), make([]float32, n)
			for i := range n {
				for r, at := range idx {
					b[i] += v[r] * w[r] * x[int(at)*n+i]
				}
				b[i] += 0.25
				for j := range n {
					s := float64(g[i*ld+j])
					for r, at := range idx {
						s += float64(w[r]) * float64(w[r]) * float64(x[int(at)*n+i]) * float64(x[int(at)*n+j])
					}
					if i == j {
						s += 0.5
					}
					a[i*n+j] = float32(s)
				}
			}
			s, y, quarter := NewNormal(n, rapid.Bool().Draw(t, "hold")), make([]float32, n), make([]float32, n)
			for i := range quarter {
				quarter[i] = 0.25
			}
			for range rapid.IntRange(0, 40).Draw(t, "held") {
				s.Start(g, ld)
				s.Add(idx, w, v, x, n)
				s.AddRight(quarter)
				if failed := s.Hold(0.5, y, 7, nil); len(failed) > 0 {
					t.Fatal("refused")
				}
			}
			if failed := s.Flush(nil); len(failed) > 0 {
				t.Fatal("refused")
			}
			if y[0] != 0 { // the last of those held
				requireSolution(t, n, a, n, y, b)
			}
			for range 2 { // what is left of the first must not enter the second
				s.Start(g, ld)
				s.Coming(idx, x, n)
				s.Add(idx, w, v, x, n)
				s.AddRight(quarter)
				if !s.Solve(0.5, y) {
					t.Fatal("refused")
				}
				requireSolution(t, n, a, n, y, b)
			}
		})
	})
}

// Systems solved together may have G in common or not, other ridges, and no rows.
func TestHold(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			n := 16*rapid.IntRange(1, 5).Draw(t, "n/16") - max(0, rapid.IntRange(-3, 3).Draw(t, "less"))
			gs := [][]float32{drawSPD(t, n, n), drawSPD(t, n, n), drawSPD(t, n, n+1)}
			const table = 40
			x := drawVector(t, table*n, "table")
			s := NewNormal(n, true)
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
			type system struct{ a, b, y []float32 }
			var systems []system
			var failed []int
			usual := rapid.SampledFrom([]int{1, 3, 20}).Draw(t, "runs of one matrix")
			which := 0
			for range rapid.IntRange(1, 40).Draw(t, "systems") {
				if rng.IntN(usual) == 0 {
					which = rng.IntN(len(gs))
				}
				ld, ridge := n+which/2, rng.Float32()
				idx := make([]int32, rng.IntN(3)*rng.IntN(90))
				w := noise(len(idx), rng.Uint64())
				for r := range idx {
					idx[r] = rng.Int32N(table)
				}
				right := noise(n, rng.Uint64())
				a, b := normalEquations(n, gs[which], ld, idx, w, x, ridge, right)
				y := make([]float32, n)
				systems = append(systems, system{a, b, y})
				s.Start(gs[which], ld)
				s.Coming(idx, x, n)
				s.Add(idx, w, w, x, n)
				s.AddRight(right)
				if rng.IntN(9) == 0 {
					if !s.Solve(ridge, y) {
						t.Fatal("refused")
					}
					continue
				}
				failed = s.Hold(ridge, y, len(systems), failed)
			}
			if failed = s.Flush(failed); len(failed) > 0 {
				t.Fatalf("systems %v are refused", failed)
			}
			for _, s := range systems {
				requireSolution(t, n, s.a, n, s.y, s.b)
			}
		})
	})
}

// normalEquations writes the system of Normal out, v being w.
func normalEquations(n int, g []float32, ldg int, idx []int32, w, x []float32, ridge float32, right []float32) (a, b []float32) {
	a, b = make([]float32, n*n), slices.Clone(right)
	for i := range n {
		bi := float64(right[i])
		for r, at := range idx {
			bi += float64(w[r]) * float64(w[r]) * float64(x[int(at)*n+i])
		}
		b[i] = float32(bi)
		for j := range n {
			s := float64(g[i*ldg+j])
			for r, at := range idx {
				s += float64(w[r]) * float64(w[r]) * float64(x[int(at)*n+i]) * float64(x[int(at)*n+j])
			}
			if i == j {
				s += float64(ridge)
			}
			a[i*n+j] = float32(s)
		}
	}
	return a, b
}

// Of systems solved together, those that cannot be are named and the others right.
func TestHoldNamesFailures(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		const n = 20
		s := NewNormal(n, true)
		solutions := make([][]float32, 35)
		var failed []int
		for i := range solutions {
			g := make([]float32, n*n)
			for j := range n {
				g[j*n+j] = float32(i + 1)
			}
			if i%5 == 2 {
				g[7*n+7] = -1000
			}
			solutions[i] = make([]float32, n)
			s.Start(g, n)
			s.AddRight(noise(n, uint64(i)))
			failed = s.Hold(1, solutions[i], i, failed)
		}
		failed = s.Flush(failed)
		if want := []int{2, 7, 12, 17, 22, 27, 32}; !slices.Equal(failed, want) {
			t.Fatalf("systems %v failed, want %v", failed, want)
		}
		for i, y := range solutions {
			for j, b := range noise(n, uint64(i)) {
				if want := float64(b) / float64(i+2); i%5 != 2 && !near(y[j], want, math.Abs(want)) {
					t.Fatalf("system %d, unknown %d is %v, want %v", i, j, y[j], want)
				}
			}
		}
	})
}

func TestShortSlicesPanic(t *testing.T) {
	EachISA(t, func(t *testing.T) {
		short, long := make([]float32, 99), make([]float32, 200)
		for name, f := range map[string]func(){
			"dot":       func() { Dot(long, short) },
			"axpy":      func() { Axpy(1, long, short) },
			"a":         func() { Gemm(false, false, 10, 10, 10, 1, short, 10, long, 10, 0, long, 10, 1) },
			"b":         func() { Gemm(false, true, 10, 10, 10, 1, long, 10, short, 10, 0, long, 10, 1) },
			"c":         func() { Gemm(false, false, 10, 10, 10, 1, long, 10, long, 10, 0, short, 10, 1) },
			"syrk":      func() { Syrk(10, 10, nil, short, 10, long, 10) },
			"weights":   func() { Syrk(10, 10, short[:9], long, 10, long, 10) },
			"row":       func() { SyrkRows(10, []int32{20}, nil, long, 10, long, 10) },
			"below":     func() { SyrkRows(10, []int32{-1}, nil, long, 10, long, 10) },
			"cholesky":  func() { Cholesky(10, short, 10) },
			"invert":    func() { _ = InvertSPD(t.Context(), 10, short, 10, 1, nil) },
			"triangle":  func() { CholeskySolve(10, short, 10, long) },
			"the right": func() { CholeskySolve(10, long, 10, short[:9]) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: a slice too short is accepted", name)
					}
				}()
				f()
			}()
		}
	})
}
