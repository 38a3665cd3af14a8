// Package api is the HTTP face of serving: routes, decoding of what comes in,
// JSON answers, errors as RFC 9457 problems, metrics and the server's limits.
// What it does not hold itself (job history) is injected.
package api
