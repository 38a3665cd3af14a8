package snapshot

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"regulars/data/durable"
	"regulars/models"
	"regulars/models/artifact"
)

// FormatVersion is the format of manifest and store. History: 1, the first; 2,
// candidates say why, customers and items have several lists, items a brand and
// a category; 3, scores say when the next order comes, what it is worth and of
// what, when to write, and why; texts that customers share are stored once;
// lists may be one for a group of customers; 4, items say what they cost and
// since when, customers have a profile and aliases, and both the shop's own columns.
const FormatVersion = 4

// Errors that opening a snapshot may wrap.
var (
	ErrDamaged  = artifact.ErrDamaged  // a file is missing, cut or changed
	ErrFormat   = artifact.ErrFormat   // written by a program that knows another format
	ErrNotFound = artifact.ErrNotFound // there is no such version
)

// Info is the manifest of a snapshot. The publisher fills in everything up to
// BaseRate; Publish sets the rest. CreatedAt and Version aside it is content:
// the same content gives the same version.
type Info struct {
	CreatedAt   string            `json:"created_at"` // RFC 3339
	AsOf        string            `json:"as_of"`      // RFC 3339 instant that the rows may not reach
	Models      map[string]string `json:"models"`     // name → version of every model it was made from
	Recommender string            `json:"recommender,omitempty"`
	Similar     string            `json:"similar,omitempty"`
	Propensity  string            `json:"propensity,omitempty"`
	HorizonDays int               `json:"horizon_days"` // of the churn label
	Currency    string            `json:"currency,omitempty"`
	Strategies  []string          `json:"strategies"`           // names by Candidate.Strategy
	Main        string            `json:"main,omitempty"`       // name of the strategy behind the main list of a customer
	Lists       []ListKind        `json:"lists,omitempty"`      // beside a customer's main list, by number
	ItemLists   []ListKind        `json:"item_lists,omitempty"` // of an item; the first is the one meant unless another is asked for

	Outlook       string            `json:"outlook,omitempty"`        // role of the model behind the scores beside churn
	Horizons      []int             `json:"horizons,omitempty"`       // days, ascending, that Scores.Returns looks ahead
	CourseDays    []int             `json:"course_days,omitempty"`    // days after as_of, ascending, of Scores.Course
	ValueDays     int               `json:"value_days,omitempty"`     // that a lifetime value looks ahead
	ValueDiscount float64           `json:"value_discount,omitempty"` // of it, a year
	Features      []Feature         `json:"features,omitempty"`       // that reasons are about
	Methods       map[string]string `json:"methods,omitempty"`        // Scores.Method → why it was used, in English
	MethodsZh     map[string]string `json:"methods_zh,omitempty"`     // the same in Chinese
	BaseRate      *Rate             `json:"base_rate,omitempty"`      // of churn in the horizon

	ItemFields []Field `json:"item_fields,omitempty"` // of Item.Extra: the shop's own columns
	UserFields []Field `json:"user_fields,omitempty"` // of User.Profile

	Factors *FactorKind `json:"factors,omitempty"` // set by Writer.Factors; nil = none

	FormatVersion int                  `json:"format_version"`
	Version       string               `json:"version"`
	Users         int                  `json:"users"`
	Items         int                  `json:"items"`
	Files         []artifact.FileEntry `json:"files"`
}

// ListKind is a kind of list that may be asked for by name.
type ListKind struct {
	Strategy string   `json:"strategy"`         // that chose its items
	Role     string   `json:"role,omitempty"`   // of Info.Models: the model that made it
	Also     []string `json:"also,omitempty"`   // other names for it, by what it is for
	Shared   bool     `json:"shared,omitempty"` // one list for everybody
	Groups   []string `json:"groups,omitempty"` // one list for each of these groups of customers, by name; none = not by group
}

// Named reports whether the list goes by that name.
func (l ListKind) Named(name string) bool { return l.Strategy == name || slices.Contains(l.Also, name) }

// Candidate is an item that may be shown, by catalogue number.
type Candidate struct {
	Item     int32
	Score    float32 // finite; higher comes first
	Strategy uint8   // index into Info.Strategies
	Reason   Reason
}

// Reason says why an item is on a list: models.Reason by catalogue numbers. A
// brand or category is that of the candidate itself.
type Reason struct {
	Kind models.ReasonKind
	Of   int32 // ReasonBought, ReasonTogether: the item bought; ReasonUsual: days; else 0
}

// Item is one entry of the catalogue as at as_of; what is not known is empty. What
// every list asks comes first, so that it lies together: reading an item of a large
// catalogue is waiting for memory.
type Item struct {
	ID              string
	Title           string
	InStock         bool    // and may be bought already
	From            int64   // microseconds since 1970 UTC from which all this holds; Undated
	AvailableFrom   int64   // microseconds since 1970 UTC; Undated = always
	Price           float64 // in units of Info.Currency; NaN = not known
	Brand, Category string
	Tags            []string
	Extra           []Value // one of each of Info.ItemFields; none = all null
}

// Undated stands for an instant that is not known.
const Undated = math.MinInt64

// User is what is known of one customer. Candidates come best first, no item
// twice; Bought holds catalogue numbers, ascending and distinct. Lists are those
// of Info.Lists in their order, which User of a Snapshot leaves out: see
// Snapshot.List. Those that are shared or by group, and those at the end, may be
// missing. Groups says, in the same order, which group's list is the customer's:
// its place in ListKind.Groups from 1, or 0 for none; it is left out with Lists.
// Profile holds a value of each of Info.UserFields; Aliases ascend by source and id.
type User struct {
	ID         string // the one that stands for all of the customer's; set by Snapshot.User
	Candidates []Candidate
	Bought     []int32
	Scores     *Scores // nil when the customer was not scored
	Lists      [][]Candidate
	Groups     []int32
	Profile    []Value // none = all null, where it is written
	Aliases    []Alias
}

// MaxGroups is how many groups of customers one kind of list may be for.
const MaxGroups = 4096

// Limits of the format.
const (
	maxItems      = 1 << 24 // a candidate packs the item into 24 bits
	maxStrategies = 250     // a candidate packs the strategy into 8 bits; serving adds its own
	maxIDBytes    = 512
	maxLists      = 16 // of a customer, or of an item
	maxReason     = models.ReasonSegment
)

func (in *Info) check() error {
	if _, err := time.Parse(time.RFC3339, in.AsOf); err != nil {
		return fmt.Errorf("as_of %q is not an RFC 3339 instant such as 2011-12-08T00:00:00Z", in.AsOf)
	}
	if _, err := time.Parse(time.RFC3339, in.CreatedAt); err != nil {
		return fmt.Errorf("created_at %q is not an RFC 3339 instant", in.CreatedAt)
	}
	if len(in.Strategies) > maxStrategies {
		return fmt.Errorf("%d strategies are more than the %d that fit", len(in.Strategies), maxStrategies)
	}
	for _, lists := range [][]ListKind{in.Lists, in.ItemLists} {
		if err := in.checkLists(lists); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(in.ItemLists, func(l ListKind) bool { return len(l.Groups) > 0 }) {
		return errors.New("a list of an item is not by group")
	}
	for _, role := range []string{in.Recommender, in.Similar, in.Propensity, in.Outlook} {
		if _, ok := in.Models[role]; role != "" && !ok {
			return fmt.Errorf("the model %q is not among those that the snapshot lists", role)
		}
	}
	if err := errors.Join(checkFields("item_fields", in.ItemFields), checkFields("user_fields", in.UserFields)); err != nil {
		return err
	}
	return in.checkScores()
}

// checkLists refuses names that would leave open which list is meant.
func (in *Info) checkLists(lists []ListKind) error {
	if len(lists) > maxLists {
		return fmt.Errorf("%d lists are more than the %d that fit", len(lists), maxLists)
	}
	seen := map[string]bool{}
	for _, l := range lists {
		if !slices.Contains(in.Strategies, l.Strategy) {
			return fmt.Errorf("the list %q is of a strategy that the snapshot does not name", l.Strategy)
		}
		if _, ok := in.Models[l.Role]; !ok && l.Role != "" {
			return fmt.Errorf("the list %q is of the model %q, which is not among those that the snapshot lists", l.Strategy, l.Role)
		}
		for _, name := range append([]string{l.Strategy}, l.Also...) {
			if name == "" || seen[name] {
				return fmt.Errorf("two lists go by the name %q", name)
			}
			seen[name] = true
		}
		if err := l.checkGroups(); err != nil {
			return fmt.Errorf("the list %q: %w", l.Strategy, err)
		}
	}
	return nil
}

// checkGroups refuses groups that would leave open whose list is meant.
func (l ListKind) checkGroups() error {
	if len(l.Groups) > MaxGroups {
		return fmt.Errorf("%d groups are more than the %d that fit", len(l.Groups), MaxGroups)
	}
	if l.Shared && len(l.Groups) > 0 {
		return errors.New("it is either the same for everybody or by group")
	}
	seen := map[string]bool{}
	for _, name := range l.Groups {
		if name == "" || !utf8.ValidString(name) || seen[name] {
			return fmt.Errorf("the group %q is named twice, or its name is empty or not UTF-8", name)
		}
		seen[name] = true
	}
	return nil
}

// ModelVersion returns the version of the model named by a role (Recommender,
// Similar or Propensity); where none was named, the version of the whole snapshot.
func (in *Info) ModelVersion(role string) string {
	if v, ok := in.Models[role]; ok {
		return v
	}
	return in.Version
}

// Current returns the version to serve, and false when none was chosen yet.
func Current(root string) (version string, ok bool, err error) {
	return artifact.ReadAlias(currentPath(root))
}

// SetCurrent makes a published version the one to serve.
func SetCurrent(root string, disk durable.FS, version string) error {
	return artifact.WriteAlias(disk, currentPath(root), version)
}

func currentPath(root string) string { return filepath.Join(root, "current") }

// List returns the manifests of all snapshots, the oldest first, without
// reading their stores, and the names of those whose manifest is damaged. Those
// of a format that this program cannot serve are left out.
func List(root string) (list []Info, damaged []string, err error) {
	list, damaged, err = artifact.List(root, func(version string) (Info, error) { return readInfo(filepath.Join(root, version)) })
	slices.SortStableFunc(list, func(a, b Info) int { return strings.Compare(a.CreatedAt, b.CreatedAt) })
	return list, damaged, err
}

func readInfo(dir string) (Info, error) {
	var info Info
	err := artifact.ReadManifest(dir, FormatVersion, &info)
	return info, err
}

// Prune removes the oldest snapshots until keep are left, and those whose
// manifest is damaged, never the current one, and returns what it removed. A
// server that still has one open goes on reading it. The caller holds the
// workspace's lock.
func Prune(root string, disk durable.FS, keep int) (removed []string, err error) {
	current, _, err := Current(root)
	if err != nil {
		return nil, err
	}
	list, damaged, err := List(root)
	if err != nil {
		return nil, err
	}
	gone := slices.DeleteFunc(damaged, func(name string) bool { return !artifact.IsVersion(name) })
	for _, info := range list[:max(0, len(list)-max(keep, 1))] {
		gone = append(gone, info.Version)
	}
	for _, version := range gone {
		if version == current {
			continue
		}
		if err := artifact.RemoveFolder(disk, filepath.Join(root, version)); err != nil {
			return removed, err
		}
		removed = append(removed, version)
	}
	return removed, nil
}

// CleanUp removes what killed runs left behind. The caller holds the
// workspace's lock, so that nobody is publishing.
func CleanUp(root string, disk durable.FS) error { return disk.RemoveTemp(root) }
