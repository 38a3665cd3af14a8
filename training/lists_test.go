package training

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/personal"
)

// A family that knows a customer's own purchases alone gives all other items 0.
// They are no best sellers, and serving has better to put behind the list.
func TestMainListEndsWhereNothingIsKnown(t *testing.T) {
	history := matrix.History{Item: []int32{3}, Day: []int32{1}, Weight: []float32{2}}
	model := &personal.Model{Share: make([]float32, 6)}
	l := &lister{champion: &champion{kind: kindPersonal, model: model}, role: RoleRecommender}
	list, err := l.list(history, 5, 4, make([]float32, 6))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 1 || list[0].item != 3 {
		t.Errorf("listed are %v, want item 3 alone", list)
	}
}

// knowing is a family that gives the items these scores, many customers at once.
type knowing struct {
	models.Recommender
	scores []float32
}

func (m knowing) TopK(_ context.Context, _ *matrix.Events, users []int32, _ int32, _ int, _ bool, _ int, emit func(int32, []int32, []float32) error) error {
	items := make([]int32, len(m.scores))
	for i := range items {
		items[i] = int32(i)
	}
	return emit(users[0], items, m.scores)
}

func TestBatchEndsWhereNothingIsKnown(t *testing.T) {
	for _, c := range []struct {
		role  string
		fresh bool
		want  int
	}{{RoleRecommender, false, 3}, {RoleDiscovery, true, 2}} {
		l := &lister{champion: &champion{}, role: c.role, fresh: c.fresh}
		out := make([][]listed, 1)
		if err := l.batch(t.Context(), knowing{scores: []float32{2, 1, 0, -1}}, 5, []int32{0}, 4, 1, out); err != nil {
			t.Fatal(err)
		}
		if len(out[0]) != c.want {
			t.Errorf("%s lists %v, want %d items", c.role, out[0], c.want)
		}
	}
}
