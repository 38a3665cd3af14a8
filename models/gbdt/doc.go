// Package gbdt grows gradient-boosted decision trees on histograms of binned
// features and scores with them. A model is written and read in LightGBM's text
// format: what is trained here predicts the same there, and the reverse.
//
// Trees grow leaf by leaf, the split of highest gain first (Ke et al. 2017,
// "LightGBM", and Friedman 2001 for the boosting). Gradients are rounded to a
// fixed-point number that is chosen for each tree so that no sum can overflow;
// sums of them are exact integers, so that neither the number of workers nor the
// subtraction of a sibling's histogram changes a single bit of the model.
package gbdt
