// Package data holds the words that every other room of Regulars shares: the
// tables of the lake and their columns, the values a row is made of, exact
// money, days, and the interfaces through which rows are read and written.
//
// It knows no file format and imports nothing of ours; data/lake stores rows as
// Parquet, data/ingest makes rows out of foreign files, data/synth simulates them.
package data
