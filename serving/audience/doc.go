// Package audience says which customers are meant and writes them out, for the
// tools that write to them: by a filter, in an order, up to a limit, as CSV, JSON
// lines or Parquet, all of them or what changed since an older snapshot.
//
// Any number of customers takes the same memory. Without an order they come by
// id, as the snapshot holds them. With an order and a limit, the best are kept
// in a heap; beyond what fits, keys and ids are sorted in runs on disk that are
// merged. Only then are the customers themselves read, one by one, from the same
// snapshot, which stays open until the end. Changes come of walking two
// snapshots side by side.
//
// Customers who asked to be forgotten are never in it. Those who refuse
// personalisation, and, where a channel is named, those who have not agreed to
// be written to by it, are left out unless they are asked for.
package audience
