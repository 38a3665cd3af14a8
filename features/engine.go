package features

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"regulars/data"
)

// Engine computes feature and label tables. Only one build at a time may work on
// one Root; readers need no lock, since every file appears by rename.
type Engine interface {
	// Build computes every group at every as_of. On an error, or when ctx ends,
	// what stood under Root before is untouched.
	Build(ctx context.Context, r Request) (Result, error)
	// Labels computes the order label at every as_of; likewise all or nothing.
	Labels(ctx context.Context, r LabelRequest) (Result, error)
	// Close releases what the engine holds.
	Close() error
}

// Identity says that two ids are one person's: From is another id of To, the
// representative that stands for both.
type Identity struct{ From, To string }

// Request asks for feature tables.
type Request struct {
	Lake   map[data.Table][]string // Parquet files of each table, absolute paths
	AsOf   []data.Day              // one or many; all are built in one run
	Groups []Group                 // those whose needs the Lake lacks are skipped and reported
	// Identities lists, for an as_of, the ids that were known to be another
	// customer's. Every view shows the representative as user_id and
	// referrer_id. No entry: every id is a customer of its own.
	Identities map[data.Day][]Identity
	Force      bool   // build also what is unchanged
	Root       string // folder of the feature tables, see Path
	TimeZone   string // of the shop, for local_day, local_hour, local_dow; "" = UTC

	TempDir     string // for data beyond memory; "" = below Root
	MemoryLimit string // such as "500MB"; "" = "2GB"
	Threads     int    // 0 = GOMAXPROCS

	Progress func(done, total int, what string) `json:"-"` // may be nil
}

// LabelRequest asks for label tables: fields as in Request.
type LabelRequest struct {
	Lake       map[data.Table][]string
	AsOf       []data.Day
	Root       string
	TimeZone   string
	Identities map[data.Day][]Identity
	Force      bool

	Label       *Group   // nil = the order label; its Horizon and Gap do not count, those below do
	HorizonDays int      // how long the label looks, from as_of + GapDays; above 0
	GapDays     int      // days after as_of that the label leaves out; 0 or more
	Until       data.Day // the lake knows everything before this day: no label may look beyond

	TempDir     string
	MemoryLimit string
	Threads     int

	Progress func(done, total int, what string) `json:"-"`
}

// Table is one feature table that was written.
type Table struct {
	Entity, Group string
	AsOf          data.Day
	Path          string
	Rows          int64
}

// Skip is a group that was not built.
type Skip struct{ Group, Reason string }

// Result says what a build did.
type Result struct {
	Written []Table // by group in the order asked, then as_of
	Kept    []Table // likewise; these stood there, made from the same inputs
	Skipped []Skip
}

// Path returns the file of a feature table: root/entity/group/as_of=D/part-0.parquet.
func Path(root, entity, group string, asOf data.Day) string {
	return filepath.Join(root, entity, group, "as_of="+asOf.String(), "part-0.parquet")
}

// LabelGroup names the table of the order label, such as label_order_h90g0.
func LabelGroup(horizonDays, gapDays int) string {
	return fmt.Sprintf("%s_h%dg%d", labelOrder, horizonDays, gapDays)
}

const labelOrder = "label_order"

// LabelPrefix begins the names of all label tables.
const LabelPrefix = "label_"

// Check validates a request: something to build, and as_of dates given once.
func (r Request) Check() error {
	if len(r.Groups) == 0 {
		return fmt.Errorf("features: no groups to build")
	}
	for _, g := range r.Groups {
		if g.Label {
			return fmt.Errorf("features: group %s (%s) is a label: build it with Labels", g.Name, g.File)
		}
		if g.Shared {
			return fmt.Errorf("features: %s (%s) is shared by groups: it has no table of its own", g.Name, g.File)
		}
	}
	return errors.Join(checkBuild(r.Root, r.AsOf, r.Threads), checkIdentities(r.Identities))
}

// Check validates a request: every label must lie within the known history.
func (r LabelRequest) Check() error {
	if r.HorizonDays <= 0 || r.GapDays < 0 {
		return fmt.Errorf("labels: horizon of %d days after a gap of %d days: the horizon must be above 0, the gap 0 or more", r.HorizonDays, r.GapDays)
	}
	for _, d := range r.AsOf {
		if end := d + data.Day(r.GapDays+r.HorizonDays); end > r.Until {
			return fmt.Errorf("labels: as_of %s with a gap of %d and a horizon of %d days needs history until %s, which ends at %s: choose an earlier as_of or a shorter horizon",
				d, r.GapDays, r.HorizonDays, end, r.Until)
		}
	}
	if r.Label != nil && !r.Label.Label {
		return fmt.Errorf("labels: group %s (%s) is no label", r.Label.Name, r.Label.File)
	}
	return errors.Join(checkBuild(r.Root, r.AsOf, r.Threads), checkIdentities(r.Identities))
}

// checkIdentities requires each id to stand for at most one other, and what it
// stands for to stand for itself.
func checkIdentities(all map[data.Day][]Identity) error {
	for d, list := range all {
		to := map[string]string{}
		for _, i := range list {
			if first, twice := to[i.From]; twice && first != i.To {
				return fmt.Errorf("identities at %s: %q is both %q and %q", d, i.From, first, i.To)
			}
			to[i.From] = i.To
		}
		for _, i := range list {
			if next, ok := to[i.To]; ok && next != i.To {
				return fmt.Errorf("identities at %s: %q is %q, which is %q: name the last of them", d, i.From, i.To, next)
			}
		}
	}
	return nil
}

func checkBuild(root string, asOf []data.Day, threads int) error {
	if root == "" {
		return fmt.Errorf("features: no root folder to write to")
	}
	if len(asOf) == 0 {
		return fmt.Errorf("features: no as_of date")
	}
	if threads < 0 {
		return fmt.Errorf("features: threads is %d: it must be 0 (all) or above", threads)
	}
	seen := map[data.Day]bool{}
	for _, d := range asOf {
		if seen[d] {
			return fmt.Errorf("features: as_of %s is given twice", d)
		}
		seen[d] = true
	}
	return nil
}
