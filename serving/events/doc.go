// Package events takes in what a shop tells while it is open: what shoppers saw
// and did, messages sent, who a session is, what is in stock. Everything is on
// disk before it is acknowledged, shows in the very next answer, and reaches the
// lake as Parquet later.
//
// The file is events.db in the workspace (SQLite). One goroutine writes: it
// takes all that has queued up into one transaction, so that many requests share
// one sync. What serving needs of it is held in memory besides (serving.Live),
// made anew from the file at start and kept up with what other processes write.
package events
