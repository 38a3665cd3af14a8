package artifact

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Champion returns the version of a model in use, and false when none was promoted yet.
func (s *Store) Champion(name string) (version string, ok bool, err error) {
	if err := CheckName(name); err != nil {
		return "", false, err
	}
	return ReadAlias(s.champion(name))
}

// maxReigns is how far back rollbacks can go: Prune keeps what the log names, so
// a log that grew for ever would keep every version for ever.
const maxReigns = 20

// Promote makes a version the champion. Its files are verified first, so that
// a damaged version never gets into use.
func (s *Store) Promote(name, version string) error {
	if _, err := s.Open(name, version); err != nil {
		return err
	}
	past, err := s.history(name)
	if err != nil {
		return err
	}
	if n := len(past); n > 0 && past[n-1].version == version {
		return nil
	}
	past = past[max(0, len(past)-maxReigns+1):]
	past = append(past, reign{since: s.now().UTC().Format(time.RFC3339), version: version})
	// The log goes first: were the run killed between the two, history would
	// still end the log at the champion that the alias names.
	if err := s.writeHistory(name, past); err != nil {
		return err
	}
	return WriteAlias(s.disk, s.champion(name), version)
}

// Rollback makes the version that was champion before the present one champion
// again and returns it. Where there is none it says so and changes nothing.
func (s *Store) Rollback(name string) (version string, err error) {
	past, err := s.history(name)
	if err != nil {
		return "", err
	}
	if len(past) < 2 {
		return "", fmt.Errorf("%s has no champion before the present one to roll back to: %w", name, ErrNotFound)
	}
	// The tail of a promotion that never finished may end in the version gone
	// back to; it goes first, or a kill behind the alias would bring it to life.
	if err := s.writeHistory(name, past); err != nil {
		return "", err
	}
	past = past[:len(past)-1]
	version = past[len(past)-1].version
	if _, err := s.Open(name, version); err != nil {
		return "", fmt.Errorf("rolling back: %w", err)
	}
	if err := WriteAlias(s.disk, s.champion(name), version); err != nil {
		return "", err
	}
	return version, s.writeHistory(name, past)
}

// Previous returns the version that Rollback would go to, and false when there is none.
func (s *Store) Previous(name string) (version string, ok bool, err error) {
	past, err := s.history(name)
	if err != nil || len(past) < 2 {
		return "", false, err
	}
	return past[len(past)-2].version, true, nil
}

// A reign is one line of champion.log: since when a version was champion.
type reign struct{ since, version string }

// history returns the champions since the first, the present one last. What
// the log holds after the champion that the alias names is of a promotion that
// never finished, or of a rollback that did not get to cut the log.
func (s *Store) history(name string) ([]reign, error) {
	champion, ok, err := s.Champion(name)
	if err != nil || !ok {
		return nil, err
	}
	past, err := s.readLog(name)
	if err != nil {
		return nil, err
	}
	end := len(past)
	for end > 0 && past[end-1].version != champion {
		end--
	}
	if end == 0 { // no log, or an alias written by hand
		return append(past, reign{since: s.now().UTC().Format(time.RFC3339), version: champion}), nil
	}
	return past[:end], nil
}

// readLog returns every line of champion.log; none when there is no such file.
func (s *Store) readLog(name string) (past []reign, err error) {
	text, err := os.ReadFile(s.log(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		since, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		if CheckName(version) != nil {
			return nil, fmt.Errorf("%s: %q is not a line such as \"2011-12-08T03:00:00Z 2011-12-08-1a2b3c4d\"", s.log(name), line)
		}
		past = append(past, reign{since, version})
	}
	return past, nil
}

// champions returns every version that the alias or the log names.
func (s *Store) champions(name string) ([]string, error) {
	var versions []string
	champion, ok, err := s.Champion(name)
	if err != nil {
		return nil, err
	}
	if ok {
		versions = append(versions, champion)
	}
	past, err := s.readLog(name)
	for _, r := range past {
		versions = append(versions, r.version)
	}
	return versions, err
}

func (s *Store) writeHistory(name string, past []reign) error {
	return s.disk.WriteFile(s.log(name), func(w io.Writer) error {
		for _, r := range past {
			if _, err := fmt.Fprintln(w, r.since, r.version); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) champion(name string) string { return filepath.Join(s.dir(name), "champion") }
func (s *Store) log(name string) string      { return filepath.Join(s.dir(name), "champion.log") }
