// Package personal recommends to customers what they themselves buy again and
// again, older purchases counting less, and fills up with what is popular.
package personal
