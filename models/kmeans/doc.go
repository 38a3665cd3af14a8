// Package kmeans groups the rows of a feature table: k-means++ seeding and
// Lloyd's iterations on standardised columns, the number of groups chosen by
// silhouette. It says in numbers what sets each group apart.
package kmeans
