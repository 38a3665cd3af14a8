// Package filter compiles the one language that says which items may be shown
// and which customers are meant:
//
//	item.category in ["tea", "coffee"] and item.price < user.aov * 1.5
//	score.churn > 0.6 and user.consent_email
//
// The syntax is that of github.com/expr-lang/expr, of which only the fields of a
// Schema, literals and lists of them, comparison, arithmetic, and, or, not, in,
// contains, startsWith, endsWith, matches with a constant pattern (RE2), known
// and unknown are let through. What is left has no loop, no variable, no call
// and no way to anything but the fields: a filter is a tree of at most maxNodes
// nodes, each of which is looked at no more than once a row.
//
// # What is not known
//
// A comparison with a value that is not known does not pass, and neither does
// its opposite: item.price > 5 and not (item.price > 5) both leave out an item
// without a price. The logic is the three-valued one of SQL; a row passes only
// where the whole is true. known(item.price) and unknown(item.price) ask. NaN,
// the empty text and what comes of dividing by zero are not known; a list of
// texts that is empty is known not to hold what is looked for.
//
// # How it is evaluated
//
// The syntax tree is checked against the schema and turned into small closures
// over typed values. expr's own machine was measured beside them
// (BenchmarkMatch, the first filter above): it boxes every number that it
// fetches, and takes 520 ns and six allocations a row where the closures take
// 40 ns and none. It also has no word for what is not known.
//
// A filter is kept as three: what is asked of the item alone, which a caller
// may remember for every item of a snapshot, of the customer alone, which one
// look a request settles, and the rest.
package filter
