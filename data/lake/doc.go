// Package lake keeps the tables of a shop as Parquet files below a workspace.
//
//	lake/<table>/…parquet         rows that passed validation; any nesting of folders
//	quarantine/<table>/…parquet   bad rows: source_file, row, reason, raw (the row as JSON)
//	lake/.imports/<id>.json       what each import brought: its journal and report
//
// Names that begin with "." or "_" are invisible. Any program may add files
// that keep the contract of their table; Files checks every footer. Folders named
// key=value are walked like others: a column must be in the files to be read.
//
// An import becomes visible whole or not at all:
//
//  1. rows are validated, deduplicated against the lake and within the import,
//     and staged as Parquet files in lake/.tmp-…;
//  2. the staged files are synced and <id>.pending.json, which lists where each
//     belongs, is written durably: the commit point;
//  3. the files are renamed to their places, hidden from readers by the pending
//     journal, which is then renamed to <id>.json: now all are visible at once.
//
// A kill before 2 leaves rubbish that the next import removes; a kill after it
// leaves a commit that Recover finishes.
package lake
