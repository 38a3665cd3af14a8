//go:build !openapi

package api

import (
	"net/http"
	"net/http/httptest"
)

// kept asks a handler. With the tag openapi it also compares the answer with
// the description; that needs the modules of a validator.
func kept(h http.Handler, r *http.Request, _ string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
