// Package popular recommends what most customers buy, all told, lately more than
// before (Trending), or in the customer's own region, channel or segment
// (Groups): the baseline that every other recommender must beat, and the answer
// for customers nobody knows.
package popular
