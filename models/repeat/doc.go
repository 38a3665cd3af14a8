// Package repeat recommends what a customer buys again and again, when it is
// due: decayed counts of their own purchases, what of it still sells, and the
// replenishment cycle of items that have one, filled up with what is popular.
package repeat
