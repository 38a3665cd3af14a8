// Package features holds the definitions of everything Regulars knows about a
// customer or an item at a date, and the contract of the engine that computes it.
//
// A feature group is one SQL file below sql/<entity>/ whose header of comments
// documents it: entity, needed lake tables, and every output column with type,
// unit and meaning. Parse reads such a file, Lint holds it to the subset of SQL
// that runs alike on two engines, Catalogue returns the shipped groups. An
// Engine (features/duck) runs them over views that are already cut at as_of.
package features
