// Package btyd holds the buy-till-you-die models: what customers will order and
// spend from how often, how recently and how long they have been known, when
// nobody says that they leave. BGNBD and ParetoNBD answer for orders, GammaGamma
// for the value of an order, Value for both together.
//
// Time is in one unit of the caller's choice (weeks in the papers); every rate
// and horizon is in that unit.
package btyd
