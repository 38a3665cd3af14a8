// Package outlook says what a customer will do beside staying or leaving: when the
// next order comes and whether within 30, 90 or 180 days, what it brings, what the
// customer is worth, what they buy next, which channel they answer, at which hour
// to write.
//
// The caller reads everything (Input) and calls, in this order:
//
//  1. Evaluate: makes the choices on the rows at D−2H and reports on the untouched
//     rows at D−H, beside a baseline, with intervals.
//  2. Fit: fits what was chosen once more on everything up to D.
//  3. Save, and Load where it is applied.
//  4. Score: everything for each customer, in the order of the rows.
//
// The next order is told by a hazard of all features (models/survival), by the gaps
// between orders (models/gap) or by the mean of the two hazards, whichever was best on
// the choice rows; by gaps in a small shop. Each is calibrated by horizon. What is spent is told by
// boosted trees or by means, likewise. Values are those of models/btyd: the likelier
// of BG/NBD and Pareto/NBD with Gamma-Gamma.
//
// A part that the data cannot carry (too few rows, a table that is missing) is
// absent, and a note says why.
package outlook
