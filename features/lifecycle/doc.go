// Package lifecycle names the states of the customer life cycle, which the
// feature group user/lifecycle computes and documents, and places them in the
// taxonomies that marketers use, in Chinese and English.
package lifecycle
