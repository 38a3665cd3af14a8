// Package forest is a random forest (Breiman 2001), or a single decision tree,
// grown by golearn's ID3 with a seeded split rule of our own. The trees are flattened into plain arrays at
// once: nothing of golearn is left in a model.
package forest
