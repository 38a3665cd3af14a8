// Package popular recommends what most customers buy: the baseline that every
// other recommender must beat, and the answer for customers nobody knows.
package popular
