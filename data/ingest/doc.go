// Package ingest turns files of the outside world into rows of the lake: CSV
// and Parquet files of any table, with a mapping of their headers, and the two
// yearly files of Online Retail II.
//
// Every file is opened and its columns are checked before the first row is
// read. A file that cannot be read, lacks a column or has one of a wrong type
// is an error that names both, and the lake stays as it was. A bad row never
// stops an import: it goes to the quarantine with its number and the reason.
// A file whose content was imported before, as the same thing, is passed over.
//
// A Table reads such a file as it stands, for those who want its rows and no lake.
//
// Columns that the table's contract does not know are kept under the lower
// snake case of their header.
package ingest
