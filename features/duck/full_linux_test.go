package duck_test

import (
	"context"
	"maps"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"regulars/data"
	"regulars/features"
	"regulars/features/duck"
)

// TestFullDisk: a disk without room for the new tables fails the build and keeps
// the old ones, whole.
func TestFullDisk(t *testing.T) {
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=300k"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(mount, 0); err != nil {
			t.Error(err)
		}
	})
	root := filepath.Join(mount, "features")
	rfm, err := features.Find(catalogue(t), "rfm")
	if err != nil {
		t.Fatal(err)
	}
	r := features.Request{Lake: lakeOf(t, shop), AsOf: []data.Day{day(t, "2024-02-01")}, Groups: rfm, Root: root}
	build(t, r)
	before := digests(t, root)
	purchases, err := features.Find(catalogue(t), "purchases")
	if err != nil {
		t.Fatal(err)
	}
	r.Lake, r.Groups = manyOrders(t, 150_000), append(rfm, purchases...)
	_, err = duck.New().Build(context.Background(), r)
	if err == nil || !strings.Contains(err.Error(), "the disk is full: free space below "+root) {
		t.Errorf("error %v", err)
	}
	if !maps.Equal(before, digests(t, root)) {
		t.Error("tables changed")
	}
}
