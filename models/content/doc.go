// Package content recommends items that are like what a customer buys in title,
// category, brand, price and tags. It needs nobody else's purchases, so that it
// also places items that were never sold.
package content
