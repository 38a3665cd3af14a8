package training

import (
	"errors"
	"fmt"
	"os"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/models/blend"
	"regulars/models/logistic"
	"regulars/training/ranking"
)

// A blend is stored as a folder: what it knows of items, each source in a folder
// of its own, and the ranker with a folder for each of its regressions and a file
// of its trees.
const (
	sourceFolder = "source-" // and the name
	againFolder  = "ranker-again"
	newFolder    = "ranker-new"
)

// blendParameters are what of a blend is no array.
type blendParameters struct {
	Options blend.Options `json:"options"`
	Sources []blendSource `json:"sources"`
	Ranker  *blendRanker  `json:"ranker"` // null: the blend goes without
	Latest  int32         `json:"latest"` // day
	Outcome blend.Outcome `json:"outcome"`
}

type blendSource struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // empty: there was too little data for it
}

// blendRanker says how often candidates were bought where there is no regression.
type blendRanker struct {
	Again     float64 `json:"again_rate"`
	New       float64 `json:"new_rate"`
	AgainOdds bool    `json:"again_odds"` // there is a regression
	NewOdds   bool    `json:"new_odds"`

	OddsWeight *float64 `json:"odds_weight,omitempty"` // beside the trees; absent: there are none
}

func (f folder) saveBlend(items *matrix.Vocabulary, m *blend.Model) error {
	p := blendParameters{Options: m.Options, Latest: m.Catalogue.Latest, Outcome: m.Outcome}
	p.Options.Workers = 0
	for _, s := range m.Sources {
		one := blendSource{Name: s.Name}
		if s.Model != nil {
			one.Kind = kindOf(s.Model)
			inside := f.within(sourceFolder + s.Name)
			if err := errors.Join(os.Mkdir(inside.dir, 0o755), saveRecommender(inside, s.Model, items)); err != nil {
				return fmt.Errorf("source %s: %w", s.Name, err)
			}
		}
		p.Sources = append(p.Sources, one)
	}
	var err error
	if p.Ranker, err = f.saveRanker(m.Ranker); err != nil {
		return err
	}
	c := m.Catalogue
	return errors.Join(f.writeJSON(parametersFile, p), f.saveItems(items,
		artifact.NewColumn("customers", c.Customers), artifact.NewColumn("recent", c.Recent), artifact.NewColumn("season", c.Season),
		artifact.NewColumn("returning", c.Returning), artifact.NewColumn("gap", c.Gap), artifact.NewColumn("first_day", c.First)))
}

// saveRanker writes what of a ranker is arrays, and returns the rest.
func (f folder) saveRanker(ranker blend.Ranker) (*blendRanker, error) {
	switch r := ranker.(type) {
	case nil:
		return nil, nil
	case *ranking.LogisticRanker:
		return f.saveLogisticRanker(r)
	case *ranking.LambdaRanker:
		p, err := f.saveLogisticRanker(r.Odds)
		if err != nil {
			return nil, err
		}
		p.OddsWeight = &r.Weight
		return p, f.saveTrees(r.Trees)
	}
	return nil, fmt.Errorf("a ranker of type %T cannot be stored", ranker)
}

func (f folder) saveLogisticRanker(r *ranking.LogisticRanker) (*blendRanker, error) {
	p := &blendRanker{Again: r.Again.Rate, New: r.New.Rate, AgainOdds: r.Again.Model != nil, NewOdds: r.New.Model != nil}
	return p, errors.Join(f.saveOdds(againFolder, r.Again.Model), f.saveOdds(newFolder, r.New.Model))
}

func (f folder) saveOdds(name string, m *logistic.Model) error {
	if m == nil {
		return nil
	}
	inside := f.within(name)
	return errors.Join(os.Mkdir(inside.dir, 0o755), saveLogistic(inside.dir, m))
}

func (f folder) loadBlend() (models.Recommender, *matrix.Vocabulary, error) {
	var p blendParameters
	if err := f.readJSON(parametersFile, &p); err != nil {
		return nil, nil, err
	}
	c, items, err := f.readItems(itemsFile)
	if err != nil {
		return nil, nil, err
	}
	catalogue := blend.Catalogue{Latest: p.Latest, Customers: column[float32](c, "customers"), Recent: column[float32](c, "recent"),
		Season: column[float32](c, "season"), Returning: column[float32](c, "returning"), Gap: column[float32](c, "gap"), First: column[int32](c, "first_day")}
	sources := make([]blend.Source, len(p.Sources))
	for i, s := range p.Sources {
		if sources[i].Name = s.Name; s.Kind == "" {
			continue
		}
		if sources[i].Model, _, err = f.within(sourceFolder + s.Name).recommender(s.Kind); err != nil {
			return nil, nil, err
		}
	}
	ranker, err := f.loadRanker(p.Ranker)
	if err = errors.Join(err, c.err); err != nil {
		return nil, nil, err
	}
	m, err := blend.New(p.Options, sources, ranker, catalogue, p.Outcome)
	return checked(f, m, items, c, err)
}

func (f folder) loadRanker(p *blendRanker) (blend.Ranker, error) {
	if p == nil {
		return nil, nil
	}
	again, fresh := ranking.Odds{Rate: p.Again}, ranking.Odds{Rate: p.New}
	var err1, err2 error
	if p.AgainOdds {
		again.Model, err1 = f.within(againFolder).logistic()
	}
	if p.NewOdds {
		fresh.Model, err2 = f.within(newFolder).logistic()
	}
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	odds, err := ranking.NewLogisticRanker(again, fresh)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.what, err)
	}
	if p.OddsWeight == nil {
		return odds, nil
	}
	trees, err := f.loadTrees()
	if err != nil {
		return nil, err
	}
	return ranking.NewLambdaRanker(trees, odds, *p.OddsWeight)
}
