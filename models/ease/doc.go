// Package ease predicts each item from the other items of a customer by one ridge
// regression for all items at once, in closed form: EASE (Steck 2019,
// "Embarrassingly Shallow Autoencoders for Sparse Data", equation 8), with the
// normalisation of Park et al. 2025 ("Why is Normalization Necessary for
// Linear Recommenders?") as an option.
//
// Up to Options.MaxItems items the full item × item matrix is inverted: items²
// × 4 bytes and items³ operations. A larger catalogue gets one small regression
// an item, on the items that are bought together with it most, as SLIM does
// (Ning, Karypis 2011), with EASE's ridge penalty instead of an iterated lasso.
//
// Both leave a sparse matrix of weights. A history is scored by adding up the rows
// of its items, so newcomers and known customers are served alike.
package ease
