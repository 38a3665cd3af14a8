package training

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"regulars/data"
	"regulars/features/read"
	"regulars/models"
	"regulars/training/ranking"
	"regulars/training/split"
)

// TunedFile is the file of a workspace that holds what a search of options has
// found. What it says of a model takes the place of the candidates that a run
// compares otherwise, unless it was found on other data or on days that the run
// reports on; an override goes before it.
const TunedFile = "tuned.json"

func (p *Pipeline) tunedPath() string { return filepath.Join(p.Workspace, TunedFile) }

// tune searches options where recommenders are chosen, at D−2H: the slice that
// is reported, at D−H, is not looked at. It returns what to tell.
func (p *Pipeline) tune(ctx context.Context) ([]string, error) {
	if p.Options.TuneFor <= 0 {
		return nil, nil
	}
	slice, what, err := p.choiceSlice(ctx)
	if errors.Is(err, split.ErrShortHistory) || errors.Is(err, models.ErrNoData) {
		return []string{"options are not searched: " + err.Error()}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cutting the slice to tune on: %w", err)
	}
	found, err := ranking.Tune(ctx, slice, ranking.Tuning{Families: ranking.Families(), Fixed: p.Options.Overrides.set, Candidates: candidatesOf, Metric: choiceMetric, Slice: what,
		Budget: p.Options.TuneFor, Seed: p.Options.Seed, Workers: p.Options.Workers, File: p.tunedPath(), FS: p.FS, Progress: p.step, Tried: p.Tried})
	if err != nil {
		return nil, err
	}
	var notes []string
	for _, f := range ranking.Families() {
		if w, ok := found.Models[f.Name]; ok {
			notes = append(notes, fmt.Sprintf("options of %s were searched on %s: %s %.4f by %v (defaults %.4f, %d trials), kept in %s",
				f.Name, w.Slice, w.Metric, w.Value, w.Options, w.Default, w.Trials, TunedFile))
		}
	}
	return notes, nil
}

// tuned returns what searches have found that may be used where what happens
// from the day reported on is measured, and what to tell of the rest.
func (p *Pipeline) tuned(in *read.Interactions, reported data.Day) (*ranking.Tuned, []string, error) {
	all, err := ranking.ReadTuned(p.tunedPath())
	if err != nil {
		return nil, nil, err
	}
	found, notes := all.Usable(&ranking.Data{Events: in.Events, IDs: in.Items, Users: in.Users}, int32(reported), false)
	for i := range notes {
		notes[i] = TunedFile + ": " + notes[i]
	}
	return found, notes, nil
}

// tunedOf is what searches had found for the evaluation. Where there was none,
// nothing is reported, and what was searched before as_of may be used.
func (p *Pipeline) tunedOf(ev *evaluated) (*ranking.Tuned, error) {
	if ev.recommender != nil {
		return ev.recommender.tuned, nil
	}
	found, notes, err := p.tuned(ev.interactions, p.Options.AsOf)
	ev.Notes = append(ev.Notes, notes...)
	return found, err
}

// choiceSlice is the slice that evaluateRanking chooses on.
func (p *Pipeline) choiceSlice(ctx context.Context) (*ranking.Split, string, error) {
	if _, err := p.timetable(); err != nil {
		return nil, "", err
	}
	paths, err := p.Lake.Tables()
	if err != nil {
		return nil, "", err
	}
	if err := p.build(ctx, paths, p.interactionGroups(), []data.Day{p.Options.AsOf}); err != nil {
		return nil, "", err
	}
	in, err := read.Purchases(p.featureRoot(), p.Options.AsOf)
	if err != nil {
		return nil, "", err
	}
	for _, step := range []int{p.Options.HorizonDays, p.Options.RankingDays} {
		cut := p.Options.AsOf - data.Day(2*step)
		d, err := p.rankingData(in, in.Events, cut)
		if err != nil {
			return nil, "", err
		}
		d.Users = in.Users
		slice, err := ranking.NewSplitAt(*d, int32(cut), int32(p.Options.RankingDays), true)
		if errors.Is(err, split.ErrShortHistory) {
			continue
		}
		return slice, fmt.Sprintf("the %d days from %s on", p.Options.RankingDays, cut), err
	}
	return nil, "", split.ErrShortHistory
}
