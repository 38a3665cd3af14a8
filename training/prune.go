package training

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"regulars/data"
	"regulars/models/snapshot"
)

// featuresKept is how long feature tables stay that no run has asked for again:
// a nightly run has new dates every night.
const featuresKept = 7 * 24 * time.Hour

// pruneFeatures removes the tables of dates that are old in both senses: not
// among those of this run, and not written for a week.
func (p *Pipeline) pruneFeatures(keep []data.Day) error {
	folders, err := filepath.Glob(filepath.Join(p.featureRoot(), "*", "*", "as_of=*"))
	if err != nil {
		return err
	}
	for _, dir := range folders {
		_, date, _ := strings.Cut(filepath.Base(dir), "=")
		day, err := data.ParseDay(date)
		if err != nil || slices.Contains(keep, day) {
			continue
		}
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if p.Now().Sub(info.ModTime()) > featuresKept {
			if err := p.FS.Remove(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// prune removes what no later run will read: old feature tables, and model
// versions beyond those to keep that no champion and no snapshot needs.
func (p *Pipeline) prune() error {
	t, err := p.timetable()
	if err != nil {
		return err
	}
	if err := p.pruneFeatures(p.days(t)); err != nil {
		return err
	}
	snapshots, _, err := snapshot.List(p.snapshotRoot())
	if err != nil {
		return err
	}
	for _, role := range Roles() {
		_, err := p.Models.Prune(role, p.Options.KeepModels, func(version string) bool {
			return slices.ContainsFunc(snapshots, func(s snapshot.Info) bool { return s.Models[role] == version })
		})
		if err != nil {
			return err
		}
	}
	return nil
}
