package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/cmd/regulars/config"
	"regulars/data/durable"
	"regulars/data/state"
	"regulars/models/artifact"
	"regulars/serving/api"
	"regulars/training/schedule"
)

// modelRegistry shows and changes the workspace's models for the API.
type modelRegistry struct{ w *workspace }

func (r modelRegistry) Models(context.Context) ([]api.Model, error) {
	names, err := r.w.models.Names()
	if err != nil {
		return nil, err
	}
	out := make([]api.Model, len(names))
	for i, name := range names {
		if out[i], err = r.model(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (r modelRegistry) model(name string) (api.Model, error) {
	champion, _, err := r.w.models.Champion(name)
	if err != nil {
		return api.Model{}, err
	}
	list, _, err := r.w.models.List(name)
	if err != nil {
		return api.Model{}, err
	}
	out := api.Model{Name: name, Champion: champion, Versions: make([]api.ModelVersion, len(list))}
	for i, m := range list {
		out.Versions[i] = api.ModelVersion{Version: m.Version, Algorithm: m.Kind, AsOf: m.AsOf, CreatedAt: m.CreatedAt, Parent: m.Parent, Metrics: m.Metrics}
	}
	return out, nil
}

func (r modelRegistry) Promote(ctx context.Context, name, version string) (api.Change, error) {
	if !artifact.IsVersion(version) {
		return api.Change{}, fmt.Errorf("version %q of %s: %w", version, name, api.ErrUnknown)
	}
	return r.change(ctx, name, func() (string, error) { return version, r.w.models.Promote(name, version) })
}

func (r modelRegistry) Rollback(ctx context.Context, name string) (api.Change, error) {
	return r.change(ctx, name, func() (string, error) { return r.w.models.Rollback(name) })
}

func (r modelRegistry) change(ctx context.Context, name string, change func() (string, error)) (api.Change, error) {
	names, err := r.w.models.Names()
	if err == nil && !slices.Contains(names, name) {
		err = fmt.Errorf("model %q: %w", name, api.ErrUnknown)
	}
	if err != nil {
		return api.Change{}, err
	}
	version, snapshot, err := r.w.changeChampion(ctx, change)
	switch {
	case errors.Is(err, durable.ErrLocked):
		return api.Change{}, errors.Join(api.ErrBusy, err)
	case errors.Is(err, artifact.ErrNotFound):
		return api.Change{}, errors.Join(api.ErrUnknown, err)
	case err != nil:
		return api.Change{}, err
	}
	return changeOf(name, version, snapshot), nil
}

// changeOf tells of a version put into use, and the snapshot served from now on.
func changeOf(name, version, snapshot string) api.Change {
	out := api.Change{Name: name, Version: version, Snapshot: snapshot}
	if snapshot == "" {
		out.Note = "no snapshot was made from the models now in use, so the server goes on as before: run the job score"
	}
	return out
}

// jobRunner starts jobs for the API, for as long as the server runs.
type jobRunner struct {
	scheduler *schedule.Scheduler
	server    context.Context // ends with the server, and its jobs with it
}

func (r jobRunner) StartJob(_ context.Context, name string) (api.Job, error) {
	if !config.IsJob(name) {
		return api.Job{}, fmt.Errorf("job %q: %w", name, api.ErrUnknown)
	}
	run, err := r.scheduler.Start(r.server, name)
	if errors.Is(err, schedule.ErrRunning) {
		return api.Job{}, errors.Join(api.ErrBusy, err)
	}
	return apiJob(run), err
}

// runFilter is what the job routes ask for, as the history understands it.
func runFilter(f api.JobFilter) state.RunFilter {
	out := state.RunFilter{Job: f.Job, Limit: f.Limit}
	if f.Status != "" {
		out.Statuses = []string{f.Status}
	}
	return out
}
