// Package durable writes files so that a reader sees the old content or the
// new, never a half, whatever moment the writer is killed or the power fails:
// temporary name, sync, close, rename, sync of the folder. It also holds the
// file lock that keeps two writers apart. Every step can be made to fail, so
// that tests can stop a writer anywhere.
package durable
