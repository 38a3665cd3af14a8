package kernel

import (
	"math"
	"math/bits"
	"slices"
)

// TopK writes the numbers of the k best scores into idx and returns it: by
// descending score, of equals the lower number first. Numbers on the exclude list
// (ascending) are skipped; fewer than k are returned where fewer are left. idx is
// used when its capacity allows. Scores must not be NaN.
func TopK(scores []float32, k int, exclude []int32, idx []int32) []int32 {
	var s Selector
	s.Reset(min(k, len(scores)), exclude)
	s.Offer(scores, 0)
	idx, _ = s.Take(idx[:0], nil)
	return idx
}

// Selector keeps the k best of scores that are offered piece by piece.
type Selector struct {
	k         int
	exclude   []int32
	next      int32    // excluded number, before those
	kept      []uint64 // keys of candidates; the k best so far are among them
	bounded   bool     // only scores above threshold can still be among the best
	threshold float32
}

// key orders by score, of equals the lower number first: the best has the largest.
// Adding 0 makes one of the two zeros.
func key(score float32, number int32) uint64 {
	bits := math.Float32bits(score + 0)
	if bits>>31 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 31
	}
	return uint64(bits)<<32 | uint64(^uint32(number))
}

func scoreOf(key uint64) float32 {
	bits := uint32(key >> 32)
	if bits>>31 == 1 {
		return math.Float32frombits(bits &^ (1 << 31))
	}
	return math.Float32frombits(^bits)
}

func numberOf(key uint64) int32 { return int32(^uint32(key)) }

// Reset begins anew, with the numbers to skip, ascending.
func (s *Selector) Reset(k int, exclude []int32) {
	s.k, s.exclude, s.kept, s.bounded = max(k, 0), exclude, s.kept[:0], false
	s.advance()
}

// room is how many candidates are collected before the worst are dropped.
func (s *Selector) room() int { return s.k + min(max(64, s.k), 1024) }

// Offer takes the scores of the numbers from first on. Calls come by ascending number.
func (s *Selector) Offer(scores []float32, first int) {
	if s.k == 0 {
		return
	}
	for i := 0; i < len(scores); i++ {
		if s.bounded {
			if i += active.above(scores[i:], s.threshold); i == len(scores) {
				return
			}
		}
		if number := int32(first + i); !s.skips(number) {
			s.kept = append(s.kept, key(scores[i], number))
		}
		if len(s.kept) >= s.room() {
			s.shrink()
		}
	}
}

// offerPanel is Offer for the first columns of a row of three vectors.
func (s *Selector) offerPanel(row []float32, columns, first int) {
	if !s.bounded {
		s.Offer(row[:columns], first)
		return
	}
	better := active.elementsAbove(row, s.threshold) & (1<<columns - 1)
	for ; better != 0; better &= better - 1 {
		i := bits.TrailingZeros64(better)
		if number := int32(first + i); row[i] > s.threshold && !s.skips(number) {
			if s.kept = append(s.kept, key(row[i], number)); len(s.kept) >= s.room() {
				s.shrink()
			}
		}
	}
}

// least is the score above which the selector takes any number.
func (s *Selector) least() float32 {
	switch {
	case s.k == 0:
		return float32(math.Inf(1))
	case !s.bounded:
		return float32(math.Inf(-1))
	}
	return s.threshold
}

// shrink drops all but the k best. Of later numbers only a higher score counts.
func (s *Selector) shrink() {
	if s.k == 0 || len(s.kept) < s.k {
		return
	}
	selectLargest(s.kept, s.k)
	s.kept = s.kept[:s.k]
	s.bounded, s.threshold = true, scoreOf(slices.Min(s.kept))
}

// skips tells whether a number is excluded; asked by ascending number.
func (s *Selector) skips(number int32) bool {
	for s.next < number {
		s.advance()
	}
	return s.next == number
}

// advance goes to the next excluded number.
func (s *Selector) advance() {
	s.next = math.MaxInt32
	if len(s.exclude) > 0 {
		s.next, s.exclude = s.exclude[0], s.exclude[1:]
	}
}

// selectLargest moves the k largest of the distinct keys to the front (Hoare 1961),
// by exchanges that do not branch on the keys: half of such branches are mispredicted.
func selectLargest(keys []uint64, k int) {
	for lo, hi := 0, len(keys); hi-lo > 1; {
		rest := keys[lo:hi]
		pivot := takePivot(rest)
		larger := 0
		for i, x := range rest[:len(rest)-1] {
			rest[i] = rest[larger]
			rest[larger] = x
			_, isLarger := bits.Sub64(pivot, x, 0)
			larger += int(isLarger)
		}
		rest[len(rest)-1], rest[larger] = rest[larger], pivot
		switch at := lo + larger; {
		case k < at:
			hi = at
		case k > at+1:
			lo = at + 1
		default:
			return
		}
	}
}

// takePivot chooses a key and moves it to the end.
func takePivot(keys []uint64) uint64 {
	last := len(keys) - 1
	pivot := medianOfThree(keys[0], keys[last/2], keys[last])
	for _, i := range [...]int{0, last / 2} {
		if keys[i] == pivot {
			keys[i], keys[last] = keys[last], pivot
		}
	}
	return pivot
}

func medianOfThree(a, b, c uint64) uint64 { return max(min(a, b), min(max(a, b), c)) }

// Take appends the numbers, the best first, and their scores. The selector is
// empty afterwards.
func (s *Selector) Take(numbers []int32, scores []float32) ([]int32, []float32) {
	s.shrink()
	slices.Sort(s.kept)
	for _, x := range slices.Backward(s.kept) {
		numbers, scores = append(numbers, numberOf(x)), append(scores, scoreOf(x))
	}
	s.kept = s.kept[:0]
	return numbers, scores
}

// TakeNumbers is Take for the numbers alone, ascending.
func (s *Selector) TakeNumbers(numbers []int32) []int32 {
	s.shrink()
	from := len(numbers)
	for _, x := range s.kept {
		numbers = append(numbers, numberOf(x))
	}
	slices.Sort(numbers[from:])
	s.kept = s.kept[:0]
	return numbers
}
