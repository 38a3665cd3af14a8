package artifact

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"regulars/data/durable"
)

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

// CheckName returns an error unless s can name a model or a version: letters,
// digits, "-", "_" and ".", beginning with a letter or digit. Names become
// folders, so nothing else may pass.
func CheckName(s string) error {
	if !namePattern.MatchString(s) {
		return fmt.Errorf("%q is not a name: up to 128 letters, digits, -, _ and ., beginning with a letter or digit", s)
	}
	return nil
}

// ReadAlias returns the version that the one-line file at path names, and
// false when there is no such file.
func ReadAlias(path string) (version string, ok bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	version = strings.TrimSpace(string(text))
	if err := CheckName(version); err != nil {
		return "", false, fmt.Errorf("%s: %w", path, err)
	}
	return version, true, nil
}

// WriteAlias makes the one-line file at path name a version that is published
// beside it.
func WriteAlias(disk durable.FS, path, version string) error {
	if err := CheckName(version); err != nil {
		return err
	}
	dir := filepath.Join(filepath.Dir(path), version)
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("%s cannot name %s: %w", filepath.Base(path), version, notFound(err))
	}
	return disk.WriteFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, version+"\n")
		return err
	})
}

// notFound turns the missing file of the operating system into ErrNotFound.
func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return err
}
