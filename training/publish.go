package training

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"regulars/data"
	"regulars/data/lake"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/models/calibrate"
	"regulars/models/ials"
	"regulars/models/personal"
	"regulars/training/options"
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
	s := &publisher{Pipeline: p, data: data}
	for _, part := range []func(context.Context, *evaluated) error{s.recommender, s.similar, s.churn} {
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
	data artifact.Fingerprint
	done []Publication

	notes []string
}

func (s *publisher) recommender(ctx context.Context, ev *evaluated) error {
	recipe := personalRecipe(personal.Options{Prior: 1}) // without an evaluation: own purchases, then popularity
	var results []Result
	if o := ev.recommender; o != nil {
		var ok bool
		if recipe, ok = o.recipe(o.chosen); !ok {
			return fmt.Errorf("the chosen recommender %s has no recipe", o.chosen)
		}
		results = o.slice.Results
	}
	return s.fitRecommender(ctx, RoleRecommender, recipe, ev, results)
}

// similar publishes the factor model, which knows the items that go together.
func (s *publisher) similar(ctx context.Context, ev *evaluated) error {
	recipe := ialsRecipe(ials.Options{Seed: s.Options.Seed, Workers: s.Options.Workers})
	var results []Result
	if o := ev.recommender; o != nil {
		if r, ok := o.recipe(kindIALS); ok {
			recipe = r
		}
		results = o.slice.Results
	}
	err := s.fitRecommender(ctx, RoleSimilar, recipe, ev, results)
	if errors.Is(err, models.ErrNoData) {
		ev.Notes = append(ev.Notes, "similar items are not computed: "+err.Error())
		return nil
	}
	return err
}

func (s *publisher) fitRecommender(ctx context.Context, role string, recipe recommenderRecipe, ev *evaluated, results []Result) error {
	s.step("refitting "+role, 0, 1)
	in := ev.interactions
	model, err := recipe.fit(ctx, in.Events, int32(s.Options.AsOf))
	if err != nil {
		return fmt.Errorf("fitting the %s again on everything before %s: %w", role, s.Options.AsOf, err)
	}
	err = s.store(role, recipe.family, recipe.kind, options.Describe(recipe.options), resultOf(results, recipe.family), func(dir string) error {
		return saveRecommender(dir, model, in.Items)
	})
	s.step("refitting "+role, 1, 1)
	return err
}

// churn shifts the protocol by one horizon: calibrated on the rows at D−H by a
// model that has not seen them, then fitted on all rows up to and with these.
func (s *publisher) churn(ctx context.Context, ev *evaluated) error {
	if ev.churn == nil || ev.churn.refused {
		return nil
	}
	s.step("refitting churn", 0, 1)
	pr := ev.churn.protocol
	earlier, err := s.churnRows(append([]data.Day{pr.Choice}, pr.Train...))
	if err != nil {
		return err
	}
	latest, err := s.churnRows([]data.Day{pr.Test})
	if err != nil {
		return err
	}
	recipe := ev.churn.recipe
	model, platt, err := refit(ctx, recipe, earlier, latest)
	if errors.Is(err, models.ErrNoData) {
		ev.Notes = append(ev.Notes, "churn is not computed: "+err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("fitting %s again on everything before %s: %w", recipe.family, s.Options.AsOf, err)
	}
	err = s.store(RoleChurn, recipe.family, recipe.family, churnOptions{s.Options.HorizonDays, options.Describe(recipe.options)}, resultOf(ev.churn.slice.Results, recipe.family), func(dir string) error {
		return saveChurn(dir, model, platt)
	})
	s.step("refitting churn", 1, 1)
	return err
}

// churnOptions is what a churn model was made with: its probabilities mean
// nothing without the horizon.
type churnOptions struct {
	HorizonDays int            `json:"horizon_days"`
	Model       map[string]any `json:"model"`
}

func refit(ctx context.Context, r churnRecipe, earlier, latest *churnRows) (models.Classifier, *calibrate.Platt, error) {
	raw, err := fitAndApply(ctx, r, earlier, latest.x)
	if err != nil {
		return nil, nil, err
	}
	platt, err := calibrate.FitPlatt(raw, latest.churn)
	if err != nil {
		return nil, nil, err
	}
	all, err := concat(earlier, latest)
	if err != nil {
		return nil, nil, err
	}
	model, err := r.fit(ctx, all.x, all.churn)
	return model, platt, err
}

// store publishes a version with its manifest.
func (s *publisher) store(role, family, kind string, options any, result *Result, fill func(dir string) error) error {
	m := artifact.Manifest{Name: role, Kind: kind, AsOf: s.Options.AsOf.String(), Data: s.data}
	var err error
	if m.Options, err = json.Marshal(options); err != nil {
		return fmt.Errorf("options of %s: %w", role, err)
	}
	if result != nil {
		if m.Metrics, err = json.Marshal(result.Metrics); err != nil {
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

// champions are the opened models in use.
type champions struct {
	recommender  models.Recommender
	items        *matrix.Vocabulary // of recommender
	kind         string             // of recommender
	similar      models.Similar     // nil: none was published
	similarItems *matrix.Vocabulary
	churn        models.Classifier // nil: none was published
	churnNote    string            // why a customer has no churn score
	horizonDays  int               // of churn
	versions     map[string]string
	notes        []string
}

// similarRole names the role where there is such a model.
func (c *champions) similarRole() string {
	if c.similar == nil {
		return ""
	}
	return RoleSimilar
}

// openChampions opens the model in use for each role. There must be a
// recommender; the others may be absent, which is noted.
func (p *Pipeline) openChampions() (*champions, error) {
	c := &champions{versions: map[string]string{}, churnNote: "no churn model is published yet"}
	a, err := p.champion(RoleRecommender, c)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, fmt.Errorf("there is no recommender of %s or earlier in use: run `regulars train` first", p.Options.AsOf)
	}
	c.kind = a.Kind
	if c.recommender, c.items, err = loadRecommender(a); err != nil {
		return nil, err
	}
	if err := p.openSimilar(c); err != nil {
		return nil, err
	}
	return c, p.openChurn(c)
}

func (p *Pipeline) openChurn(c *champions) error {
	a, err := p.champion(RoleChurn, c)
	if err != nil || a == nil {
		return err
	}
	var o churnOptions
	if err := json.Unmarshal(a.Options, &o); err != nil {
		return fmt.Errorf("%s version %s: options: %w", a.Name, a.Version, err)
	}
	c.horizonDays = o.HorizonDays
	c.churn, err = loadChurn(a)
	return err
}

func (p *Pipeline) openSimilar(c *champions) error {
	a, err := p.champion(RoleSimilar, c)
	if err != nil || a == nil {
		return err
	}
	m, items, err := loadRecommender(a)
	if err != nil {
		return err
	}
	similar, ok := m.(models.Similar)
	if !ok {
		return fmt.Errorf("%s version %s is a %q, which knows no similar items", a.Name, a.Version, a.Kind)
	}
	c.similar, c.similarItems = similar, items
	return nil
}

// champion opens the version in use, or returns nil when there is none. A model
// that learned from data behind as_of would leak: it counts as absent, with a note.
func (p *Pipeline) champion(role string, c *champions) (*artifact.Artifact, error) {
	version, ok, err := p.Models.Champion(role)
	if err != nil {
		return nil, err
	}
	if !ok {
		c.notes = append(c.notes, fmt.Sprintf("no %s model is in use", role))
		return nil, nil
	}
	a, err := p.Models.Open(role, version)
	if err != nil {
		return nil, err
	}
	trained, err := data.ParseDay(a.AsOf)
	if err != nil {
		return nil, fmt.Errorf("%s version %s: as_of: %w", role, version, err)
	}
	if trained > p.Options.AsOf {
		c.notes = append(c.notes, fmt.Sprintf("the %s in use (%s) learned from data up to %s, later than %s, and is left out: train at that date, or score at a later one",
			role, version, a.AsOf, p.Options.AsOf))
		return nil, nil
	}
	c.versions[role] = version
	return a, nil
}
