// Package training turns a lake into published models and a snapshot that the
// server answers from. One run at a date D goes through these steps, each a
// file of this package:
//
//  1. features: build the feature tables at D and at the protocol's earlier dates.
//  2. train: fit every recipe on rows that end before the choice slice.
//  3. evaluate: choose on the slice at D−2H, fix the choice, then report on the
//     untouched slice at D−H, beside the baselines, with intervals.
//  4. gate: refuse what the baselines beat.
//  5. publish: fit the chosen recipe again on everything up to D and store it as
//     a version; it becomes the champion.
//  6. score: apply the champions to every customer and publish a snapshot.
//
// The package knows no flags and prints nothing: progress and notes are values.
package training
