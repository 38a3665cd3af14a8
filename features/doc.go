// Package features holds the definitions of everything Regulars knows about a
// customer or an item at a date, and the contract of the engine that computes it.
//
// A feature group is one SQL file below sql/<entity>/ whose header of comments
// documents it: entity, needed lake tables, and every output column with type,
// unit and meaning. Parse reads such a file, Lint holds it to the subset of SQL
// that runs alike on two engines, Catalogue returns the shipped groups, Load adds
// the shop's own. An Engine (features/duck) runs them over views that are already
// cut at as_of:
//
//   - orders, events, consents, contacts, feedback: records with ts before as_of,
//     with day, local_day, local_hour and local_dow of ts;
//   - items, users: the one row of each id that was valid before as_of. A row
//     without valid_from counts as the oldest; its mutable columns (price, unit_cost,
//     in_stock, tags; tier, points, personalization_opt_out) and any column that the
//     contract of the lake does not know are null, because they say what is true
//     today. Who signs up at as_of or later is absent;
//   - promotions: those that began before as_of;
//   - shared relations (sql/shared), for groups that say "-- uses:".
//
// Any other timestamp of a record is null unless it lies before as_of, and has its
// UTC epoch day beside it (opened_at and opened_at_day). Every view has as_of and
// as_of_day. user_id and referrer_id are those of the person, whatever id the
// record carries.
package features
