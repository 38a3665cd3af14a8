package training

import (
	"encoding/json"
	"fmt"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/models/calibrate"
	"regulars/training/outlook"
)

// Roles under which models are published.
const (
	RoleRecommender    = "recommender"     // the list of a customer
	RoleRepeat         = "repeat"          // what they buy again
	RoleDiscovery      = "discovery"       // what they never bought
	RoleSimilar        = "similar"         // which items go with an item
	RoleTogether       = "together"        // what is bought in one basket
	RoleContent        = "content"         // what is alike in title, brand, category
	RoleTrending       = "trending"        // what sells more than before
	RoleSessions       = "sessions"        // item factors, by which the server folds a session in
	RolePopularRegion  = "popular-region"  // what is popular where the customer lives
	RolePopularChannel = "popular-channel" // through the channel that the customer orders by most
	RolePopularSegment = "popular-segment" // in the customer's life-cycle state
	RoleChurn          = "churn"           // no order within the horizon
	RoleOutlook        = "outlook"         // next order, spend, value, what of, when to write
)

// Roles lists the roles of models that scoring applies.
func Roles() []string {
	return []string{RoleRecommender, RoleRepeat, RoleDiscovery, RoleSimilar, RoleTogether, RoleContent, RoleTrending, RoleSessions,
		RolePopularRegion, RolePopularChannel, RolePopularSegment, RoleChurn, RoleOutlook}
}

// champions are the opened models in use.
type champions struct {
	recommenders map[string]*champion  // by role; RoleRecommender is always there
	churn        *calibrate.Calibrated // nil: none was published
	churnNote    string                // why a customer has no churn score
	churnMade    churnOptions          // what churn was made with
	churnMethod  string                // its family
	churnAsOf    string                // the day that it was made for
	outlook      *outlook.Model        // nil: none was published
	outlookMade  outlookMade           // what it was made with
	versions     map[string]string
	notes        []string
}

// champion is an opened recommender.
type champion struct {
	kind  string
	model models.Recommender
	items *matrix.Vocabulary
}

// openChampions opens the model in use for each role. There must be a
// recommender; the others may be absent, which is noted where it is missed.
func (p *Pipeline) openChampions() (*champions, error) {
	c := &champions{recommenders: map[string]*champion{}, versions: map[string]string{}, churnNote: "no churn model is published yet"}
	opened := map[string]*champion{} // one model may play several roles
	for _, role := range Roles() {
		a, err := p.champion(role, c)
		if err != nil {
			return nil, err
		}
		if a == nil {
			continue
		}
		if open := c.other(role); open != nil {
			if err := open(a); err != nil {
				return nil, err
			}
			continue
		}
		content := fmt.Sprint(a.Kind, a.Files)
		if opened[content] == nil {
			model, items, err := loadRecommender(a)
			if err != nil {
				return nil, err
			}
			opened[content] = &champion{kind: a.Kind, model: model, items: items}
		}
		c.recommenders[role] = opened[content]
	}
	if c.recommenders[RoleRecommender] == nil {
		return nil, fmt.Errorf("there is no recommender of %s or earlier in use: run `regulars train` first", p.Options.AsOf)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

// check refuses models that cannot do what their role asks for.
func (c *champions) check() error {
	for _, role := range []string{RoleSimilar, RoleTogether} {
		if r := c.recommenders[role]; r != nil {
			if _, ok := r.model.(models.Similar); !ok {
				return fmt.Errorf("%s version %s is a %q, which knows no similar items", role, c.versions[role], r.kind)
			}
		}
	}
	for _, g := range groupings {
		if r := c.recommenders[g.role]; r != nil {
			if _, ok := r.model.(groupPopularity); !ok {
				return fmt.Errorf("%s version %s is a %q, which knows no groups of customers", g.role, c.versions[g.role], r.kind)
			}
		}
	}
	return nil
}

// other returns how a model that is no recommender is opened.
func (c *champions) other(role string) func(*artifact.Artifact) error {
	switch role {
	case RoleChurn:
		return c.openChurn
	case RoleOutlook:
		return c.openOutlook
	}
	return nil
}

func (c *champions) openChurn(a *artifact.Artifact) error {
	var o churnOptions
	if err := json.Unmarshal(a.Options, &o); err != nil {
		return fmt.Errorf("%s version %s: options: %w", a.Name, a.Version, err)
	}
	c.churnMade, c.churnMethod, c.churnAsOf = o, a.Kind, a.AsOf
	var err error
	c.churn, err = loadChurn(a)
	return err
}

// missed are the roles whose absence is worth a note; the others depend on what
// the lake holds.
var missed = map[string]bool{RoleSimilar: true, RoleChurn: true}

// champion opens the version in use, or returns nil when there is none. A model
// that learned from data behind as_of would leak: it counts as absent, with a note.
func (p *Pipeline) champion(role string, c *champions) (*artifact.Artifact, error) {
	version, ok, err := p.Models.Champion(role)
	if err != nil {
		return nil, err
	}
	if !ok {
		if missed[role] {
			c.notes = append(c.notes, fmt.Sprintf("no %s model is in use", role))
		}
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
