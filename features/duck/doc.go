// Package duck computes feature tables on embedded DuckDB. A build
//
//  1. loads the lake columns that the feature files name into base tables,
//  2. creates views cut at each as_of, which is all that a feature file can name,
//  3. shuts the database off from files and locks its configuration,
//  4. runs each group once for all as_of dates, checks the result against its
//     documentation, and writes one ordered Parquet file for each as_of,
//  5. when all are written, syncs and renames them into place.
//
// A build that fails or is killed leaves the tables that stood before.
package duck
