// Package models states what a trained model can be asked, in two small
// interfaces, and the errors that all models share. Each algorithm lives in a
// package of its own below this one; a model is numbers and pure methods:
// reading and writing files belongs to models/artifact, time splits and metrics
// to training.
package models
