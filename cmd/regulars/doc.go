// Command regulars turns a shop's purchase history into recommendations and
// win-back scores: it imports history, builds features, trains, evaluates,
// publishes, scores, serves, and runs all of that on a schedule.
//
// This package only wires: flags and configuration in, tables and JSON out. What
// a job does lives in training, what a request gets in serving.
package main
