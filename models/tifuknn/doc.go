// Package tifuknn predicts the next basket from how often items are in a
// customer's own baskets, older ones counting less, and in those of the
// customers most like them: TIFU-KNN of Hu, He, Gao, Zhang, "Modeling
// Personalized Item Frequency Information for Next-basket Recommendation",
// SIGIR 2020.
package tifuknn
