package privacy

import (
	"context"
	"strconv"

	"regulars/data/lake"
	"regulars/data/state"
)

// OptOuts is the place of what customers have told the server of personalisation.
type OptOuts struct{ DB *state.DB }

// Each gives do what the person has said.
func (o OptOuts) Each(ctx context.Context, s lake.Subject, do func(where, row string) error) error {
	said, err := o.DB.OptOuts(ctx)
	if err != nil {
		return err
	}
	for _, id := range s.IDs {
		if refused, ok := said[id]; ok {
			if err := do("opt-outs", `{"personalization":`+strconv.FormatBool(!refused)+`}`); err != nil {
				return err
			}
		}
	}
	return nil
}

// Erase forgets it.
func (o OptOuts) Erase(ctx context.Context, s lake.Subject) error {
	return o.DB.RemoveOptOuts(ctx, s.IDs)
}
