package ingest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// treeOf returns all names below dir with the content of the files.
func treeOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			tree[path] = "folder"
			return err
		}
		b, err := os.ReadFile(path)
		tree[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
