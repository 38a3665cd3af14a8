package lake

import (
	"fmt"

	"regulars/data"
)

// Source is a file of the outside world that an import reads.
type Source struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	// As says what the file was read as, such as "csv orders user_id=CustomerID".
	// One file may be imported as several things; as each of them, once.
	As   string `json:"as"`
	Rows int64  `json:"rows"`
	// Ignored names columns of a type that no table can hold.
	Ignored []string `json:"ignored,omitempty"`
}

// SourceReport is what became of a source.
type SourceReport struct {
	Source
	// Known says that the same content was imported before, so that the file
	// was not read again and counts nowhere.
	Known bool `json:"known"`
}

// TableReport counts the rows that an import brought for one table:
// Read = Accepted + Duplicate + Quarantined.
type TableReport struct {
	Table       data.Table       `json:"table"`
	Read        int64            `json:"read"`
	Accepted    int64            `json:"accepted"`
	Duplicate   int64            `json:"duplicate"`
	Quarantined int64            `json:"quarantined"`
	Reasons     map[string]int64 `json:"reasons,omitempty"` // quarantined rows by reason
	// QuarantineFile is where they are, relative to the workspace, with slashes;
	// "" when there are none.
	QuarantineFile string    `json:"quarantine_file,omitempty"`
	Examples       []Example `json:"examples,omitempty"` // the first quarantined rows, at most three
}

// maxExamples is how many bad rows a report shows of a table.
const maxExamples = 3

// Example is a quarantined row. Its values are in the quarantine alone: a
// report may be logged.
type Example struct {
	Source string `json:"source"`
	Row    int64  `json:"row"` // in the source, from 1
	Reason string `json:"reason"`
}

// check refuses counts that do not add up, which would mean that rows were lost.
func (t TableReport) check() error {
	if t.Read != t.Accepted+t.Duplicate+t.Quarantined {
		return fmt.Errorf("table %s: %d rows read, but %d accepted + %d duplicate + %d quarantined",
			t.Table, t.Read, t.Accepted, t.Duplicate, t.Quarantined)
	}
	var sum int64
	for _, n := range t.Reasons {
		sum += n
	}
	if sum != t.Quarantined {
		return fmt.Errorf("table %s: %d rows quarantined, but %d by reason", t.Table, t.Quarantined, sum)
	}
	return nil
}

// Report says what an import brought.
type Report struct {
	ID      string         `json:"id"` // from the content, "" when nothing was new
	Sources []SourceReport `json:"sources"`
	Tables  []TableReport  `json:"tables"` // in the order of the contract; only those concerned
}

// Table returns the counts of one table, all zero where it is not concerned.
func (r Report) Table(t data.Table) TableReport {
	for _, tr := range r.Tables {
		if tr.Table == t {
			return tr
		}
	}
	return TableReport{Table: t}
}
