package duck

import (
	"fmt"
	"path/filepath"
	"slices"

	"regulars/data/durable"
)

// publish moves finished files to their places. All are synced first, so that
// what can fail has failed before the first reader sees anything new.
func publish(disk durable.FS, files []file) error {
	for _, f := range files {
		if err := prepareFile(disk, f); err != nil {
			return fmt.Errorf("publish feature table %s: %w", f.final, err)
		}
	}
	var folders []string
	for _, f := range files {
		if err := disk.Rename(f.temporary, f.final); err != nil {
			return fmt.Errorf("publish feature table %s: %w", f.final, err)
		}
		folders = append(folders, filepath.Dir(f.final))
	}
	slices.Sort(folders)
	for _, dir := range slices.Compact(folders) {
		if err := disk.SyncDir(dir); err != nil {
			return fmt.Errorf("publish feature tables: %w", err)
		}
	}
	return nil
}

func prepareFile(disk durable.FS, f file) error {
	if err := disk.SyncFile(f.temporary); err != nil {
		return err
	}
	return disk.MakeDirs(filepath.Dir(f.final))
}
