// Package duck computes feature tables on embedded DuckDB. A build
//
//  1. keeps the tables whose inputs (lake files, SQL, time zone, identities) are
//     those that the note beside them names, see _inputs.json,
//  2. loads the lake columns that the feature files name into base tables, ids of
//     customers and items as codes,
//  3. computes the shared relations once, over all days,
//  4. creates views cut at each as_of, which is all that a feature file can name,
//  5. shuts the database off from files and locks its configuration,
//  6. runs each group once for all as_of dates (a shop's own group once for each,
//     so that no date can see another), checks the result against its
//     documentation, and writes one ordered Parquet file for each as_of,
//  7. when all are written, syncs and renames them into place, notes last.
//
// A build that fails or is killed leaves the tables that stood before.
package duck
