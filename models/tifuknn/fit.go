package tifuknn

import (
	"context"
	"fmt"

	"regulars/features/matrix"
	"regulars/models"
)

// usersAStep is how many users are read between looks at the context.
const usersAStep = 1024

// Fit keeps the vectors of at most MaxUsers customers from the interactions
// before day now: about 16 bytes for each different item of each of them.
// Without any interaction the error wraps models.ErrNoData; a wrong option is an
// *models.OptionError. progress may be nil; it is called with the customers read.
func Fit(ctx context.Context, ev *matrix.Events, now int32, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	users := known(ev, now)
	if len(users) == 0 {
		return nil, fmt.Errorf("tifuknn: no interaction before day %d: %w", now, models.ErrNoData)
	}
	users = spread(users, o.MaxUsers)
	v := &matrix.CSR{Rows: len(users), Cols: ev.Items, Indptr: make([]int64, 1, len(users)+1)}
	var scratch []int32
	for i, u := range users {
		if i%usersAStep == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			report(progress, i, len(users))
		}
		v.Indices, v.Values, scratch = o.vector(v.Indices, v.Values, ev.History(int(u)), now, scratch)
		v.Indptr = append(v.Indptr, int64(len(v.Indices)))
	}
	report(progress, len(users), len(users))
	return New(o, v)
}

func report(progress func(done, total int), done, total int) {
	if progress != nil {
		progress(done, total)
	}
}

// known returns the users with any interaction before now.
func known(ev *matrix.Events, now int32) []int32 {
	var users []int32
	for u := range ev.Users {
		for _, d := range ev.History(u).Day {
			if d < now {
				users = append(users, int32(u))
				break
			}
		}
	}
	return users
}

// spread returns n of the users, evenly spaced, or all of them.
func spread(users []int32, n int) []int32 {
	if len(users) <= n {
		return users
	}
	out := make([]int32, n)
	for i := range out {
		out[i] = users[int64(i)*int64(len(users))/int64(n)]
	}
	return out
}
