package training

import (
	"testing"

	"regulars/features/matrix"
	"regulars/models/blend"
	"regulars/models/repeat"
	"regulars/models/rules"
)

// A customer's own item is the family's that knows own purchases; what such a
// family lists behind them is popular, whether it lists alone or within a blend.
func TestLabelsOfWhatFillsUp(t *testing.T) {
	const popular, own, blended, together = 0, 1, 2, 3
	history := matrix.History{Item: []int32{4}, Day: []int32{1}, Weight: []float32{1}}
	alone := &lister{champion: &champion{kind: kindRepeat, model: &repeat.Model{}}, strategy: own}
	joined := &lister{champion: &champion{kind: kindBlend, model: &blend.Model{Sources: []blend.Source{
		{Name: "repeat", Model: &repeat.Model{}}, {Name: "rules", Model: &rules.Model{}}}}}, strategy: blended, sources: []uint8{own, together}}
	for _, c := range []struct {
		name string
		l    *lister
		x    listed
		want uint8
	}{
		{"bought, repeat", alone, listed{item: 4}, own},
		{"never bought, repeat", alone, listed{item: 5}, popular},
		{"bought, blend by repeat", joined, listed{item: 4, source: 0}, own},
		{"never bought, blend by repeat", joined, listed{item: 5, source: 0}, popular},
		{"never bought, blend by rules", joined, listed{item: 5, source: 1}, together},
		{"of no source", joined, listed{item: 5, source: -1}, popular},
	} {
		if got := c.l.label(history, c.x); got != c.want {
			t.Errorf("%s: strategy %d, want %d", c.name, got, c.want)
		}
	}
}
