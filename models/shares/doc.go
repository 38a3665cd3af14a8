// Package shares says what a customer buys next of a few kinds (categories,
// brands, price bands): the customer's own purchases, the older the less they
// count, drawn towards what everybody bought lately.
package shares
