// Package state keeps what a workspace must remember between processes: the
// history of its job runs, the keys that let others ask its server, who asked to
// be forgotten (as salted hashes, with receipts), and who refuses personalisation.
// It is one SQLite file, state.db, in WAL mode, so that a server reads while jobs
// write, and a process killed at any moment leaves the file sound.
package state
