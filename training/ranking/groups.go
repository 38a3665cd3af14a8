package ranking

import (
	"context"

	"regulars/models"
	"regulars/models/popular"
)

// groupPopularity ranks for each user by what is popular in their group: a
// region, a channel, a segment.
type groupPopularity struct {
	popular.GroupModel         // of nobody's group, for whom only the history is known
	Group              []int32 // of each user of the data; −1 = not known
}

// perUser is a model that ranks by who a user is.
type perUser interface {
	ForUser(user int32) models.Recommender
}

var _ perUser = groupPopularity{}

// ForUser returns the recommender of a user's group, or of all customers where
// the user or their group is not known.
func (m groupPopularity) ForUser(user int32) models.Recommender {
	if user < 0 || int(user) >= len(m.Group) {
		return m.GroupModel
	}
	return m.Groups.For(m.Group[user])
}

// grouped marks a family that reads to which group users belong. It counts the
// same days as recent popularity, with which it is compared.
func grouped(f Family) Family {
	f.PerUser = true
	f.Lacks = func(d *Data) string {
		for _, g := range d.Group {
			if g >= 0 {
				return ""
			}
		}
		if d.Group == nil {
			return "there is no file of users' groups (--groups)"
		}
		return "the file of users' groups has none of the users of train"
	}
	return f.by(popular.GroupOptions{WindowDays: recentDays})
}

func fitGroups(ctx context.Context, d *Data, now int32, o popular.GroupOptions, _ func(done, total int)) (models.Recommender, error) {
	m, err := popular.FitGroups(ctx, d.Events, now, d.Group, d.Groups, o)
	if err != nil {
		return nil, err
	}
	return groupPopularity{m.For(-1), d.Group}, nil
}
