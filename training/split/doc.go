// Package split cuts history by time, so that what a model is tested on always
// lies after what it has learned from.
package split
