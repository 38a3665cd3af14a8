// Package state keeps what a workspace must remember between processes: so far
// the history of its job runs. It is one SQLite file, state.db, in WAL mode, so
// that a server reads while jobs write, and a process killed at any moment
// leaves the file sound.
package state
