package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"regulars/models/artifact"
)

// verifyBytes is how much Verify reads between two pauses.
const verifyBytes = 1 << 20

// Verify compares size and SHA-256 of the files that Open has not: the customers'
// records, gigabytes where they are millions, and those that serving never reads.
// It works in one goroutine and rests after every piece as long as the piece took,
// so that answering goes on. A difference wraps ErrDamaged; a ctx that ends ends it.
func (s *Snapshot) Verify(ctx context.Context) error {
	for _, f := range s.info.Files {
		if opened(f.Name) {
			continue
		}
		if err := s.verify(ctx, f); err != nil {
			return fmt.Errorf("verifying snapshot %s: %w", s.info.Version, err)
		}
	}
	return nil
}

// opened is true of the files that Open verifies.
func opened(name string) bool { return name == storeName || name == factorsName }

func (s *Snapshot) verify(ctx context.Context, want artifact.FileEntry) error {
	from := s.bulk // through the file that answers are read from, whatever lies there by now
	if want.Name != bulkName {
		f, err := os.Open(filepath.Join(s.dir, filepath.FromSlash(want.Name)))
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s is missing: %w", want.Name, ErrDamaged)
		}
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	h, buf := sha256.New(), make([]byte, verifyBytes)
	for at := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		n, err := from.ReadAt(buf, at)
		h.Write(buf[:n])
		at += int64(n)
		if err == io.EOF {
			if sum := hex.EncodeToString(h.Sum(nil)); at != want.Size || sum != want.SHA256 {
				return fmt.Errorf("%s is not what was published (%d of %d bytes): %w", want.Name, at, want.Size, ErrDamaged)
			}
			return nil
		}
		if err != nil {
			return err
		}
		rest(ctx, time.Since(start))
	}
}

// rest waits, at most until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
