// Package ials factorises who bought what by implicit alternating least squares:
// Hu, Koren, Volinsky 2008, with the unobserved weight and the frequency-scaled
// regularisation of Rendle, Krichene, Zhang, Koren 2021 ("Revisiting the
// Performance of iALS on Item Recommendation Benchmarks"), and above 128 factors
// the block coordinates of the same authors' "iALS++: Speeding up Matrix
// Factorization with Subspace Optimization".
//
// A customer is folded in by one closed-form solve against the item factors, so
// the model holds no user and known customers and newcomers are served alike.
package ials
