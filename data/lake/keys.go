package lake

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

	"regulars/data"
)

// keySet remembers which rows of a table are there, 16 bytes each: the head of
// the SHA-256 of what makes a row the same. Two different rows would be taken
// for one with a probability below 10⁻²⁰ at a billion rows, and nobody can
// make them collide on purpose.
type keySet map[[16]byte]struct{}

// add reports whether the key was new.
func (s keySet) add(k [16]byte) bool {
	before := len(s)
	s[k] = struct{}{}
	return len(s) > before
}

// keyer computes the keys of rows of one schema.
type keyer struct {
	key   []int // columns of the key; empty when rows compare in full
	ifBy  int   // the key applies where this column has a value; -1: always
	all   []int // all columns in ascending order of their names
	names []string
	buf   []byte
}

func newKeyer(s data.Schema) *keyer {
	k := &keyer{ifBy: s.Index(s.KeyIfBy), names: s.ColumnNames()}
	for _, name := range s.Key {
		k.key = append(k.key, s.Index(name))
	}
	for i := range s.Columns {
		k.all = append(k.all, i)
	}
	slices.SortFunc(k.all, func(a, b int) int { return cmp.Compare(k.names[a], k.names[b]) })
	return k
}

// byKey reports whether the row is known by its key, not by all its values.
func (k *keyer) byKey(row data.Row) bool {
	return len(k.key) > 0 && (k.ifBy < 0 || !row[k.ifBy].IsNull())
}

func (k *keyer) of(row data.Row) [16]byte {
	k.buf = k.buf[:0]
	if k.byKey(row) {
		k.buf = append(k.buf, 'k')
		for _, i := range k.key {
			k.buf = appendValue(k.buf, row[i])
		}
	} else {
		k.full(row)
	}
	sum := sha256.Sum256(k.buf)
	return [16]byte(sum[:16])
}

// full writes all values with the names of their columns, absent ones left
// out, so that a column more in one file makes no difference while it is null.
func (k *keyer) full(row data.Row) {
	k.buf = append(k.buf, 'f')
	for _, i := range k.all {
		if row[i].IsNull() {
			continue
		}
		k.buf = appendText(k.buf, k.names[i])
		k.buf = appendValue(k.buf, row[i])
	}
}

func appendValue(b []byte, v data.Value) []byte {
	b = append(b, byte(v.Kind()))
	switch v.Kind() {
	case data.KindNull:
		return b
	case data.KindString:
		return appendText(b, v.Str())
	case data.KindList:
		b = binary.AppendUvarint(b, uint64(len(v.List())))
		for _, s := range v.List() {
			b = appendText(b, s)
		}
		return b
	}
	return binary.LittleEndian.AppendUint64(b, bits(v))
}

func bits(v data.Value) uint64 {
	p := parquetValue(&v)
	if v.Kind() == data.KindBool {
		return uint64(p.Byte())
	}
	return p.Uint64()
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// keysOf reads the keys of all rows that the files hold.
func keysOf(s data.Schema, paths []string) (keySet, error) {
	seen := keySet{}
	for _, path := range paths {
		if err := seen.addFile(s, path); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// addFile reads the key columns alone, and the whole file only where some row
// is known by all its values.
func (s keySet) addFile(schema data.Schema, path string) error {
	narrow := schema
	narrow.Columns = nil
	for _, c := range schema.Columns {
		if slices.Contains(schema.Key, c.Name) {
			narrow.Columns = append(narrow.Columns, c)
		}
	}
	full := len(schema.Key) == 0
	k := newKeyer(narrow)
	if !full {
		err := eachRow(path, narrow, func(row data.Row) {
			if !k.byKey(row) {
				full = true
				return
			}
			s.add(k.of(row))
		})
		if err != nil || !full {
			return err
		}
	}
	k = newKeyer(schema)
	return eachRow(path, schema, func(row data.Row) { s.add(k.of(row)) })
}

func eachRow(path string, s data.Schema, do func(data.Row)) (err error) {
	r := &tableReader{paths: []string{path}, schema: s}
	defer func() { err = errors.Join(err, r.Close()) }()
	return eachBatch(r, func(rows []data.Row) error {
		for _, row := range rows {
			do(row)
		}
		return nil
	})
}
