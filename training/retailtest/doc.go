// Package retailtest reads Online Retail II for tests, and measures recommenders
// on it by time: those that need the files skip where they are not beside the
// project.
package retailtest
