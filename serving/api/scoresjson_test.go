package api

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// drawNumber draws finite numbers, those at which the form changes among them.
func drawNumber(rt *rapid.T, name string) float64 {
	f := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1), rapid.Map(rapid.IntRange(-9, 9000), func(n int) float64 { return float64(n) }),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1e-6, 9.99e-7, 1e21, 9.99e20, 1e-10, 5e-324, math.MaxFloat64, 1e100})).Draw(rt, name)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// perhaps draws a value, or nil.
func perhaps[T any](rt *rapid.T, name string, draw func() T) *T {
	if !rapid.Bool().Draw(rt, name) {
		return nil
	}
	v := draw()
	return &v
}

func drawSome[T any](rt *rapid.T, name string, least int, draw func() T) (out []T) {
	for range rapid.IntRange(least, 3).Draw(rt, name) {
		out = append(out, draw())
	}
	return out
}

func drawScoresJSON(rt *rapid.T) *scoresJSON {
	number := func() float64 { return drawNumber(rt, "number") }
	text := func() string { return drawText(rt, "text") }
	whole := func() int { return rapid.Int().Draw(rt, "whole") }
	truth := func() bool { return rapid.Bool().Draw(rt, "truth") }
	money := func() moneyJSON { return moneyJSON{number(), text()} }
	s := &scoresJSON{UserID: text(), NextOrderNote: text(), Stage: text(), StageText: text(), Note: text(), metaJSON: metaJSON{text(), text()}, OutlookVersion: text()}
	s.Churn = perhaps(rt, "churn", func() churnJSON {
		return churnJSON{number(), number(), whole(), text(), text(), text(),
			perhaps(rt, "rate", func() rateJSON { return rateJSON{number(), number(), number(), text()} })}
	})
	s.Recall = perhaps(rt, "recall", func() recallJSON { return recallJSON{number(), truth()} })
	s.Returns = drawSome(rt, "returns", 0, func() returnJSON { return returnJSON{whole(), number()} })
	s.ValueAtRisk = perhaps(rt, "at risk", money)
	s.Spend = perhaps(rt, "spend", func() spendJSON {
		return spendJSON{perhaps(rt, "expected", number), perhaps(rt, "if order", number), whole(), text()}
	})
	s.NextOrder = perhaps(rt, "next order", func() nextOrderJSON {
		return nextOrderJSON{perhaps(rt, "date", text), perhaps(rt, "low", text), perhaps(rt, "high", text), text()}
	})
	s.CLV = perhaps(rt, "clv", func() clvJSON { return clvJSON{number(), number(), number(), whole(), number(), text()} })
	s.Response = drawSome(rt, "response", 0, func() responseJSON { return responseJSON{text(), drawScore(rt), int64(whole())} })
	s.BestHour = perhaps(rt, "hour", func() hourJSON { return hourJSON{whole(), drawScore(rt)} })
	s.RFM = perhaps(rt, "rfm", func() rfmJSON { return rfmJSON{number(), int64(whole()), money()} })
	s.Reasons = drawSome(rt, "reasons", 0, func() featureJSON { return featureJSON{text(), drawScore(rt), text()} })
	for _, kind := range rapid.SliceOfN(rapid.SampledFrom([]string{"category", "brand", "price_band", "other"}), 0, 4).Draw(rt, "kinds") {
		if s.Next == nil {
			s.Next = map[string][]likelyJSON{}
		}
		s.Next[kind] = drawSome(rt, "likely", 1, func() likelyJSON { return likelyJSON{text(), drawScore(rt)} })
	}
	return s
}

func TestScoresAreWrittenAsEncodingJSONDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		one := drawScoresJSON(rt)
		batch := &scoresBatchJSON{Results: []*scoresJSON{}, metaJSON: one.metaJSON}
		if rapid.Bool().Draw(rt, "any") {
			batch.Results = append(batch.Results, one, one)
			batch.UnknownUsers = []string{drawText(rt, "unknown")}
		}
		for _, v := range []appender{one, batch} {
			want, err := json.Marshal(v)
			if err != nil {
				rt.Fatal(err)
			}
			if got := string(v.appendJSON(nil)); got != string(want) {
				rt.Fatalf("got  %s\nwant %s", got, want)
			}
		}
	})
}
