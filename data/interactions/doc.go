// Package interactions reads files of who had what: one row an interaction of a
// user with an item, in CSV or Parquet, with ids of any kind; and files of what
// items are like. Rows that make no sense are left out, counted and shown.
package interactions
