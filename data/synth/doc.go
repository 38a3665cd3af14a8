// Package synth simulates a shop whose truth is known, for the demo and for
// tests that check models against what really drives the customers.
//
// Every customer is a pure function of the options and a number, so that tables
// stream in constant memory, customer by customer, and come out the same in
// whatever order they are asked for:
//
//  1. Who: date of joining, order rate (gamma), lifetime (exponential, its rate
//     gamma: the Pareto/NBD model of Schmittlein, Morrison and Colombo 1987),
//     taste, favourite categories and brands, response to messages.
//  2. When: day by day a hazard of ordering = rate × season × weekday while the
//     customer is active, plus what a message adds. At most one order a day.
//  3. What: a category by preference, within it an item by Zipf popularity ×
//     exp(taste of the customer · character of the item); replenishable items
//     come again when their cycle is over. Some lines are returned.
//  4. Around it: browsing sessions with a funnel of events, and win-back
//     campaigns with a randomised control arm.
//
// Because time is in whole days, the probability of an order within any horizon
// and the effect of every message follow exactly, by a recursion over days.
package synth
