// Package loyalty makes the loyalty report of a shop at a date:
//
//  1. build: feature tables about the whole shop, and what each customer's stage
//     in the life cycle was then and a span before (features of entity shop and user);
//  2. read them and work out the figures, each with its counts;
//  3. say them as text, JSON or a self-contained HTML page, in English or Chinese.
//
// What the lake has no table for is absent with its reason, never a zero.
package loyalty
