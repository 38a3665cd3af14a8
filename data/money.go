package data

import (
	"fmt"
	"math"
	"strings"
)

// Money is an amount in ten-thousandths of the shop's currency unit, the
// integer behind the lake's DECIMAL(18,4): sums are exact in any order.
type Money int64

// MoneyScale is how many Money make one currency unit.
const MoneyScale = 10_000

// maxMoney is the largest magnitude that DECIMAL(18,4) can hold.
const maxMoney = 999_999_999_999_999_999

// Float returns the amount in currency units.
func (m Money) Float() float64 { return float64(m) / MoneyScale }

func (m Money) String() string {
	sign, v := "", uint64(m)
	if m < 0 {
		sign, v = "-", -v // right even for the smallest int64
	}
	return fmt.Sprintf("%s%d.%04d", sign, v/MoneyScale, v%MoneyScale)
}

// MoneyFromFloat rounds an amount in currency units to the nearest Money, half
// away from zero. NaN, infinities and amounts beyond DECIMAL(18,4) are errors.
func MoneyFromFloat(f float64) (Money, error) {
	scaled := math.Round(f * MoneyScale)
	if math.IsNaN(scaled) || math.Abs(scaled) >= maxMoney+1 { // maxMoney itself is no float64
		return 0, fmt.Errorf("%v is not an amount of money that DECIMAL(18,4) can hold", f)
	}
	return Money(scaled), nil
}

// ParseMoney reads a plain decimal such as "12.5" or "-0.0305". More than four
// decimals are an error unless the rest are zeros: an amount is never rounded unasked.
func ParseMoney(s string) (Money, error) {
	bad := fmt.Errorf("%q is not an amount such as 12.50", s)
	digits := s
	if s != "" && (s[0] == '-' || s[0] == '+') {
		digits = s[1:]
	}
	whole, frac, _ := strings.Cut(digits, ".")
	if whole == "" && frac == "" {
		return 0, bad
	}
	if kept := strings.TrimRight(frac, "0"); len(kept) > 4 {
		return 0, fmt.Errorf("%q has more than four decimals", s)
	}
	frac = (frac + "0000")[:4]
	var v int64
	for _, r := range whole + frac {
		if r < '0' || r > '9' {
			return 0, bad
		}
		d := int64(r - '0')
		if v > (maxMoney-d)/10 {
			return 0, fmt.Errorf("%q is beyond what DECIMAL(18,4) can hold", s)
		}
		v = v*10 + d
	}
	if strings.HasPrefix(s, "-") {
		v = -v
	}
	return Money(v), nil
}
