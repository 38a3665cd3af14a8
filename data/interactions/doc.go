// Package interactions reads files of who had what: one row an interaction of a
// user with an item, in CSV or Parquet, with ids of any kind; files of what items
// are like, and of the group each user belongs to; and files of who bought when.
// Rows that make no sense are left out, counted and shown.
package interactions
