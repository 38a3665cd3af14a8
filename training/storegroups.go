package training

import (
	"errors"
	"fmt"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/models/popular"
)

// groupPopularity is what is popular by group of customers. As a recommender it
// ranks for a customer of no group.
type groupPopularity struct {
	popular.GroupModel
	Names []string // of the groups, ascending
}

// groupParameters is what groups have that is no array.
type groupParameters struct {
	Shrink float64 `json:"shrink"` // customers
}

func (f folder) saveGroups(items *matrix.Vocabulary, m groupPopularity) error {
	g := m.Groups
	return errors.Join(f.writeJSON(parametersFile, groupParameters{g.Shrink}), f.saveItems(items, artifact.NewColumn("share", g.Global)),
		artifact.WriteColumns(f.path(groupsFile), artifact.NewColumn("group", m.Names), artifact.NewColumn("customers", g.Sizes)), f.saveSparse(g.Counts))
}

func (f folder) loadGroups() (models.Recommender, *matrix.Vocabulary, error) {
	var p groupParameters
	if err := f.readJSON(parametersFile, &p); err != nil {
		return nil, nil, err
	}
	c, items, err := f.readItems(itemsFile)
	if err != nil {
		return nil, nil, err
	}
	share, g := column[float32](c, "share"), f.readColumns(groupsFile)
	names, sizes := column[string](g, "group"), column[int32](g, "customers")
	if err := errors.Join(c.err, g.err); err != nil {
		return nil, nil, err
	}
	for i := range names {
		if i > 0 && names[i] <= names[i-1] {
			return nil, nil, fmt.Errorf("%s: group %q comes behind %q: the names must ascend", f.what, names[i], names[i-1])
		}
	}
	counts, err := f.readSparse(len(names), items.Len())
	if err != nil {
		return nil, nil, err
	}
	m, err := popular.NewGroups(p.Shrink, share, sizes, counts)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", f.what, err)
	}
	return checked(f, groupPopularity{m.For(-1), names}, items, c, nil)
}
