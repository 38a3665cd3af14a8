package data

// Reader yields the rows of a table.
type Reader interface {
	// Read fills rows from the front and returns how many it filled. After the
	// last row it returns io.EOF. The values stay valid after the next call.
	Read(rows []Row) (int, error)
	Close() error
}

// Writer takes the rows of a table. What was written is complete only when
// Close has returned nil.
type Writer interface {
	Write(rows []Row) error
	Close() error
}
