package training

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
	"regulars/features"
	"regulars/models/artifact"
	"regulars/training/ranking"
)

// Options say what a run predicts and how much it keeps. Every field must be
// set; package config holds the defaults.
type Options struct {
	AsOf          data.Day
	HorizonDays   int // H: churn = no order within so many days
	ActiveDays    int // customers without an order for longer are lapsed
	RankingDays   int // truth of recommendations: what is bought in so many days
	TrainDates    int // past dates that the churn models learn from, at most
	Candidates    int // items kept a customer
	SimilarItems  int // neighbours kept an item
	KeepSnapshots int
	KeepModels    int     // versions of each model
	Horizons      []int   // days, ascending, that return probabilities look ahead beside HorizonDays
	ValueDays     int     // that a lifetime value looks ahead
	ValueDiscount float64 // of it, a year
	Seed          uint64
	Workers       int // goroutines; results do not depend on it
	Memory        string
	Currency      string
	TimeZone      string // of the shop: what its customers call a day
	Overrides     Overrides
	WithoutGroups []string      // feature groups that churn models do without
	AllowLeaks    []string      // features that the alarm may name without ending the run; "all" = any
	TuneFor       time.Duration // how long Train searches options of recommenders first; 0 = not at all
}

// Progress is told how far a stage of long work has come; total 0 means unknown.
// It is called from one goroutine at a time.
type Progress func(stage string, done, total int)

// Pipeline is everything a job needs. The caller holds the workspace's lock.
type Pipeline struct {
	Workspace string
	Lake      *lake.Lake
	Engine    features.Engine
	Groups    []features.Group // every definition, the shop's own among them; labels do not matter here
	Models    *artifact.Store
	FS        durable.FS
	Options   Options
	Progress  Progress
	OptOuts   func() (map[string]bool, error) // what customers have told the server, by id: whether they refuse personalisation; nil: nothing
	Tried     func(ranking.Trial)             // told of every trial of a search; may be nil
	Now       func() time.Time                // stamps created_at; nothing else depends on it
}

// Report is what a run did.
type Report struct {
	AsOf       string        `json:"as_of"`
	Evaluation *Evaluation   `json:"evaluation,omitempty"`
	Published  []Publication `json:"published,omitempty"`
	Snapshot   *ScoreReport  `json:"snapshot,omitempty"`
	Notes      []string      `json:"notes,omitempty"`
}

// Run is the whole job: features, train, evaluate, gate, publish, score.
func (p *Pipeline) Run(ctx context.Context) (*Report, error) {
	report, err := p.Train(ctx)
	if err != nil {
		return nil, err
	}
	scored, err := p.score(ctx) // the features are built already
	if err != nil {
		return nil, err
	}
	if err := p.prune(); err != nil {
		return nil, err
	}
	report.Snapshot = scored.Snapshot
	report.Notes = append(report.Notes, scored.Notes...)
	return report, nil
}

// Train evaluates, gates, publishes the refitted models and promotes them. Where
// Options.TuneFor says so, it searches options first.
func (p *Pipeline) Train(ctx context.Context) (*Report, error) {
	tuning, err := p.tune(ctx)
	if err != nil {
		return nil, err
	}
	ev, err := p.evaluate(ctx)
	if err != nil {
		return nil, err
	}
	ev.Notes = append(tuning, ev.Notes...)
	published, err := p.publish(ctx, ev)
	if err != nil {
		return nil, err
	}
	return &Report{AsOf: p.Options.AsOf.String(), Evaluation: ev.Evaluation, Published: published, Notes: ev.Notes}, nil
}

// Evaluate runs the protocol and publishes nothing.
func (p *Pipeline) Evaluate(ctx context.Context) (*Report, error) {
	ev, err := p.evaluate(ctx)
	if err != nil {
		return nil, err
	}
	return &Report{AsOf: p.Options.AsOf.String(), Evaluation: ev.Evaluation, Notes: ev.Notes}, nil
}

func (p *Pipeline) step(stage string, done, total int) {
	if p.Progress != nil {
		p.Progress(stage, done, total)
	}
}

func (p *Pipeline) featureRoot() string  { return filepath.Join(p.Workspace, "features") }
func (p *Pipeline) snapshotRoot() string { return filepath.Join(p.Workspace, "snapshots") }

// fingerprint says which data a run saw: the checksum covers every visible file.
func (p *Pipeline) fingerprint() (artifact.Fingerprint, error) {
	files, err := p.Lake.Files()
	if err != nil {
		return artifact.Fingerprint{}, fmt.Errorf("taking the fingerprint of the lake: %w", err)
	}
	return fingerprintOf(files), nil
}
