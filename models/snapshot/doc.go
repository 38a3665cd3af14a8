// Package snapshot is what scoring writes and serving opens: one immutable,
// published set of everything the server answers from.
//
//	<root>/<version>/manifest.json   what it is, what it was made from, checksums
//	<root>/<version>/store.bolt      items, their lists, index of the customers, in a bbolt file
//	<root>/<version>/customers.bin   records of the customers: candidates, scores, profile
//	<root>/<version>/factors.bin     item factors, to fold a session in
//	<root>/<version>/…               files for other tools, such as scores as Parquet
//	<root>/current                   one line: the version to serve
//
// The store is opened read-only, by memory map, by any number of processes at
// once; the records are read one by one, each checked by its CRC-32C. Numbers
// stand for items (their position in the catalogue) and for strategies (their
// position in Info.Strategies).
package snapshot
