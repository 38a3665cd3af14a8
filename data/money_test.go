package data_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/data"
)

func TestParseMoney(t *testing.T) {
	for _, test := range []struct {
		in   string
		want data.Money
		err  string
	}{
		{"0", 0, ""}, {"12.5", 125_000, ""}, {"-0.0305", -305, ""}, {"+1", 10_000, ""}, {".5", 5_000, ""}, {"5.", 50_000, ""},
		{"1.23450000", 12_345, ""}, {"99999999999999.9999", 999_999_999_999_999_999, ""}, {"-99999999999999.9999", -999_999_999_999_999_999, ""},
		{"100000000000000", 0, "beyond"}, {"99999999999999999999999999", 0, "beyond"}, {"1.23456", 0, "more than four decimals"},
		{"", 0, "not an amount"}, {".", 0, "not an amount"}, {"-", 0, "not an amount"}, {"-+1", 0, "not an amount"}, {"1e3", 0, "not an amount"},
		{"1.2.3", 0, "not an amount"}, {"1,5", 0, "not an amount"}, {" 1", 0, "not an amount"}, {"٣", 0, "not an amount"}, {"NaN", 0, "not an amount"},
	} {
		got, err := data.ParseMoney(test.in)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("ParseMoney(%q) = %d, %v; want %d, %q", test.in, got, err, test.want, test.err)
		}
	}
}

// Text and back loses nothing, and the text is the exact decimal fraction.
func TestMoneyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := data.Money(rapid.Int64Range(-999_999_999_999_999_999, 999_999_999_999_999_999).Draw(t, "money"))
		back, err := data.ParseMoney(m.String())
		if err != nil || back != m {
			t.Fatalf("%d as %s comes back as %d, %v", m, m, back, err)
		}
		exact, ok := new(big.Rat).SetString(m.String())
		if !ok || exact.Cmp(big.NewRat(int64(m), data.MoneyScale)) != 0 {
			t.Fatalf("%d is written %s", m, m)
		}
	})
}

func TestMoneyFromFloat(t *testing.T) {
	for _, test := range []struct {
		in   float64
		want data.Money
		ok   bool
	}{
		{0, 0, true}, {2.55, 25_500, true}, {-2.55, -25_500, true}, {0.00005, 1, true}, {-0.00005, -1, true}, {0.00004, 0, true},
		{900_719_925_474, 9_007_199_254_740_000, true}, // the last whole unit below 2⁵³
		{1e14, 0, false}, {-1e14, 0, false}, {math.Nextafter(1e14, 0), 999_999_999_999_999_872, true}, {math.Inf(1), 0, false}, {math.NaN(), 0, false}, {-1e300, 0, false},
	} {
		got, err := data.MoneyFromFloat(test.in)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("MoneyFromFloat(%v) = %d, %v; want %d", test.in, got, err, test.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		m := data.Money(rapid.Int64Range(-1_000_000_000_000, 1_000_000_000_000).Draw(t, "money"))
		if back, err := data.MoneyFromFloat(m.Float()); err != nil || back != m {
			t.Fatalf("%s as float comes back as %s, %v", m, back, err)
		}
	})
}

func FuzzParseMoney(f *testing.F) {
	for _, s := range []string{"1", "-0.0001", "1.00000", "..", "9999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := data.ParseMoney(s)
		if err != nil {
			return
		}
		// big.Rat wants digits on both sides of the point.
		sign := strings.TrimRight(s[:1], ".0123456789")
		whole, frac, _ := strings.Cut(s[len(sign):], ".")
		text := sign + "0" + whole + "." + frac + "0"
		exact, ok := new(big.Rat).SetString(text)
		if !ok || exact.Cmp(big.NewRat(int64(m), data.MoneyScale)) != 0 {
			t.Errorf("%q is read as %s", s, m)
		}
	})
}
