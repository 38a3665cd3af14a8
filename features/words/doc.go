// Package words says in English and Chinese what a feature tells of a customer,
// with the customer's own numbers: "82 days since the last order, 2.6 times the
// usual gap".
package words
