package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"regulars/models/artifact"
)

// Snapshot is an open snapshot. Its methods are safe for concurrent use until Close.
type Snapshot struct {
	info    Info
	dir     string
	db      *bbolt.DB
	bulk    *os.File // the customers' records
	size    int64    // of bulk
	index   *index   // of the customers
	items   []Item
	byID    []int32 // catalogue numbers by ascending id
	popular []Candidate
	shared  [][]Candidate   // by Info.Lists; nil where it is not the same for everybody
	grouped [][][]Candidate // by Info.Lists, then by group; nil where it is not by group
	words   []string        // that scores name by number
	factors []float32       // of the items; nil = none
	records sync.Pool       // of *[]byte: memory that records were read into
}

// Open opens the snapshot in the folder dir. Errors wrap ErrNotFound, ErrDamaged
// or ErrFormat. What is read into memory, and the index of the customers, is
// verified by checksum before; the record of a customer is whenever it is read,
// and all of them by Verify.
func Open(dir string) (*Snapshot, error) {
	info, err := readInfo(dir)
	if errors.Is(err, ErrFormat) {
		return nil, fmt.Errorf("opening a snapshot: %w: `regulars score` makes one that this program reads", err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening a snapshot: %w", err)
	}
	s := &Snapshot{info: info, dir: dir}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening snapshot %s: %w", info.Version, err), s.Close())
	}
	return s, nil
}

func (s *Snapshot) open() error {
	first := slices.DeleteFunc(slices.Clone(s.info.Files), func(f artifact.FileEntry) bool { return !opened(f.Name) })
	err := artifact.Verify(s.dir, first)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, storeName)
	if s.db, err = openStore(path); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := s.openBulk(); err != nil {
		return err
	}
	if err := s.db.View(s.load); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return s.loadFactors()
}

func openStore(path string) (*bbolt.DB, error) {
	return bbolt.Open(path, 0o444, &bbolt.Options{ReadOnly: true, Timeout: time.Second, NoStatistics: true})
}

// openBulk opens the customers' records, of which only the size is looked at.
func (s *Snapshot) openBulk() (err error) {
	at := slices.IndexFunc(s.info.Files, func(f artifact.FileEntry) bool { return f.Name == bulkName })
	if at < 0 {
		return fmt.Errorf("the manifest names no %s: %w", bulkName, ErrDamaged)
	}
	path := filepath.Join(s.dir, bulkName)
	if s.bulk, err = os.Open(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing: %w", path, ErrDamaged)
	}
	if err != nil {
		return err
	}
	found, err := s.bulk.Stat()
	if err != nil {
		return err
	}
	if s.size = s.info.Files[at].Size; found.Size() != s.size {
		return fmt.Errorf("%s has %d bytes, published with %d: %w", path, found.Size(), s.size, ErrDamaged)
	}
	return nil
}

// Close frees the files. Nothing may be asked of the snapshot afterwards.
func (s *Snapshot) Close() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.bulk != nil {
		errs = append(errs, s.bulk.Close())
	}
	return errors.Join(errs...)
}

// Info returns the manifest.
func (s *Snapshot) Info() *Info { return &s.info }

// Items returns the size of the catalogue.
func (s *Snapshot) Items() int { return len(s.items) }

// Item returns the item numbered i.
func (s *Snapshot) Item(i int32) Item { return s.items[i] }

// ItemAt returns the item numbered i where it lies. The caller must not change it.
func (s *Snapshot) ItemAt(i int32) *Item { return &s.items[i] }

// LookupItem returns the number of an item id, and false when it is unknown.
func (s *Snapshot) LookupItem(id string) (int32, bool) {
	n := sort.Search(len(s.byID), func(i int) bool { return s.items[s.byID[i]].ID >= id })
	if n == len(s.byID) || s.items[s.byID[n]].ID != id {
		return 0, false
	}
	return s.byID[n], true
}

// Popular returns what sells best, best first. The caller must not change it.
func (s *Snapshot) Popular() []Candidate { return s.popular }

// Shared returns the list numbered n of Info.Lists, which is the same for
// everybody, best first. The caller must not change it.
func (s *Snapshot) Shared(n int) []Candidate { return s.shared[n] }

// Similar returns which items go with the one numbered item by the list
// numbered n of Info.ItemLists, best first; none when there is no such list.
func (s *Snapshot) Similar(item int32, n int) (list []Candidate, err error) {
	err = s.get(bucketSimilar, itemKey(item), func(d *decoder) { list = d.list(n, s.bounds()) })
	return list, err
}

func (s *Snapshot) bounds() bounds {
	return bounds{items: len(s.items), strategies: len(s.info.Strategies), words: s.words, info: &s.info}
}

// get decodes the value of a key; a key that is not there decodes nothing.
func (s *Snapshot) get(bucket string, key []byte, decode func(d *decoder)) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		if b == nil {
			return s.missing(bucket)
		}
		v := b.Get(key)
		if v == nil {
			return nil
		}
		d := &decoder{b: v}
		decode(d)
		return s.damaged(bucket, d.end())
	})
}

func (s *Snapshot) missing(bucket string) error {
	return fmt.Errorf("snapshot %s has no bucket %q: %w", s.info.Version, bucket, ErrDamaged)
}

// damaged says which part of the snapshot an error is about; nil stays nil.
func (s *Snapshot) damaged(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("snapshot %s, %s: %w: %w", s.info.Version, part, err, ErrDamaged)
}

func (s *Snapshot) load(tx *bbolt.Tx) error {
	items, lists := tx.Bucket([]byte(bucketItems)), tx.Bucket([]byte(bucketLists))
	if items == nil || lists == nil {
		return fmt.Errorf("a bucket is missing: %w", ErrDamaged)
	}
	err := items.ForEach(func(_, v []byte) error {
		d := &decoder{b: v}
		s.items = append(s.items, d.item(s.info.ItemFields))
		return d.end()
	})
	if err != nil || len(s.items) != s.info.Items {
		return fmt.Errorf("the catalogue has %d of %d items: %w", len(s.items), s.info.Items, errors.Join(err, ErrDamaged))
	}
	if err := s.loadIndex(tx); err != nil {
		return err
	}
	if s.words, err = loadWords(lists.Get([]byte(keyWords))); err != nil {
		return err
	}
	if s.popular, err = s.loadList(lists, keyPopular); err != nil {
		return err
	}
	if err := s.loadCommon(lists); err != nil {
		return err
	}
	return s.loadByID(lists.Get([]byte(keyByID)))
}

// loadCommon reads the lists that many customers have in common.
func (s *Snapshot) loadCommon(lists *bbolt.Bucket) (err error) {
	s.shared, s.grouped = make([][]Candidate, len(s.info.Lists)), make([][][]Candidate, len(s.info.Lists))
	for n, l := range s.info.Lists {
		switch {
		case l.Shared:
			s.shared[n], err = s.loadList(lists, keyShared(n))
		case len(l.Groups) > 0:
			s.grouped[n], err = s.loadGrouped(lists, keyGrouped(n), len(l.Groups))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// loadGrouped reads the lists of so many groups, all empty where none were written.
func (s *Snapshot) loadGrouped(lists *bbolt.Bucket, key string, groups int) ([][]Candidate, error) {
	v := lists.Get([]byte(key))
	if v == nil {
		return make([][]Candidate, groups), nil
	}
	d := &decoder{b: v}
	out := d.groupLists(groups, s.bounds())
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("the lists %s: %w: %w", key, err, ErrDamaged)
	}
	return out, nil
}

func (s *Snapshot) loadList(lists *bbolt.Bucket, key string) ([]Candidate, error) {
	v := lists.Get([]byte(key))
	if v == nil {
		return nil, nil
	}
	d := &decoder{b: v}
	list := d.candidates(s.bounds())
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("the list %s: %w: %w", key, err, ErrDamaged)
	}
	return list, nil
}

func loadWords(packed []byte) (words []string, err error) {
	d := &decoder{b: packed}
	for d.err == nil && len(d.b) > 0 {
		words = append(words, d.text())
	}
	if d.err != nil {
		return nil, fmt.Errorf("the words of the scores: %w: %w", d.err, ErrDamaged)
	}
	return words, nil
}

func (s *Snapshot) loadByID(packed []byte) error {
	if len(packed) != 4*len(s.items) {
		return fmt.Errorf("the index of item ids has %d bytes for %d items: %w", len(packed), len(s.items), ErrDamaged)
	}
	s.byID = make([]int32, len(s.items))
	for i := range s.byID {
		n := binary.LittleEndian.Uint32(packed[4*i:])
		if int64(n) >= int64(len(s.items)) {
			return fmt.Errorf("the index of item ids names item %d of %d: %w", n, len(s.items), ErrDamaged)
		}
		s.byID[i] = int32(n)
	}
	return nil
}
