// Package identity finds out which ids belong to one person. It reads the links
// of the lake's identities table (an alias of one source is that customer) and
// answers with one representative for every id of each group of linked ids. What
// looks wrong is reported, and single links can be taken back.
package identity
