// Package spectral recommends by a graph filter: the history of a customer is a
// signal on the graph of items bought by the same people, and is smoothed along
// its edges. There is no training but a few eigenvectors.
//
// With R the users × items matrix of interactions, n_u and n_i the distinct items
// of a user and users of an item, and A = n_u^−UserNorm · R · n_i^−½, scaled so
// that the largest eigenvalue of AᵀA is 1, the scores of a history x are
//
//	x · n_i^−HistoryNorm · F(AᵀA) · n_i^ScoreNorm,   F(λ) = λ − Sharpening·λ² + Smoothing
//
// where the linear term is exact and the other two act on the eigenvectors of the
// largest eigenvalues. The linear filter and the low-pass are those of Shen et al.
// 2021 ("How Powerful is Graph Convolution for Recommendation?", GF-CF); sharpening
// after Choi et al. 2023 ("Blurring-Sharpening Process Models for Collaborative
// Filtering", BSPM), one step of it, which takes back what everybody has in common;
// the exponents after Peng et al. 2024 ("How Powerful is Graph Filtering for
// Recommendation", SGFCF), where they are shown to matter as much as the filter.
//
// What is kept is F as a sparse item × item matrix, on pairs of items that
// somebody has both of, so that a score takes a few thousand additions and
// newcomers and known customers are served alike.
package spectral
