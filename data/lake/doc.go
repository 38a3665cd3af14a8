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
// Rows have an order: that of the sorted paths of their table's files, then that
// within a file. An import names its files import-<number>-<id>-<part>.parquet,
// the number being its place among the workspace's imports, so that path order
// is the order of the imports; files called <id>-<part>.parquet, which an
// earlier form of this program wrote, sort before them.
//
// A row is a duplicate, and left out, when the lake has another of the same key
// (see data.Schema), or, where it has no key, of the same values in all columns
// of the contract; extra columns do not count. Items and users are keyed by id
// and valid_from. Of those without valid_from the latest in order is in force: an
// undated row is left out only when it equals the newest undated row of its id,
// and otherwise supersedes it. The superseded rows stay in their files.
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
