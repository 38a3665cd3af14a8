// Package trace tells a collector of OpenTelemetry about requests: a span each,
// with route and status, sent over HTTP in batches. A span names no customer.
package trace
