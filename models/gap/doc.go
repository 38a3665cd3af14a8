// Package gap says how soon a customer orders again from the days of orders
// alone: the waits of all customers, each measured in the customer's own expected
// gap, make one curve. It needs no labelled rows, so it answers in a shop too
// small or too young for a model that learns from features.
package gap
