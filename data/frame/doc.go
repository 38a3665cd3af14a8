// Package frame reads a file of any table, CSV or Parquet, by column: numbers,
// truth values, times and texts, each of which may be missing. What a column of
// a CSV file holds is found out from its cells. A second file is read as the
// columns of a first one, so that both mean the same.
package frame
