package snapshot

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// bulkName is the file of the customers' records, one behind the other by
// ascending id. It is read piece by piece and not mapped: pages of a map count as
// the server's own memory, those that the system caches of a file do not.
const bulkName = "customers.bin"

const (
	maxRecord  = 1 << 24 // bytes
	placeBytes = 16
)

// castagnoli is the CRC-32C that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// place says where in the bulk file a record lies: uint64 offset, uint32 length,
// uint32 CRC-32C of its bytes.
type place struct {
	offset int64
	length uint32
	sum    uint32
}

func (p place) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(p.offset))
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, p.length), p.sum)
}

// placeOf decodes a place within a file of so many bytes.
func placeOf(v []byte, size int64) (p place, err error) {
	if len(v) != placeBytes {
		return place{}, fmt.Errorf("the place of a record has %d bytes, not %d", len(v), placeBytes)
	}
	p = place{int64(binary.LittleEndian.Uint64(v)), binary.LittleEndian.Uint32(v[8:]), binary.LittleEndian.Uint32(v[12:])}
	if p.length > maxRecord || p.offset < 0 || p.offset > size-int64(p.length) {
		return place{}, fmt.Errorf("a record of %d bytes at %d does not lie within a file of %d", p.length, p.offset, size)
	}
	return p, nil
}

// bulkWriter appends records to the bulk file.
type bulkWriter struct {
	file *os.File
	to   *bufio.Writer
	at   int64
}

func createBulk(dir string) (*bulkWriter, error) {
	f, err := os.OpenFile(filepath.Join(dir, bulkName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	return &bulkWriter{file: f, to: bufio.NewWriterSize(f, 1<<20)}, nil
}

func (w *bulkWriter) add(record []byte) (place, error) {
	if len(record) > maxRecord {
		return place{}, fmt.Errorf("the record has %d bytes: at most %d fit", len(record), maxRecord)
	}
	p := place{w.at, uint32(len(record)), crc32.Checksum(record, castagnoli)}
	n, err := w.to.Write(record)
	w.at += int64(n)
	return p, err
}

// close makes sure that everything is in the file; syncing is the publication's.
func (w *bulkWriter) close() error { return errors.Join(w.to.Flush(), w.file.Close()) }

// read returns the bytes of a record, once they prove to be those written; in the
// memory of spare, if they fit.
func (p place) read(from io.ReaderAt, spare []byte) ([]byte, error) {
	b := slices.Grow(spare[:0], int(p.length))[:p.length]
	if _, err := from.ReadAt(b, p.offset); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.Join(err, ErrDamaged)
		}
		return nil, fmt.Errorf("reading the record of a customer: %w", err)
	}
	if crc32.Checksum(b, castagnoli) != p.sum {
		return nil, fmt.Errorf("the record of a customer has a checksum other than published: %w", ErrDamaged)
	}
	return b, nil
}
