// Package privacy finds and erases everything that a workspace holds of a person.
//
// An erasure is recorded before anything is touched (state.DB), together with
// every id of the person: from then on they are served as an unknown customer
// and their rows are refused. The work itself needs the workspace's lock and is
// made of steps that may be repeated, so that a kill at any moment is mended by
// the next holder of the lock:
//
//  1. count what each place holds, and record that;
//  2. take the person out of each place;
//  3. look again: nothing may be left;
//  4. write the receipt, and forget whom it was about.
package privacy
