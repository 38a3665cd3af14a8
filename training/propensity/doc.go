// Package propensity compares classifiers on a labelled table of any kind, and
// raises the alarm where a column tells the label in a way it could not at the
// time of scoring.
//
//  1. NewTask says which columns of train are features and which are not.
//  2. An encoding, learned from rows of train alone, turns them into numbers.
//  3. Alarm names columns that leak.
//  4. Each family is fitted on the earlier part of train; the later part decides
//     how long to learn and whether to calibrate.
//  5. It is fitted again on all of train and measured on test.
package propensity
