// Package served writes down which lists were shown, to whom and with which
// probabilities, so that trials can be judged and exploration evaluated later.
package served
