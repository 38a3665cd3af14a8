// Package itemknn recommends the neighbours of what a customer bought: items
// that the same customers buy, weighted by cosine, BM25 or RP3β. It keeps the
// nearest neighbours of every item, so known customers, newcomers and baskets
// are scored alike, and it can name the purchase that speaks for an item.
package itemknn
