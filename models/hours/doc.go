// Package hours says at which hour of the day a customer is most likely active:
// the customer's own hours, smoothed round the clock, drawn towards the shop's.
package hours
