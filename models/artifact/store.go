package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"regulars/data/durable"
)

// FormatVersion is the manifest's format. History: 1, the first.
const FormatVersion = 1

// Manifest says what a version is and what it was made from. Everything but
// CreatedAt, Version and Parent is its content, from which it is named: put
// nothing there that changes from run to run (such as how long a fit took).
type Manifest struct {
	FormatVersion int             `json:"format_version"`
	Name          string          `json:"name"` // of the model, such as "churn"
	Kind          string          `json:"kind"` // the algorithm, such as "ials"
	Version       string          `json:"version"`
	CreatedAt     string          `json:"created_at"` // RFC 3339
	AsOf          string          `json:"as_of"`      // date or RFC 3339 instant
	Options       json.RawMessage `json:"options,omitempty"`
	OptionHash    string          `json:"option_hash"` // first 16 hex of SHA-256 over Options
	Data          Fingerprint     `json:"data"`
	Metrics       json.RawMessage `json:"metrics,omitempty"`
	Parent        string          `json:"parent,omitempty"` // the champion when this was made
	Files         []FileEntry     `json:"files"`
}

// Fingerprint identifies the data a model was made from.
type Fingerprint struct {
	Files    int    `json:"files"`
	Rows     int64  `json:"rows"`
	Checksum string `json:"checksum"` // over the checksums of the files
}

// Store is the registry below one folder.
type Store struct {
	root string
	disk durable.FS
	now  func() time.Time
}

// NewStore returns the registry at root (the workspace's models folder), which
// is created when something is first published.
func NewStore(root string, disk durable.FS, now func() time.Time) *Store {
	return &Store{root: root, disk: disk, now: now}
}

// Artifact is a published version whose files have been verified.
type Artifact struct {
	Manifest
	Dir string
}

// Path returns where the named file of the version lies.
func (a *Artifact) Path(name string) string { return filepath.Join(a.Dir, filepath.FromSlash(name)) }

// Publish stores what fill writes into dir as a version of model m.Name. It
// sets FormatVersion, Version, CreatedAt, OptionHash and Files itself.
// Publishing the same content again returns the same version and writes nothing.
func (s *Store) Publish(m Manifest, fill func(dir string) error) (version string, err error) {
	if err := CheckName(m.Name); err != nil {
		return "", fmt.Errorf("publishing a model: %w", err)
	}
	m.FormatVersion, m.Version = FormatVersion, ""
	m.CreatedAt = s.now().UTC().Format(time.RFC3339)
	version, err = PublishFolder(s.disk, s.dir(m.Name), Folder{
		AsOf: m.AsOf,
		Fill: fill,
		Manifest: func(files []FileEntry) (any, error) {
			m.Files = files
			m.OptionHash, err = optionHash(m.Options)
			return m, err
		},
		Named: func(version string) any { m.Version = version; return m },
	})
	if err != nil {
		return "", fmt.Errorf("publishing %s: %w", m.Name, err)
	}
	return version, nil
}

func optionHash(options json.RawMessage) (string, error) {
	if options == nil {
		options = json.RawMessage("null")
	}
	compact, err := json.Marshal(options)
	if err != nil {
		return "", fmt.Errorf("options are not JSON: %w", err)
	}
	sum := sha256.Sum256(compact)
	return hex.EncodeToString(sum[:8]), nil
}

// Open returns a version after comparing the size and checksum of every file.
// Errors wrap ErrNotFound, ErrDamaged or ErrFormat.
func (s *Store) Open(name, version string) (*Artifact, error) {
	m, err := s.manifest(name, version)
	if err != nil {
		return nil, err
	}
	a := &Artifact{Manifest: m, Dir: filepath.Join(s.dir(name), version)}
	if err := Verify(a.Dir, m.Files); err != nil {
		return nil, fmt.Errorf("opening %s %s: %w", name, version, err)
	}
	return a, nil
}

func (s *Store) manifest(name, version string) (Manifest, error) {
	var m Manifest
	if err := errors.Join(CheckName(name), CheckName(version)); err != nil {
		return m, err
	}
	if err := ReadManifest(filepath.Join(s.dir(name), version), FormatVersion, &m); err != nil {
		return m, fmt.Errorf("opening %s: %w", name, err)
	}
	if m.Name != name {
		return m, fmt.Errorf("opening %s: %s is a version of %s: %w", name, version, m.Name, ErrDamaged)
	}
	return m, nil
}

// List returns the manifests of all versions of a model, the oldest first,
// without reading their files, and the names of versions whose manifest is
// damaged. Versions of a format that this program does not know are left out. A
// model that was never published has none.
func (s *Store) List(name string) (list []Manifest, damaged []string, err error) {
	if err := CheckName(name); err != nil {
		return nil, nil, err
	}
	list, damaged, err = List(s.dir(name), func(version string) (Manifest, error) { return s.manifest(name, version) })
	// RFC 3339 in UTC sorts as text.
	slices.SortStableFunc(list, func(a, b Manifest) int { return strings.Compare(a.CreatedAt, b.CreatedAt) })
	return list, damaged, err
}

// Names returns the models that have been published, in ascending order.
func (s *Store) Names() ([]string, error) { return Versions(s.root) }

// CleanUp removes what killed runs left behind. The caller holds the
// workspace's lock, so that nobody is publishing.
func (s *Store) CleanUp() error {
	names, err := s.Names()
	if err != nil {
		return err
	}
	errs := []error{s.disk.RemoveTemp(s.root)}
	for _, name := range names {
		errs = append(errs, s.disk.RemoveTemp(s.dir(name)))
	}
	return errors.Join(errs...)
}

// Remove deletes a version that is not the champion.
func (s *Store) Remove(name, version string) error {
	if err := errors.Join(CheckName(name), CheckName(version)); err != nil {
		return err
	}
	champion, _, err := s.Champion(name)
	if err != nil {
		return err
	}
	if champion == version {
		return fmt.Errorf("%s %s is the champion: promote another version first", name, version)
	}
	return RemoveFolder(s.disk, filepath.Join(s.dir(name), version))
}

// Prune removes the oldest versions of a model until keep (at least one) are
// left, and returns what it removed. Champions, present and past, stay, and so
// does what inUse says somebody needs; nil: nobody does. Damaged versions are
// neither counted nor removed. The caller holds the workspace's lock.
func (s *Store) Prune(name string, keep int, inUse func(version string) bool) (removed []string, err error) {
	list, _, err := s.List(name)
	if err != nil {
		return nil, fmt.Errorf("pruning %s: %w", name, err)
	}
	champions, err := s.champions(name)
	if err != nil {
		return nil, fmt.Errorf("pruning %s: %w", name, err)
	}
	for _, m := range list[:max(0, len(list)-max(keep, 1))] {
		if slices.Contains(champions, m.Version) || inUse != nil && inUse(m.Version) {
			continue
		}
		if err := RemoveFolder(s.disk, filepath.Join(s.dir(name), m.Version)); err != nil {
			return removed, fmt.Errorf("pruning %s: %w", name, err)
		}
		removed = append(removed, m.Version)
	}
	return removed, nil
}

// RemoveFolder deletes a published folder so that no reader sees half of it: it
// is first renamed to a temporary name.
func RemoveFolder(disk durable.FS, dir string) error {
	gone := filepath.Join(filepath.Dir(dir), durable.TempPrefix+"removed-"+filepath.Base(dir))
	if err := disk.Rename(dir, gone); err != nil {
		return fmt.Errorf("removing version %s: %w", filepath.Base(dir), notFound(err))
	}
	return os.RemoveAll(gone)
}

func (s *Store) dir(name string) string { return filepath.Join(s.root, name) }
