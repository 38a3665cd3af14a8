package training

import (
	"encoding/json"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/blend"
	"regulars/models/ials"
	"regulars/models/snapshot"
)

// fillFactors writes the item factors, by which a server folds in a session or a
// basket; none where no model in use has any.
func (s *scoring) fillFactors(w *snapshot.Writer) error {
	kind, values, ok, err := s.factors()
	if err != nil || !ok {
		return err
	}
	return w.Factors(kind, values)
}

// factors are those made for sessions, or of the first model in use that has any,
// by catalogue number.
func (s *scoring) factors() (kind snapshot.FactorKind, values []float32, ok bool, err error) {
	for _, role := range append([]string{RoleSessions}, Roles()...) {
		c := s.champions.recommenders[role]
		if c == nil {
			continue
		}
		if m := factorsOf(c.model); m != nil {
			o := m.Options
			o.Workers = 0
			options, err := json.Marshal(o)
			return snapshot.FactorKind{Role: role, Width: o.Factors, Options: options}, s.byCatalogue(c.items, m), true, err
		}
	}
	return kind, nil, false, nil
}

// factorsOf returns the iALS model that a recommender is, or blends.
func factorsOf(r models.Recommender) *ials.Model {
	switch m := r.(type) {
	case *ials.Model:
		return m
	case *blend.Model:
		for _, source := range m.Sources {
			if inner, ok := source.Model.(*ials.Model); ok {
				return inner
			}
		}
	}
	return nil
}

// byCatalogue puts the factors of a model's items where the catalogue has them;
// those of items that it does not know are zeros.
func (s *scoring) byCatalogue(items *matrix.Vocabulary, m *ials.Model) []float32 {
	d := m.Options.Factors
	out := make([]float32, len(s.catalogue.items)*d)
	for i, id := range items.IDs() {
		if n, ok := s.catalogue.vocabulary.Lookup(id); ok {
			copy(out[int(n)*d:][:d], m.Factors[i*d:])
		}
	}
	return out
}
