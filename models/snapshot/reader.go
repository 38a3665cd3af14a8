package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"time"

	"go.etcd.io/bbolt"

	"regulars/models/artifact"
)

// Snapshot is an open snapshot. Its methods are safe for concurrent use until Close.
type Snapshot struct {
	info    Info
	db      *bbolt.DB
	items   []Item
	byID    []int32 // catalogue numbers by ascending id
	popular []Candidate
	shared  [][]Candidate   // by Info.Lists; nil where it is not the same for everybody
	grouped [][][]Candidate // by Info.Lists, then by group; nil where it is not by group
	words   []string        // that scores name by number
}

// Open opens the snapshot in the folder dir after verifying the size and
// checksum of its files. Errors wrap ErrNotFound, ErrDamaged or ErrFormat. The
// catalogue and the popular list are read into memory, customers stay on disk.
func Open(dir string) (*Snapshot, error) {
	info, err := readInfo(dir)
	if errors.Is(err, ErrFormat) {
		return nil, fmt.Errorf("opening a snapshot: %w: `regulars score` makes one that this program reads", err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening a snapshot: %w", err)
	}
	if err := artifact.Verify(dir, info.Files); err != nil {
		return nil, fmt.Errorf("opening snapshot %s: %w", info.Version, err)
	}
	path := filepath.Join(dir, storeName)
	db, err := openStore(path)
	if err != nil {
		return nil, fmt.Errorf("opening snapshot %s: %s: %w", info.Version, path, err)
	}
	s := &Snapshot{info: info, db: db}
	if err := db.View(s.load); err != nil {
		return nil, errors.Join(fmt.Errorf("opening snapshot %s: %s: %w", info.Version, path, err), db.Close())
	}
	return s, nil
}

func openStore(path string) (*bbolt.DB, error) {
	return bbolt.Open(path, 0o444, &bbolt.Options{ReadOnly: true, Timeout: time.Second, NoStatistics: true})
}

// Close frees the file. Nothing may be asked of the snapshot afterwards.
func (s *Snapshot) Close() error { return s.db.Close() }

// Info returns the manifest.
func (s *Snapshot) Info() *Info { return &s.info }

// Items returns the size of the catalogue.
func (s *Snapshot) Items() int { return len(s.items) }

// Item returns the item numbered i.
func (s *Snapshot) Item(i int32) Item { return s.items[i] }

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

// User returns what is known of a customer but for the lists beside the main
// one, and false when the id is unknown.
func (s *Snapshot) User(id string) (u User, ok bool, err error) {
	err = s.get(bucketUsers, []byte(id), func(d *decoder) {
		ok, u = true, d.user(s.bounds())
		if d.err == nil {
			d.b = nil // the lists are read by List
		}
	})
	return u, ok, err
}

// Candidates returns a customer's main list, best first, and reads no more of
// the customer: none for an unknown one.
func (s *Snapshot) Candidates(id string) (list []Candidate, err error) {
	err = s.get(bucketUsers, []byte(id), func(d *decoder) {
		core := &decoder{b: d.take(d.uvarint()), err: d.err}
		core.uvarint() // flags of the scores
		list = core.candidates(s.bounds())
		d.b, d.err = nil, core.err
	})
	return list, err
}

// List returns the list numbered n of Info.Lists for a customer, best first:
// none for an unknown one, nor by group for one without a group. The caller must
// not change it.
func (s *Snapshot) List(id string, n int) (list []Candidate, err error) {
	if s.info.Lists[n].Shared {
		return s.shared[n], nil
	}
	err = s.get(bucketUsers, []byte(id), func(d *decoder) {
		d.take(d.uvarint()) // all but the lists
		if s.grouped[n] == nil {
			list = d.list(n, s.bounds())
		} else if g := d.group(n, len(s.grouped[n])); g > 0 {
			list = s.grouped[n][g-1]
		}
	})
	return list, err
}

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
			return fmt.Errorf("snapshot %s has no bucket %q: %w", s.info.Version, bucket, ErrDamaged)
		}
		v := b.Get(key)
		if v == nil {
			return nil
		}
		d := &decoder{b: v}
		decode(d)
		if err := d.end(); err != nil {
			return fmt.Errorf("snapshot %s, %s: %w: %w", s.info.Version, bucket, err, ErrDamaged)
		}
		return nil
	})
}

func (s *Snapshot) load(tx *bbolt.Tx) error {
	items, lists := tx.Bucket([]byte(bucketItems)), tx.Bucket([]byte(bucketLists))
	if items == nil || lists == nil {
		return fmt.Errorf("a bucket is missing: %w", ErrDamaged)
	}
	err := items.ForEach(func(_, v []byte) error {
		d := &decoder{b: v}
		s.items = append(s.items, d.item())
		return d.end()
	})
	if err != nil || len(s.items) != s.info.Items {
		return fmt.Errorf("the catalogue has %d of %d items: %w", len(s.items), s.info.Items, errors.Join(err, ErrDamaged))
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
