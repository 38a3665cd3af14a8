// Command load measures the server: it publishes a synthetic snapshot, starts
// the real `regulars serve` on it, asks it and a bare handler that writes the
// same bytes in turns, and prints the ratios. It is no part of the product; run
// it by `make bench-serving`.
//
// One program plays three parts, each in a process of its own:
//
//  1. bench, which starts the others, the server included, and prints;
//  2. client, which sends what a plan on its input says, and prints what it saw;
//  3. bare, which answers from memory what it was given on its input.
package main
