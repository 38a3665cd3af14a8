package lake

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"

	"regulars/data"
)

// keySet remembers which rows of a table are there, by the head of the SHA-256
// of what makes a row the same. Two different rows would be taken for one with
// a probability below 10⁻²⁰ at a billion rows, and nobody can make them collide
// on purpose.
type keySet struct {
	rows   map[rowKey]struct{}
	newest map[rowKey]rowKey   // of rows that supersede each other: their key → all columns of the newest
	across map[rowKey]struct{} // of the lake's rows that are known by all their values: their columns of Across
	// keyed reads, when it is first asked for, the same of the lake's rows that are known by their key; nil: there is no such.
	keyed func() (map[rowKey]struct{}, error)
}

type rowKey [16]byte

func newKeySet() keySet {
	return keySet{rows: map[rowKey]struct{}{}, newest: map[rowKey]rowKey{}, across: map[rowKey]struct{}{}}
}

// offer takes a row of an import in and reports whether it says anything new. An
// error is one of reading the lake.
func (s keySet) offer(k *keyer, row data.Row) (bool, error) {
	if len(k.across) > 0 {
		others := s.across
		if !k.byKey(row) {
			var err error
			if others, err = s.keyed(); err != nil {
				return false, err
			}
		}
		if len(others) > 0 {
			if _, had := others[k.values('a', k.across, row)]; had {
				return false, nil
			}
		}
	}
	return s.add(k, row), nil
}

// add takes a row in and reports whether it says anything new.
func (s keySet) add(k *keyer, row data.Row) bool {
	switch {
	case k.byKey(row):
		return s.insert(k.values('k', k.key, row))
	case !k.supersede:
		return s.insert(k.values('f', k.all, row))
	}
	slot, now := k.values('k', k.key, row), k.values('f', k.all, row)
	if before, ok := s.newest[slot]; ok && before == now {
		return false
	}
	s.newest[slot] = now
	return true
}

func (s keySet) insert(k rowKey) bool {
	before := len(s.rows)
	s.rows[k] = struct{}{}
	return len(s.rows) > before
}

// keyer computes the keys of rows of one schema.
type keyer struct {
	key       []int // columns of the key; empty when rows compare in full
	ifBy      int   // the key applies where this column has a value; -1: always
	all       []int // the columns of the contract
	across    []int // columns by which rows with and without ifBy are the same; empty: never
	supersede bool
	buf       []byte
}

// newKeyer leaves extra columns out of account: one that changes from export to
// export, such as a status, must not make old rows new ones.
func newKeyer(s data.Schema) *keyer {
	k := &keyer{ifBy: s.Index(s.KeyIfBy), supersede: s.Supersede}
	for _, name := range s.Key {
		k.key = append(k.key, s.Index(name))
	}
	for _, name := range s.Across {
		k.across = append(k.across, s.Index(name))
	}
	contract, _ := data.SchemaOf(s.Table)
	for _, c := range contract.Columns {
		if i := s.Index(c.Name); i >= 0 {
			k.all = append(k.all, i)
		}
	}
	return k
}

// byKey reports whether the row is known by its key, not by all its values.
func (k *keyer) byKey(row data.Row) bool {
	return len(k.key) > 0 && (k.ifBy < 0 || !row[k.ifBy].IsNull())
}

func (k *keyer) values(kind byte, columns []int, row data.Row) rowKey {
	k.buf = append(k.buf[:0], kind)
	for _, i := range columns {
		k.buf = appendValue(k.buf, row[i])
	}
	sum := sha256.Sum256(k.buf)
	return rowKey(sum[:16])
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

// keysOf reads the keys of all rows that the files of a table hold, oldest file
// first; s is the table's contract.
func keysOf(s data.Schema, paths []string) (keySet, error) {
	seen := newKeySet()
	for _, path := range paths {
		if err := seen.addFile(s, path); err != nil {
			return keySet{}, err
		}
	}
	seen.keyed = sync.OnceValues(func() (map[rowKey]struct{}, error) { return acrossOf(s, paths) })
	return seen, nil
}

// acrossOf reads the columns of Across of all rows that are known by their key.
func acrossOf(s data.Schema, paths []string) (map[rowKey]struct{}, error) {
	s.Columns = columnsOf(s, append(slices.Clone(s.Across), s.KeyIfBy))
	k, out := newKeyer(s), map[rowKey]struct{}{}
	for _, path := range paths {
		err := eachRow(path, s, func(row data.Row) {
			if k.byKey(row) {
				out[k.values('a', k.across, row)] = struct{}{}
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// columnsOf returns those columns of a schema that are named.
func columnsOf(s data.Schema, names []string) (out []data.Column) {
	for _, c := range s.Columns {
		if slices.Contains(names, c.Name) {
			out = append(out, c)
		}
	}
	return out
}

// addFile reads the key columns alone, and the whole file only where some row
// is known by all its values.
func (s keySet) addFile(schema data.Schema, path string) error {
	narrow := schema
	narrow.Columns, narrow.Across = columnsOf(schema, schema.Key), nil
	full := len(schema.Key) == 0
	k := newKeyer(narrow)
	if !full {
		err := eachRow(path, narrow, func(row data.Row) {
			if !k.byKey(row) {
				full = true
				return
			}
			s.add(k, row)
		})
		if err != nil || !full {
			return err
		}
	}
	k = newKeyer(schema)
	return eachRow(path, schema, func(row data.Row) {
		s.add(k, row)
		if len(k.across) > 0 && !k.byKey(row) {
			s.across[k.values('a', k.across, row)] = struct{}{}
		}
	})
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
