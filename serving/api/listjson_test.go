package api

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawText draws texts of which some need escaping, or are no UTF-8.
func drawText(rt *rapid.T, name string) string {
	return rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[a-z0-9 ]{1,9}`), rapid.String(),
		rapid.SampledFrom([]string{"因为您买过茶", "a\"b\\c", "<b>&", "\u2028\u2029", "\xff\xfe", "茶<", "茶\n", "\ufffd", "\x00\x1f\x7f", "é\u2028"})).Draw(rt, name)
}

func drawListJSON(rt *rapid.T) *listJSON {
	texts := func(name string) []string {
		return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) string { return drawText(rt, "text") }), 0, 3).Draw(rt, name)
	}
	l := &listJSON{UserID: drawText(rt, "user"), ItemID: drawText(rt, "item"), Items: []itemJSON{}, UnknownItems: texts("unknown"), RecommendationID: drawText(rt, "id"),
		Arm: drawText(rt, "arm"), RelaxedRules: texts("relaxed"), metaJSON: metaJSON{AsOf: drawText(rt, "as_of"), ModelVersion: drawText(rt, "version")}}
	if rapid.Bool().Draw(rt, "told") {
		fallback := rapid.Bool().Draw(rt, "fallback")
		l.Fallback = &fallback
	}
	for range rapid.IntRange(0, 3).Draw(rt, "items") {
		it := itemJSON{ItemID: drawText(rt, "item"), Score: drawScore(rt), Strategy: drawText(rt, "strategy"), Reason: drawText(rt, "reason"), Rules: texts("rules")}
		if rapid.Bool().Draw(rt, "explained") {
			it.Because = &becauseJSON{Kind: drawText(rt, "kind"), ItemID: drawText(rt, "of"), Title: drawText(rt, "title"), Days: rapid.Int().Draw(rt, "days"), Name: drawText(rt, "name")}
		}
		l.Items = append(l.Items, it)
	}
	return l
}

func drawScore(rt *rapid.T) float32 {
	bits := rapid.OneOf(rapid.Uint32(), rapid.SampledFrom([]uint32{0, 1 << 31, 1, math.Float32bits(1e-6), math.Float32bits(1e21), math.Float32bits(9.9e-7), math.Float32bits(1e-10)})).Draw(rt, "bits")
	f := math.Float32frombits(bits)
	if f64 := float64(f); math.IsNaN(f64) || math.IsInf(f64, 0) {
		return 0
	}
	return f
}

func TestListsAreWrittenAsEncodingJSONDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := drawListJSON(rt)
		want, err := json.Marshal(l)
		if err != nil {
			rt.Fatal(err)
		}
		if got := string(l.appendJSON(nil)); got != string(want) {
			rt.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func BenchmarkListJSON(b *testing.B) {
	known := true
	l := &listJSON{UserID: "c00001234", Fallback: &known, RecommendationID: strings.Repeat("A", 26), metaJSON: metaJSON{"2026-01-01T00:00:00Z", "v1"}}
	for range 10 {
		l.Items = append(l.Items, itemJSON{ItemID: "i00001234", Score: .9925, Strategy: "repeat", Reason: "because you bought A pot of tea of sort 123"})
	}
	b.Run("append", func(b *testing.B) {
		var buf []byte
		for b.Loop() {
			buf = l.appendJSON(buf[:0])
		}
	})
	b.Run("reflection", func(b *testing.B) {
		for b.Loop() {
			if _, err := json.Marshal(l); err != nil {
				b.Fatal(err)
			}
		}
	})
}
