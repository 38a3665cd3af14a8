package words

import (
	"math"
	"strconv"
	"strings"
)

// most bounds what is written: no quantity of a shop is larger, and a wrong one
// must not fill the page.
const most = 1e15

// number writes whole numbers as such, others with one decimal, and those below
// 1 with two; thousands are grouped.
func number(x float64) string {
	decimals := 1
	if math.Abs(x) < 1 {
		decimals = 2
	}
	text := trimmed(fixed(x, decimals))
	if text == "-0" {
		return "0"
	}
	return text
}

// trimmed takes the zeros off the end of a decimal fraction.
func trimmed(text string) string {
	if !strings.Contains(text, ".") {
		return text
	}
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// fixed writes a number with that many decimals and grouped thousands.
func fixed(x float64, decimals int) string {
	text := strconv.FormatFloat(min(math.Abs(x), most), 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if x < 0 {
		return "-" + whole
	}
	return whole
}

// count writes a number with an English noun.
func count(one, many string, x float64) string {
	switch n := number(x); n {
	case "0":
		if one == "day" {
			return "0 days" // "no days since the last order" would be said of nobody
		}
		return "no " + many
	case "1", "-1":
		if n+" "+one == "1 time" {
			return "once"
		}
		return n + " " + one
	default:
		return n + " " + many
	}
}

var symbols = map[string]string{"GBP": "£", "CNY": "¥", "JPY": "¥", "USD": "$", "EUR": "€"}

// money writes an amount with two decimals, of yen with none.
func (s Style) money(x float64) string {
	decimals := 2
	if s.Currency == "JPY" {
		decimals = 0
	}
	amount, sign := fixed(math.Abs(x), decimals), ""
	if x < 0 && strings.Trim(amount, "0.") != "" {
		sign = "-"
	}
	if symbol, ok := symbols[s.Currency]; ok {
		return sign + symbol + amount
	}
	return strings.TrimSpace(sign + amount + " " + s.Currency)
}

// leastShare is the smallest share that is written as a number, in percent.
const leastShare = 0.0001

// mostShare is from where on a share below 1 would be rounded to all of it.
const mostShare = 99.95

// share writes a share in percent with one decimal, and below 1% with two digits
// that tell something: one customer's part in a shop's revenue is small.
func (s Style) share(x float64) string {
	percent := 100 * x
	small := math.Abs(percent)
	switch {
	case x < 1 && percent >= mostShare: // "more than 100% of the customers" there never are
		return "99.9%"
	case small >= 1 || small == 0:
		return number(math.Round(10*percent)/10) + "%"
	case small < leastShare:
		return s.say("under ", "不到 ") + strconv.FormatFloat(leastShare, 'f', -1, 64) + "%"
	}
	digits := 1 - int(math.Floor(math.Log10(small)))
	return trimmed(strconv.FormatFloat(percent, 'f', digits, 64)) + "%"
}

// times writes a multiple, to stand before what it is a multiple of.
func (s Style) times(x float64) string {
	n := number(x)
	switch {
	case n == "1":
		return s.say("equal to", "1 倍")
	case n == "0" && x > 0:
		return s.say("under 0.01 times", "不到 0.01 倍")
	}
	return n + s.say(" times", " 倍")
}

// equalParts is the number of equal parts whose entropy, in nats, is x. It is
// bounded like everything written.
func equalParts(x float64) float64 { return math.Exp(min(x, math.Log(most))) }

// hour writes an hour of the day; there are none but 0 to 23.
func hour(x float64) string {
	return strconv.Itoa(int(max(0, min(x, 23)))) + ":00"
}

// more writes a difference of orders, to stand before (in Chinese: after) what
// is compared with.
func (s Style) more(x float64) string {
	n := number(math.Abs(x))
	switch {
	case n == "0":
		return s.say("as many as", "持平")
	case x < 0:
		return s.say(n+" fewer than", "少 "+n+" 单")
	}
	return s.say(n+" more than", "多 "+n+" 单")
}

// above writes a difference of money likewise.
func (s Style) above(x float64) string {
	amount := s.money(math.Abs(x))
	switch {
	case amount == s.money(0):
		return s.say("as much as", "持平")
	case x < 0:
		return s.say(amount+" less than", "少 "+amount)
	}
	return s.say(amount+" more than", "多 "+amount)
}
