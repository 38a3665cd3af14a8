// Package read turns feature tables, which are Parquet files by as_of, into
// matrices: customers and items as dense tables, labels as columns, purchases as
// dated interactions. A null becomes NaN; a number in a file that is NaN or
// infinite, an id that is null, twice or out of order is an error that names the
// file, the column and the row.
package read
