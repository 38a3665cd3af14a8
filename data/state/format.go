package state

import "database/sql"

// Format is what a kind of SQLite file of the workspace is known by.
type Format struct {
	Name          string   // in messages
	ApplicationID int32    // in the file's header
	Migrations    []string // from version i to i+1; released ones are never edited
	Large         bool     // too large to be read in full whenever it is opened
}

// ownFormat is that of state.db.
var ownFormat = Format{Name: "state database", ApplicationID: applicationID, Migrations: migrations}

// OpenFile opens a file of another format as carefully as Open does: made on
// first use, of the right owner and version, migrated, in write-ahead logging,
// every commit on disk before it returns, write locks from the start of a
// transaction. The error wraps ErrUnusable as that of Open does.
func OpenFile(path string, f Format) (*sql.DB, error) {
	db, err := openFormat(path, f)
	if err != nil {
		return nil, err
	}
	return db.sql, nil
}
