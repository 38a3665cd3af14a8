package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"regulars/cmd/regulars/config"
	"regulars/serving/api"
	"regulars/serving/events"
	"regulars/serving/filter"
	"regulars/serving/placement"
	shown "regulars/serving/served"
)

// servedFolder holds what was shown, inside a workspace.
const servedFolder = "served"

// placing is what the server does for placements.
type placing struct {
	set    *placement.Set
	dir    string
	log    *shown.Log // nil where the folder cannot be written
	counts itemCounts
}

// openPlacements begins to write down what is shown. Where the disk does not let
// it, everything is answered all the same.
func (s *server) openPlacements(w *workspace) (err error) {
	s.placing.dir = filepath.Join(w.dir, servedFolder)
	if s.placing.set, err = placement.NewSet(w.config.Placements, filter.CheckSyntax); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(w.dir, config.FileName), err)
	}
	s.placing.log, err = shown.Open(s.placing.dir, shown.Options{Report: s.reportServed, Erased: s.live().Erased, Renew: s.renewMarks})
	if err != nil {
		s.log.Error("what is shown is not written down; everything is answered", "error", err)
	}
	return nil
}

func (s *server) reportServed(err error) {
	if err != nil {
		s.log.Error("what is shown is not written down", "error", err)
		return
	}
	s.log.Info("what is shown is written down again")
}

func (s *server) closePlacements() error {
	if s.placing.log == nil {
		return nil
	}
	return s.placing.log.Close()
}

// reports tells what became of what was shown.
func (s *server) reports() api.PlacementReports {
	return &shown.Reporter{Dir: s.placing.dir, Set: s.placing.set, Events: &s.intake, Keep: time.Duration(s.workspace.config.Serve.KeepEvents)}
}

// checkPlacements tells of placements that the snapshot in use cannot answer as
// they are configured, such as where a column of the shop's own is gone.
func (s *server) checkPlacements() {
	for _, name := range s.placing.set.Names() {
		p, _ := s.placing.set.Find(name)
		for i := range p.Plans() {
			plan := &p.Plans()[i]
			for _, misfit := range s.store.Misfits(plan) {
				s.log.Error("a placement cannot be answered as configured", "placement", name, "arm", plan.Arm, "error", misfit)
			}
		}
	}
}

// itemCounts is how often items were shown and clicked, as of the last look.
type itemCounts struct {
	seen atomic.Pointer[map[string]events.Seen]
}

// The server counts what was shown and clicked every countAgain, but no more than
// one part in countShare of the time: it reads all events that are kept.
const (
	countAgain = time.Minute
	countShare = 20
)

// countPause is how long the server waits after a count that took so long.
func countPause(took time.Duration) time.Duration { return max(countAgain, (countShare-1)*took) }

// Counts returns how often an item was shown and clicked.
func (c *itemCounts) Counts(itemID string) (impressions, clicks int64) {
	if seen := c.seen.Load(); seen != nil {
		n := (*seen)[itemID]
		return n.Impressions, n.Clicks
	}
	return 0, 0
}

// runCounts counts again and again, until ctx ends.
func (s *server) runCounts(ctx context.Context) error {
	for {
		begun := time.Now()
		switch seen, err := s.intake.seen(ctx); {
		case err == nil:
			s.placing.counts.seen.Store(&seen)
		case ctx.Err() == nil:
			s.log.Error("what was shown and clicked cannot be counted: exploration goes by the last count", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(countPause(time.Since(begun))):
		}
	}
}

// explores reports whether any placement asks for counts.
func (p *placing) explores() bool {
	for _, name := range p.set.Names() {
		found, _ := p.set.Find(name)
		for _, plan := range found.Plans() {
			if plan.Explore > 0 {
				return true
			}
		}
	}
	return false
}
