// Package api is the HTTP face of serving: routes, who may ask them and how
// often, decoding of what comes in, JSON answers, errors as RFC 9457 problems,
// metrics, TLS and the server's limits. What it does not hold itself (job
// history, keys) is injected.
package api
