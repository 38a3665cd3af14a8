package data

// Reader yields the rows of a table.
type Reader interface {
	// Read fills rows from the front and returns how many it filled, which may
	// be fewer than asked; after the last row it returns 0 and io.EOF. A row
	// that is long enough is filled in place, so reading with the same rows
	// again allocates nothing; the values copied out of it stay valid.
	Read(rows []Row) (int, error)
	Close() error
}

// Writer takes the rows of a table. What was written is complete only when
// Close has returned nil.
type Writer interface {
	Write(rows []Row) error
	Close() error
}
