// Package snapshot is what scoring writes and serving opens: one immutable,
// published set of everything the server answers from.
//
//	<root>/<version>/manifest.json   what it is, what it was made from, checksums
//	<root>/<version>/store.bolt      items, candidates and scores, in a bbolt file
//	<root>/<version>/…               files for other tools, such as scores as Parquet
//	<root>/current                   one line: the version to serve
//
// The store is opened read-only, by memory map, by any number of processes at
// once. Numbers stand for items (their position in the catalogue) and for
// strategies (their position in Info.Strategies).
package snapshot
