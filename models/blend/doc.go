// Package blend joins several recommenders, the sources, into one list. What any
// source puts near its top for a customer is a candidate; a learned ranker orders
// the candidates by what the sources say of them and by what is known of item
// and customer. The ranker learns from days that are later than all that its
// sources were fitted on. On days later still the rankers of several learners may
// compete, and the blend gives way to its best source where it does not rank
// better than that.
package blend
