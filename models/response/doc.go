// Package response says how likely a customer answers a message of one channel:
// what the customer did with the messages received so far, drawn towards what all
// do, as far as customers differ (an empirical-Bayes beta-binomial).
package response
