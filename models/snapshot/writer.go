package snapshot

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"go.etcd.io/bbolt"

	"regulars/data/durable"
	"regulars/models/artifact"
)

const storeName = "store.bolt"

// The buckets of the store and the key under which the popular list lies.
const (
	bucketItems   = "items"   // uint32 big-endian number → item
	bucketSimilar = "similar" // the same → lists
	bucketUsers   = "users"   // id → place of the record in the file of the customers
	bucketAliases = "aliases" // other id of a customer → the one that is a key of users
	bucketLists   = "lists"   // name → candidates, or item numbers
	keyPopular    = "popular"
	keyByID       = "items_by_id" // catalogue numbers by ascending id, uint32 each
	keyWords      = "words"       // the texts that scores name by number
)

// keyShared is the key of a list that is the same for everybody.
func keyShared(n int) string { return fmt.Sprintf("shared/%d", n) }

// keyGrouped is the key of the lists of all groups.
func keyGrouped(n int) string { return fmt.Sprintf("grouped/%d", n) }

const (
	batchBytes = 8 << 20 // values held before a transaction is committed
	pageBytes  = 4096    // fixed, so that the file is the same on every machine
)

// Publish builds a snapshot below root from what fill writes and returns its
// version. Nothing of it is visible before all of it is; the same content again
// is the same version and is not written twice. SetCurrent puts it into use.
func Publish(root string, disk durable.FS, info Info, fill func(w *Writer) error) (version string, err error) {
	if err := info.check(); err != nil {
		return "", fmt.Errorf("publishing a snapshot: %w", err)
	}
	info.FormatVersion, info.Version = FormatVersion, ""
	version, err = artifact.PublishFolder(disk, root, artifact.Folder{
		AsOf: info.AsOf,
		Fill: func(dir string) error { return build(dir, &info, fill) },
		Manifest: func(files []artifact.FileEntry) (any, error) {
			info.Files = files
			return info, nil
		},
		Named: func(version string) any { info.Version = version; return info },
	})
	if err != nil {
		return "", fmt.Errorf("publishing a snapshot: %w", err)
	}
	return version, nil
}

func build(dir string, info *Info, fill func(w *Writer) error) (err error) {
	db, err := createStore(filepath.Join(dir, storeName))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	bulk, err := createBulk(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bulk.close()) }()
	w := &Writer{db: db, bulk: bulk, dir: dir, info: info, items: -1, words: newLexicon(), persons: map[string]string{}}
	defer func() { err = errors.Join(err, w.rollback()) }()
	if err := fill(w); err != nil {
		return err
	}
	return w.finish()
}

// createStore makes an empty store. Syncing is left to the publication, which
// syncs every file once at the end.
func createStore(path string) (*bbolt.DB, error) {
	return bbolt.Open(path, 0o644, &bbolt.Options{
		NoSync: true, NoGrowSync: true, NoFreelistSync: true,
		FreelistType: bbolt.FreelistArrayType, PageSize: pageBytes, NoStatistics: true})
}

// Writer takes the content of a snapshot: Items first and once, then the rest.
// It holds a few megabytes, whatever the number of customers. Keeping users
// together, rather than mixing them with items, makes it fast.
type Writer struct {
	db      *bbolt.DB
	bulk    *bulkWriter
	dir     string
	info    *Info
	items   int // -1 before Items
	users   int
	lastID  string
	words   *lexicon
	persons map[string]string // by alias
	marks   []uint32          // by item: the list it was last seen in
	mark    uint32
	buf     []byte

	tx     *bbolt.Tx
	bucket *bbolt.Bucket
	name   string // of bucket
	held   int    // bytes put since the transaction began
}

// Items writes the catalogue; an item's number is its position in list.
func (w *Writer) Items(list []Item) error {
	if w.items >= 0 {
		return errors.New("the catalogue is written once")
	}
	if len(list) > maxItems {
		return fmt.Errorf("%d items are more than the %d that fit", len(list), maxItems)
	}
	for i, it := range list {
		if !validID(it.ID) {
			return fmt.Errorf("item %d: id %q is not 1 to %d bytes of UTF-8", i, it.ID, maxIDBytes)
		}
		if err := it.check(w.info.ItemFields); err != nil {
			return fmt.Errorf("item %q: %w", it.ID, err)
		}
		w.buf = appendItem(w.buf[:0], it, w.info.ItemFields)
		if err := w.put(bucketItems, itemKey(int32(i)), w.buf); err != nil {
			return err
		}
	}
	w.items, w.info.Items = len(list), len(list)
	w.marks = make([]uint32, len(list))
	return w.putByID(list)
}

func (it Item) check(fields []Field) error {
	for _, text := range []string{it.Title, it.Brand, it.Category} {
		if !utf8.ValidString(text) {
			return errors.New("its title, brand or category is not UTF-8")
		}
	}
	if slices.ContainsFunc(it.Tags, func(tag string) bool { return !utf8.ValidString(tag) }) || len(it.Tags) > maxTags {
		return fmt.Errorf("its tags are not up to %d texts of UTF-8", maxTags)
	}
	if it.Price < 0 || math.IsInf(it.Price, 0) {
		return fmt.Errorf("its price is %v: it must be finite and not below 0", it.Price)
	}
	return checkValues(it.Extra, fields)
}

// putByID writes the catalogue numbers in the order of the ids, so that a reader looks
// an id up by bisection instead of building a map of millions.
func (w *Writer) putByID(list []Item) error {
	order := make([]int32, len(list))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(list[a].ID, list[b].ID) })
	packed := make([]byte, 0, 4*len(order))
	for i, n := range order {
		if i > 0 && list[order[i-1]].ID == list[n].ID {
			return fmt.Errorf("item %q is in the catalogue twice", list[n].ID)
		}
		packed = binary.LittleEndian.AppendUint32(packed, uint32(n))
	}
	return w.put(bucketLists, []byte(keyByID), packed)
}

// User writes one customer. Ids come in ascending byte order. Errors say which
// one by its number, from 1: they end up in logs, where ids have no place.
func (w *Writer) User(id string, u User) error {
	if err := w.checkUser(id, u); err != nil {
		return fmt.Errorf("user number %d: %w", w.users+1, err)
	}
	w.buf = appendUser(w.buf[:0], u, w.words, w.info.UserFields)
	return w.record(id, w.buf)
}

// record writes the record of a customer.
func (w *Writer) record(id string, b []byte) error {
	at, err := w.bulk.add(b)
	if err != nil {
		return fmt.Errorf("user number %d: %w", w.users+1, err)
	}
	w.lastID = id
	w.users++
	w.info.Users = w.users
	return w.put(bucketUsers, []byte(id), at.append(nil))
}

// Alias makes the customer who is written as person known by another id as well.
// Errors name no id, as those of User.
func (w *Writer) Alias(id, person string) error {
	if !validID(id) || w.persons[id] != "" {
		return fmt.Errorf("alias number %d is not 1 to %d bytes of UTF-8, or comes twice", len(w.persons)+1, maxIDBytes)
	}
	w.persons[id] = person
	return nil
}

// putAliases writes the aliases in their order, when all customers are there.
func (w *Writer) putAliases() error {
	for n, id := range slices.Sorted(maps.Keys(w.persons)) {
		if err := w.put(bucketAliases, []byte(id), []byte(w.persons[id])); err != nil {
			return err
		}
		if users := w.tx.Bucket([]byte(bucketUsers)); users == nil || users.Get([]byte(id)) != nil || users.Get([]byte(w.persons[id])) == nil {
			return fmt.Errorf("alias number %d is a customer of its own, or that of one who was not written", n+1)
		}
	}
	return nil
}

// Similar writes which items go with the given one, best first: the lists of
// Info.ItemLists in their order, of which those at the end may be missing.
func (w *Writer) Similar(item int32, lists ...[]Candidate) error {
	if item < 0 || int(item) >= w.items {
		return fmt.Errorf("similar items of number %d: the catalogue has %d", item, max(w.items, 0))
	}
	if err := w.checkLists(lists, w.info.ItemLists); err != nil {
		return fmt.Errorf("similar items of number %d: %w", item, err)
	}
	w.buf = appendLists(w.buf[:0], lists)
	return w.put(bucketSimilar, itemKey(item), w.buf)
}

// Popular writes what sells best, best first. The longer the list, the better
// filled are lists that run short.
func (w *Writer) Popular(list []Candidate) error {
	if err := w.checkList(list); err != nil {
		return fmt.Errorf("popular items: %w", err)
	}
	w.buf = appendCandidates(w.buf[:0], list)
	return w.put(bucketLists, []byte(keyPopular), w.buf)
}

// Shared writes the list numbered n of Info.Lists, which is the same for
// everybody, best first.
func (w *Writer) Shared(n int, list []Candidate) error {
	if n < 0 || n >= len(w.info.Lists) || !w.info.Lists[n].Shared {
		return fmt.Errorf("list %d is not one that everybody shares", n)
	}
	if err := w.checkList(list); err != nil {
		return fmt.Errorf("list %s: %w", w.info.Lists[n].Strategy, err)
	}
	w.buf = appendCandidates(w.buf[:0], list)
	return w.put(bucketLists, []byte(keyShared(n)), w.buf)
}

// Grouped writes the lists by group numbered n of Info.Lists, one for each of
// its groups in their order, best first.
func (w *Writer) Grouped(n int, lists [][]Candidate) error {
	if n < 0 || n >= len(w.info.Lists) || len(w.info.Lists[n].Groups) == 0 {
		return fmt.Errorf("list %d is not one by group", n)
	}
	kind := w.info.Lists[n]
	if len(lists) != len(kind.Groups) {
		return fmt.Errorf("list %s: there are %d lists for %d groups", kind.Strategy, len(lists), len(kind.Groups))
	}
	for g, list := range lists {
		if err := w.checkList(list); err != nil {
			return fmt.Errorf("list %s of group %q: %w", kind.Strategy, kind.Groups[g], err)
		}
	}
	w.buf = appendLists(w.buf[:0], lists)
	return w.put(bucketLists, []byte(keyGrouped(n)), w.buf)
}

// Attach adds a file beside the store, for other tools to read; write is told
// where. Its checksum stands in the manifest, serving never opens it.
func (w *Writer) Attach(name string, write func(path string) error) error {
	if err := artifact.CheckName(name); err != nil {
		return err
	}
	if opened(name) || name == bulkName || name == artifact.ManifestName {
		return fmt.Errorf("%s is the snapshot's own", name)
	}
	return write(filepath.Join(w.dir, name))
}

func (w *Writer) checkUser(id string, u User) error {
	if !validID(id) {
		return fmt.Errorf("its id of %d bytes is not 1 to %d bytes of UTF-8", len(id), maxIDBytes)
	}
	if w.users > 0 && id <= w.lastID {
		return errors.New("its id does not come after the one before: ids must ascend")
	}
	if err := w.checkList(u.Candidates); err != nil {
		return err
	}
	if err := w.checkLists(u.Lists, w.info.Lists); err != nil {
		return err
	}
	if err := checkGroups(u.Groups, w.info.Lists); err != nil {
		return err
	}
	for i, it := range u.Bought {
		if it < 0 || int(it) >= w.items || i > 0 && it <= u.Bought[i-1] {
			return fmt.Errorf("bought item number %d of %d is out of range or order", it, w.items)
		}
	}
	if err := errors.Join(checkValues(u.Profile, w.info.UserFields), checkAliases(u.Aliases)); err != nil {
		return err
	}
	return u.Scores.check(w.info)
}

// checkGroups checks the groups of a customer against those announced.
func checkGroups(groups []int32, announced []ListKind) error {
	if len(groups) > len(announced) {
		return fmt.Errorf("groups for %d lists are more than the %d announced", len(groups), len(announced))
	}
	for n, g := range groups {
		if g < 0 || int(g) > len(announced[n].Groups) {
			return fmt.Errorf("list %s: group %d is not among its %d", announced[n].Strategy, g, len(announced[n].Groups))
		}
	}
	return nil
}

// checkLists checks the lists of a customer or item against those announced.
func (w *Writer) checkLists(lists [][]Candidate, announced []ListKind) error {
	if len(lists) > len(announced) {
		return fmt.Errorf("%d lists are more than the %d announced", len(lists), len(announced))
	}
	for n, list := range lists {
		if announced[n].Shared && len(list) > 0 {
			return fmt.Errorf("list %s is the same for everybody", announced[n].Strategy)
		}
		if len(announced[n].Groups) > 0 && len(list) > 0 {
			return fmt.Errorf("list %s is one for a group, not for a customer", announced[n].Strategy)
		}
		if err := w.checkList(list); err != nil {
			return fmt.Errorf("list %s: %w", announced[n].Strategy, err)
		}
	}
	return nil
}

// checkList refuses items that are unknown or listed twice and scores that are
// not numbers or rise.
func (w *Writer) checkList(list []Candidate) error {
	if w.items < 0 {
		return errors.New("the catalogue must be written first")
	}
	w.mark++
	for i, c := range list {
		if err := c.check(bounds{items: w.items, strategies: len(w.info.Strategies)}); err != nil {
			return err
		}
		if i > 0 && c.Score > list[i-1].Score {
			return fmt.Errorf("item number %d has the score %v, the one before it %v: the best comes first", c.Item, c.Score, list[i-1].Score)
		}
		if w.marks[c.Item] == w.mark {
			return fmt.Errorf("item number %d is listed twice", c.Item)
		}
		w.marks[c.Item] = w.mark
	}
	return nil
}

func validID(id string) bool {
	return id != "" && len(id) <= maxIDBytes && utf8.ValidString(id)
}

func itemKey(i int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }

// put stores one pair. A transaction holds pairs of one bucket only: bbolt
// places the pages of several changed buckets in the order of a map, which
// would make the bytes of the file a matter of chance.
func (w *Writer) put(bucket string, key, value []byte) error {
	if w.tx != nil && (w.name != bucket || w.held > batchBytes) {
		if err := w.commit(); err != nil {
			return err
		}
	}
	if w.tx == nil {
		if err := w.begin(bucket); err != nil {
			return err
		}
	}
	w.held += len(key) + len(value)
	// bbolt keeps the value until the commit, and the buffer is used again.
	return w.bucket.Put(key, slices.Clone(value))
}

func (w *Writer) begin(bucket string) (err error) {
	if w.tx, err = w.db.Begin(true); err != nil {
		return err
	}
	if w.bucket, err = w.tx.CreateBucketIfNotExists([]byte(bucket)); err != nil {
		return err
	}
	w.bucket.FillPercent = 1 // keys come in order, pages are never added to
	w.name, w.held = bucket, 0
	return nil
}

func (w *Writer) commit() error {
	tx := w.tx
	w.tx, w.bucket = nil, nil
	return tx.Commit()
}

func (w *Writer) finish() error {
	if w.items < 0 {
		return errors.New("the catalogue was not written")
	}
	if err := w.putAliases(); err != nil {
		return err
	}
	if err := w.put(bucketLists, []byte(keyWords), w.words.packed); err != nil {
		return err
	}
	for _, bucket := range []string{bucketItems, bucketSimilar, bucketUsers, bucketAliases, bucketLists} {
		if w.tx != nil {
			if err := w.commit(); err != nil {
				return err
			}
		}
		if err := w.begin(bucket); err != nil {
			return err
		}
	}
	return w.commit()
}

func (w *Writer) rollback() error {
	if w.tx == nil {
		return nil
	}
	return w.tx.Rollback()
}
