// Package bpr factorises who bought what by Bayesian personalised ranking
// (Rendle, Freudenthaler, Gantner, Schmidt-Thieme 2009): stochastic gradient
// steps on sampled pairs, an item the user has above one that they have not. It
// is the sampled-ranking model that others are compared with.
//
// Users and items are cut into blocks, and workers take blocks that share
// neither (Gemulla, Nijkamp, Haas, Sismanis 2011), so that the result does not
// depend on how many there are. A customer is folded in by maximising the same
// criterion over their factors alone.
package bpr
