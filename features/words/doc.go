// Package words says in English and Chinese what a feature tells of a customer,
// with the customer's own numbers: "82 days since the last order, 2.6 times the
// usual gap"; and names features for tables and charts. Its wordings are tables
// of short texts, one file a topic; how a text is filled is said at row and
// Style.fill.
package words
