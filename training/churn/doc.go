// Package churn finds out who is leaving: it chooses among classifiers what the
// data can carry, calibrates it on rows that it has not seen and for the season
// that it speaks of, reports on untouched rows, and says why.
//
//  1. Choose fits every recipe on the training rows and judges it on the choice
//     rows, a horizon later, by the log loss of cross-fitted calibrated probabilities.
//  2. Test fits the choices again on all rows known at the test day and reports.
//  3. Refit shifts the protocol by one horizon and makes what is published.
//
// Rows are read and models stored by package training.
package churn
