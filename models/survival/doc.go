// Package survival is a discrete-time hazard model: how likely a customer is to
// order in each coming period, given that there was no order until then. It
// answers for any horizon, and for the day of the next order, again as time
// passes.
package survival
