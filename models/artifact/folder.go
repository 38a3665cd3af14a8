package artifact

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"regulars/data/durable"
)

// ManifestName is the file that describes a published folder.
const ManifestName = "manifest.json"

var (
	// ErrDamaged says that a published folder is not what was published: a file
	// is missing, cut or changed.
	ErrDamaged = errors.New("damaged")
	// ErrFormat says that a folder was written in a format this program does not know.
	ErrFormat = errors.New("unknown format version")
	// ErrNotFound says that there is no such name or version.
	ErrNotFound = errors.New("not found")
)

// FileEntry is one file of a published folder.
type FileEntry struct {
	Name   string `json:"name"` // relative, with forward slashes
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Folder is what PublishFolder needs to name and describe a version.
type Folder struct {
	AsOf string // begins the version's name: a date or an RFC 3339 instant
	// Fill writes the content into dir.
	Fill func(dir string) error
	// Manifest returns the manifest for these files, its version left empty.
	Manifest func(files []FileEntry) (any, error)
	// Named puts the version into the manifest, which is then written as JSON.
	Named func(version string) any
}

// PublishFolder fills a folder, names it "<as_of>-<8 hex of its content>" and
// makes it appear complete below root. Content published before yields the same
// version, verified and not written again.
func PublishFolder(disk durable.FS, root string, f Folder) (version string, err error) {
	if err := disk.MakeDirs(root); err != nil {
		return "", err
	}
	stage, err := os.MkdirTemp(root, durable.TempPrefix+"stage-*")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	if err := f.Fill(stage); err != nil {
		return "", err
	}
	files, err := seal(stage)
	if err != nil {
		return "", err
	}
	manifest, err := f.Manifest(files)
	if err != nil {
		return "", err
	}
	hash, err := contentHash(manifest)
	if err != nil {
		return "", err
	}
	if version, err = versionName(f.AsOf, hash); err != nil {
		return "", err
	}
	final := filepath.Join(root, version)
	if _, err := os.Lstat(final); err == nil {
		return version, checkSame(final, hash, files)
	}
	return version, disk.PublishDir(final, func(tmp string) error {
		return moveIn(stage, tmp, f.Named(version))
	})
}

// moveIn renames the staged files into the folder that is about to appear and
// adds the manifest. The rename costs nothing, both being on one file system.
func moveIn(stage, tmp string, manifest any) error {
	entries, err := os.ReadDir(stage)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(stage, e.Name()), filepath.Join(tmp, e.Name())); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(tmp, ManifestName), append(text, '\n'), 0o644)
}

// checkSame makes sure that the version already there is the content at hand.
func checkSame(dir, hash string, files []FileEntry) error {
	text, err := readManifest(dir)
	if err != nil {
		return err
	}
	if have, err := contentHash(json.RawMessage(text)); err != nil || have != hash {
		return fmt.Errorf("%s holds other content than its name says: %w; remove the folder and publish again", dir, ErrDamaged)
	}
	if err := Verify(dir, files); err != nil {
		return fmt.Errorf("the version is published already: %w; remove the folder and publish again", err)
	}
	return nil
}

// seal lists the files below dir by name with size and checksum.
func seal(dir string) ([]FileEntry, error) {
	files := []FileEntry{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() || name == ManifestName {
			return fmt.Errorf("%q cannot be published: only regular files other than %s can", name, ManifestName)
		}
		size, sum, err := checksum(path)
		files = append(files, FileEntry{Name: filepath.ToSlash(name), Size: size, SHA256: sum})
		return err
	})
	return files, err
}

// Verify compares size and SHA-256 of every listed file with what lies in dir.
// A difference is an error that names the file and wraps ErrDamaged.
func Verify(dir string, files []FileEntry) error {
	for _, f := range files {
		if !filepath.IsLocal(filepath.FromSlash(f.Name)) {
			return fmt.Errorf("%s lists the file %q outside its folder: %w", dir, f.Name, ErrDamaged)
		}
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := verifyFile(path, f); err != nil {
			return err
		}
	}
	return nil
}

func verifyFile(path string, want FileEntry) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing: %w", path, ErrDamaged)
	case err != nil:
		return err
	case info.Size() != want.Size:
		return fmt.Errorf("%s has %d bytes, published with %d: %w", path, info.Size(), want.Size, ErrDamaged)
	}
	_, sum, err := checksum(path)
	if err == nil && sum != want.SHA256 {
		err = fmt.Errorf("%s has a checksum other than published: %w", path, ErrDamaged)
	}
	return err
}

func checksum(path string) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.CopyBuffer(h, f, make([]byte, 1<<20))
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// contentHash is the SHA-256 of a manifest without what may differ between two
// publications of the same content: when, under which name, and after which
// version. Fields are hashed as they stand, so that a reader which does not know
// a later field still gets the same sum.
func contentHash(manifest any) (string, error) {
	text, err := json.Marshal(manifest)
	if err != nil {
		return "", fmt.Errorf("the manifest cannot be written as JSON: %w", err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return "", err
	}
	for _, name := range []string{"created_at", "version", "parent"} {
		delete(fields, name)
	}
	if text, err = json.Marshal(fields); err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

func versionName(asOf, hash string) (string, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, asOf); err == nil {
			return t.UTC().Format(time.DateOnly) + "-" + hash[:8], nil
		}
	}
	return "", fmt.Errorf("as_of %q is neither a date such as 2011-12-08 nor an RFC 3339 instant", asOf)
}

// ReadManifest decodes the manifest of a published folder into one of the
// caller's. It refuses a format other than the given one (ErrFormat), and a
// manifest that is not what the folder's name was made from (ErrDamaged).
func ReadManifest(dir string, format int, into any) error {
	text, err := readManifest(dir)
	if err != nil {
		return err
	}
	var head struct {
		FormatVersion int    `json:"format_version"`
		Version       string `json:"version"`
		AsOf          string `json:"as_of"`
	}
	path := filepath.Join(dir, ManifestName)
	if err := json.Unmarshal(text, &head); err != nil {
		return fmt.Errorf("%s is not a manifest (%v): %w", path, err, ErrDamaged)
	}
	if head.FormatVersion != format {
		return fmt.Errorf("%s has format %d, this program reads %d: %w", path, head.FormatVersion, format, ErrFormat)
	}
	hash, err := contentHash(json.RawMessage(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	want, err := versionName(head.AsOf, hash)
	if err != nil || want != head.Version || want != filepath.Base(dir) {
		return fmt.Errorf("%s is not the manifest that was published as %s: %w", path, filepath.Base(dir), ErrDamaged)
	}
	if err := json.Unmarshal(text, into); err != nil { // published like this, so by another program
		return fmt.Errorf("%s (%v): %w", path, err, ErrFormat)
	}
	return nil
}

func readManifest(dir string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("version %s: %w", filepath.Base(dir), ErrNotFound)
		}
		return nil, fmt.Errorf("%s is missing: %w", filepath.Join(dir, ManifestName), ErrDamaged)
	}
	return bytes.TrimSpace(text), err
}

var versionPattern = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}-[0-9a-f]{8}$`)

// IsVersion is true of a name that PublishFolder may have given. Folders of
// other names are somebody else's.
func IsVersion(name string) bool { return versionPattern.MatchString(name) }

// List reads the manifest of every version below root. What cannot be read does
// not hide the rest: the names of damaged versions are returned beside it, those
// of an unknown format, or gone since, are left out.
func List[M any](root string, read func(version string) (M, error)) (list []M, damaged []string, err error) {
	versions, err := Versions(root)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range versions {
		m, err := read(v)
		switch {
		case errors.Is(err, ErrDamaged):
			damaged = append(damaged, v)
		case errors.Is(err, ErrFormat), errors.Is(err, ErrNotFound):
		case err != nil:
			return nil, nil, err
		default:
			list = append(list, m)
		}
	}
	return list, damaged, nil
}

// Versions returns the names of the published folders below root in ascending
// order; none when root does not exist.
func Versions(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && CheckName(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names, err
}
