package snapshot

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
)

// factorsName is the file of the item factors: float32, little-endian, a row an item.
const factorsName = "factors.bin"

const maxWidth = 4096

// FactorKind says whose factors the snapshot holds.
type FactorKind struct {
	Role    string          `json:"role"`    // of Info.Models: the model, or the blend that it is a source of
	Width   int             `json:"width"`   // factors of an item
	Options json.RawMessage `json:"options"` // of the model: what folding in needs beside the factors
}

// Factors are those of a model by which a session or a basket is folded in.
type Factors struct {
	FactorKind
	Values []float32 // items × Width, row-major, by catalogue number; an item that the model does not know is all zeros
}

// Factors writes the factors of all items, of which values holds Width each.
func (w *Writer) Factors(kind FactorKind, values []float32) error {
	if err := kind.check(w.info); err != nil {
		return err
	}
	if len(values) != w.items*kind.Width || w.info.Factors != nil {
		return fmt.Errorf("%d factors are not %d of each of %d items, or come twice", len(values), kind.Width, max(w.items, 0))
	}
	for i, v := range values {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("factor %d of item number %d is %v", i%kind.Width, i/kind.Width, v)
		}
	}
	f, err := os.OpenFile(filepath.Join(w.dir, factorsName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	w.info.Factors = &kind
	to := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(binary.Write(to, binary.LittleEndian, values), to.Flush(), f.Close())
}

func (k FactorKind) check(in *Info) error {
	if _, ok := in.Models[k.Role]; !ok || k.Width < 1 || k.Width > maxWidth || !json.Valid(k.Options) {
		return fmt.Errorf("factors of %q, %d an item: the model must be among those listed, its width 1 to %d, its options JSON", k.Role, k.Width, maxWidth)
	}
	return nil
}

// Factors returns the factors of the items, and false where no model that has any
// is in use. The caller must not change them.
func (s *Snapshot) Factors() (Factors, bool) {
	if s.info.Factors == nil {
		return Factors{}, false
	}
	return Factors{*s.info.Factors, s.factors}, true
}

// loadFactors reads the file that Open has verified.
func (s *Snapshot) loadFactors() error {
	kind := s.info.Factors
	if kind == nil {
		return nil
	}
	if err := kind.check(&s.info); err != nil {
		return errors.Join(err, ErrDamaged)
	}
	f, err := os.Open(filepath.Join(s.dir, factorsName))
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := f.Stat()
	if err != nil {
		return err
	}
	if want := 4 * int64(kind.Width) * int64(len(s.items)); found.Size() != want {
		return fmt.Errorf("%s has %d bytes, %d factors of %d items take %d: %w", factorsName, found.Size(), kind.Width, len(s.items), want, ErrDamaged)
	}
	s.factors = make([]float32, kind.Width*len(s.items))
	return readFloats(bufio.NewReaderSize(f, 1<<20), s.factors)
}

func readFloats(from io.Reader, into []float32) error {
	var b [4096]byte
	for len(into) > 0 {
		n := min(len(into), len(b)/4)
		if _, err := io.ReadFull(from, b[:4*n]); err != nil {
			return fmt.Errorf("%s: %w", factorsName, err)
		}
		for i := range into[:n] {
			into[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		into = into[n:]
	}
	return nil
}
