package metrics

import (
	"context"
	"fmt"
	"slices"

	"regulars/models"
)

// batch has the model rank all users at once. The lists come one by one and in
// order, so that this part needs no more than one worker.
func (e *evaluation) batch(ctx context.Context, b models.BatchTopper) error {
	k, c, row := e.ks[len(e.ks)-1], e.ground.crowd(), 0
	err := b.TopK(ctx, e.train, e.out.Users, e.now, k, true, e.workers, func(user int32, items []int32, scores []float32) error {
		if row >= len(e.out.Users) || user != e.out.Users[row] {
			return fmt.Errorf("the model ranked user %d out of turn", user)
		}
		had := slices.Compact(slices.Clone(e.train.History(int(user)).Item))
		if err := e.checkList(items, scores, had, k); err != nil {
			return fmt.Errorf("user %d: %w", user, err)
		}
		if len(items) == 0 {
			e.unknown.Add(1)
		}
		e.fill(row, 0, items, split(e.truth[user], had, false), c)
		row++
		e.tick()
		return nil
	})
	if err == nil && row < len(e.out.Users) {
		return fmt.Errorf("the model ranked %d of %d users", row, len(e.out.Users))
	}
	return err
}

// checkList holds a model to what models.BatchTopper promises.
func (e *evaluation) checkList(items []int32, scores []float32, had []int32, k int) error {
	if len(items) > k || len(items) != len(scores) {
		return fmt.Errorf("a list of %d items and %d scores, asked for %d", len(items), len(scores), k)
	}
	if err := checkScores(scores); err != nil {
		return err
	}
	sorted := slices.Sorted(slices.Values(items))
	for i, it := range sorted {
		if it < 0 || int(it) >= e.train.Items || i > 0 && sorted[i-1] == it {
			return fmt.Errorf("the list holds item %d twice, or there is no such item", it)
		}
		if _, seen := slices.BinarySearch(had, it); seen {
			return fmt.Errorf("the list holds item %d, which the user had in train", it)
		}
	}
	return nil
}
