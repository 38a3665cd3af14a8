package schedule

import (
	"context"
	"errors"
	"fmt"

	"regulars/data/state"
)

// ErrRunning says that a job was not started because a run of it is at work.
var ErrRunning = errors.New("this job is running already")

// Start starts a run of a job now, in a child process as the clock would, and
// returns its record as it begins. The run goes on after Start has returned;
// when ctx ends, it is stopped, and Run waits for that if it has not returned.
// The error wraps ErrRunning where a run of the job is at work, here or elsewhere.
func (s *Scheduler) Start(ctx context.Context, job string) (state.Run, error) {
	if err := ctx.Err(); err != nil {
		return state.Run{}, fmt.Errorf("starting %s: %w", job, err)
	}
	if !s.take(job) {
		return state.Run{}, fmt.Errorf("starting %s: %w", job, ErrRunning)
	}
	e := Entry{Job: job}
	record, err := s.beginNow(ctx, e)
	if err != nil {
		s.release(job)
		return state.Run{}, fmt.Errorf("starting %s: %w", job, err)
	}
	s.work.Go(func() {
		defer s.release(job)
		result, err := s.carryOut(ctx, e, record)
		s.report(job, result, err)
	})
	return record, nil
}

// beginNow records the begin of a run, unless another process has one at work.
func (s *Scheduler) beginNow(ctx context.Context, e Entry) (state.Run, error) {
	if _, err := s.opts.DB.MarkInterrupted(ctx, state.ProcessAlive); err != nil {
		return state.Run{}, err
	}
	switch _, running, err := s.opts.DB.LastRun(ctx, e.Job, state.Running); {
	case err != nil:
		return state.Run{}, err
	case running:
		return state.Run{}, ErrRunning
	}
	return s.begin(ctx, e, state.Manual)
}
