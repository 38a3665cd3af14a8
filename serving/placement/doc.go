// Package placement says how the lists of one place in a shop are made: which
// strategy, filter and merchandising rules they follow, how visitors are split
// between the arms of a trial, and which slots go to items that too little is
// known of. It is arithmetic on what it is given; it reads nothing.
package placement
