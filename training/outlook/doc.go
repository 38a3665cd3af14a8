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
// A part that the data cannot carry (too few rows, a table that is missing) is
// absent, and a note says why.
package outlook
