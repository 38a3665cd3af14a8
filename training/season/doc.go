// Package season forecasts the base rate of the horizon that begins at a day
// (which share of the customers will not order, say) from what is known before
// that day. A classifier calibrated on the horizon before carries that horizon's
// season with it; the forecast says how much of it to take back.
//
//  1. Every past window gives a residual: the log-odds of the rate that came true
//     less the log-odds of the mean probability that the model gives to the same
//     customers, so that a change of who the customers are is not taken for season.
//  2. The residuals are level + trend + drift + season + noise, each of them a
//     Gaussian process; how large they are is averaged over, weighed by how well
//     each size explains the windows (process.go says how).
//  3. What they say of the coming horizon is added to the log-odds of the model's
//     mean probability at the rows at hand.
//
// Package models/calibrate moves the probabilities to the forecast (FitShift).
package season
