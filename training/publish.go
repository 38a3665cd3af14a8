package training

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"regulars/data/lake"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/training/options"
	"regulars/training/ranking"
)

// Publication is a version that was stored and put into use.
type Publication struct {
	Name    string `json:"name"`
	Family  string `json:"family"` // as in the tables, such as "personal-top"
	Kind    string `json:"kind"`   // the algorithm behind it
	Version string `json:"version"`
}

// publish refits the chosen recipes on everything up to as_of and stores them.
// Only when all are stored are they promoted, so that a failure on the way
// leaves the models in use as they were, all of one date.
func (p *Pipeline) publish(ctx context.Context, ev *evaluated) ([]Publication, error) {
	data, err := p.fingerprint()
	if err != nil {
		return nil, err
	}
	s := &publisher{Pipeline: p, data: data, fits: map[string]*fittedFamily{}}
	if s.tuned, err = p.tunedOf(ev); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context, *evaluated) error{s.recommenders, s.sessions, s.byGroup, s.churn, s.outlook} {
		if err := part(ctx, ev); err != nil {
			return nil, err
		}
	}
	for _, d := range s.done {
		if err := p.Models.Promote(d.Name, d.Version); err != nil {
			return nil, err
		}
	}
	ev.Notes = append(ev.Notes, s.notes...)
	return s.done, nil
}

type publisher struct {
	*Pipeline
	data  artifact.Fingerprint
	tuned *ranking.Tuned
	done  []Publication

	notes []string
	fits  map[string]*fittedFamily
}

// recommenders publishes the model behind every role. One that there is too
// little data for is left out, with a note, but for the list of a customer.
func (s *publisher) recommenders(ctx context.Context, ev *evaluated) error {
	for _, r := range s.castOf(ev.recommender) {
		err := s.fitRecommender(ctx, r.role, r.family, ev)
		var lack *lackError
		switch {
		case r.role == RoleRecommender || err == nil:
		case errors.As(err, &lack):
			continue // the lake says nothing of items: no mistake, nothing to mend
		case errors.Is(err, models.ErrNoData):
			s.notes = append(s.notes, fmt.Sprintf("the %s model is not made: %v", r.role, err))
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A casting says which family plays a role.
type casting struct{ role, family string }

// castOf returns who plays which role: as the evaluation found out, or where
// there was none, what customers bought themselves and popularity.
func (s *publisher) castOf(o *recommenderOutcome) []casting {
	list, discovery, similar := kindRepeat, kindIALS, kindIALS
	if o != nil {
		list, discovery, similar = o.chosen, cmp.Or(o.discovery, discovery), cmp.Or(o.similar, similar)
	}
	return []casting{{RoleRecommender, list}, {RoleRepeat, kindRepeat}, {RoleDiscovery, discovery}, {RoleSimilar, similar},
		{RoleTogether, kindRules}, {RoleContent, kindContent}, {RoleTrending, kindTrending}}
}

// A lackError says that the data has not what a family learns from.
type lackError struct{ family, what string }

func (e *lackError) Error() string { return e.family + ": " + e.what }

func (s *publisher) fitRecommender(ctx context.Context, role, family string, ev *evaluated) error {
	s.step("refitting "+role, 0, 1)
	f, err := s.fitted(ctx, family, ev, s.part("refitting "+role, 0, 1))
	if err != nil {
		return err
	}
	var results []Result
	if ev.recommender != nil {
		results = ev.recommender.slice.Results
	}
	err = s.store(role, family, kindOf(f.model), options.Describe(f.options), resultOf(results, family), func(dir string) error {
		return saveRecommender(folder{dir: dir, what: role}, f.model, f.items)
	})
	s.step("refitting "+role, 1, 1)
	return err
}

// fittedFamily is a family that has learned from everything up to as_of.
type fittedFamily struct {
	model   models.Recommender
	items   *matrix.Vocabulary
	options any
}

// sessionOptions are those of the factors that sessions are folded into, whichever
// family is behind the lists. What is best for the lists of customers is not best
// for sessions, in which nothing is old: see "Sessions" in docs/benchmarks.md.
const sessionOptions = "iterations=6"

// sessions publishes the factors that the server folds sessions into.
func (s *publisher) sessions(ctx context.Context, ev *evaluated) error {
	recipes, err := s.recipesOf(kindIALS, []string{sessionOptions}, nil)
	if err != nil {
		return err
	}
	s.step("fitting "+RoleSessions, 0, 1)
	f, err := s.fit(ctx, kindIALS, recipes[0], ev, s.part("fitting "+RoleSessions, 0, 1))
	if errors.Is(err, models.ErrNoData) {
		s.notes = append(s.notes, fmt.Sprintf("sessions are not folded into factors: %v", err))
		return nil
	}
	if err != nil {
		return err
	}
	err = s.store(RoleSessions, kindIALS, kindOf(f.model), options.Describe(f.options), nil, func(dir string) error {
		return saveRecommender(folder{dir: dir, what: RoleSessions}, f.model, f.items)
	})
	s.step("fitting "+RoleSessions, 1, 1)
	return err
}

// fitted fits the chosen recipe of a family, once however many roles it plays.
func (s *publisher) fitted(ctx context.Context, family string, ev *evaluated, progress func(done, total int)) (*fittedFamily, error) {
	if f, ok := s.fits[family]; ok {
		return f, nil
	}
	recipe, ok := ev.recommender.recipe(family)
	if !ok {
		var err error
		if recipe, err = s.defaultRecipe(family, s.tuned); err != nil {
			return nil, err
		}
	}
	f, err := s.fit(ctx, family, recipe, ev, progress)
	if err == nil {
		s.fits[family] = f
	}
	return f, err
}

// fit fits a recipe to everything before as_of.
func (s *publisher) fit(ctx context.Context, family string, recipe recommenderRecipe, ev *evaluated, progress func(done, total int)) (*fittedFamily, error) {
	d, err := s.dataOf(family, ev.interactions)
	if err != nil {
		return nil, err
	}
	if recipe.lacks != nil {
		if lack := recipe.lacks(d); lack != "" {
			return nil, &lackError{family, lack}
		}
	}
	model, err := recipe.fit(ctx, d, int32(s.Options.AsOf), progress)
	if err != nil {
		return nil, fmt.Errorf("fitting %s again on everything before %s: %w", family, s.Options.AsOf, err)
	}
	return &fittedFamily{model: model, items: d.IDs, options: recipe.options}, nil
}

// dataOf returns what a family learns from at as_of: those that read what items
// are like, also the items that nobody has bought yet.
func (s *publisher) dataOf(family string, in *read.Interactions) (*ranking.Data, error) {
	d, err := s.rankingData(in, in.Events, s.Options.AsOf)
	if err != nil || family != kindContent || d.Items == nil {
		return d, err
	}
	d.IDs = matrix.NewVocabulary(slices.Concat(in.Items.IDs(), d.Items.IDs))
	d.Events, err = reindex(in, d.IDs)
	return d, err
}

// store publishes a version with its manifest.
func (s *publisher) store(role, family, kind string, options any, result *Result, fill func(dir string) error) error {
	var measured any
	if result != nil {
		measured = result.Metrics
	}
	return s.storeMeasured(role, family, kind, options, measured, fill)
}

// storeMeasured is store with measurements of any shape; nil = there are none.
func (s *publisher) storeMeasured(role, family, kind string, options, measured any, fill func(dir string) error) error {
	m := artifact.Manifest{Name: role, Kind: kind, AsOf: s.Options.AsOf.String(), Data: s.data}
	var err error
	if m.Options, err = json.Marshal(options); err != nil {
		return fmt.Errorf("options of %s: %w", role, err)
	}
	if measured != nil {
		if m.Metrics, err = json.Marshal(measured); err != nil {
			return fmt.Errorf("metrics of %s: %w", role, err)
		}
	}
	if m.Parent, err = s.parent(role); err != nil {
		return err
	}
	version, err := s.Models.Publish(m, fill)
	if err != nil {
		return fmt.Errorf("publishing %s: %w", role, err)
	}
	s.done = append(s.done, Publication{Name: role, Family: family, Kind: kind, Version: version})
	return nil
}

// parent returns the champion that the new version follows. One of a later date
// is worth a note: somebody has gone back in time, and the server goes with them.
func (s *publisher) parent(role string) (string, error) {
	version, ok, err := s.Models.Champion(role)
	if err != nil || !ok {
		return "", err
	}
	a, err := s.Models.Open(role, version)
	if err != nil {
		return "", fmt.Errorf("the %s in use cannot be read (promote another version with `regulars models promote`): %w", role, err)
	}
	if a.AsOf > s.Options.AsOf.String() {
		s.notes = append(s.notes, fmt.Sprintf("%s: the version in use until now is of %s, later than this run's %s; go back to it with `regulars models rollback %s`",
			role, a.AsOf, s.Options.AsOf, role))
	}
	return version, nil
}

func resultOf(results []Result, family string) *Result {
	for i := range results {
		if results[i].Model == family {
			return &results[i]
		}
	}
	return nil
}

// fingerprintOf sums up what the lake held: equal data, equal checksum.
func fingerprintOf(files []lake.File) artifact.Fingerprint {
	h := sha256.New()
	f := artifact.Fingerprint{Files: len(files)}
	for _, file := range files {
		f.Rows += file.Rows
		_, _ = io.WriteString(h, file.Path+" "+file.SHA256+"\n") // a hash never fails to write
	}
	f.Checksum = hex.EncodeToString(h.Sum(nil))
	return f
}
