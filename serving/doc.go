// Package serving answers from the current snapshot: it opens it, swaps it for
// the next without losing a request, filters and fills lists so that they are
// never short, and says with every item which strategy chose it.
package serving
