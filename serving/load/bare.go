package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"regulars/serving/api"
)

// requestID is as long as those that the server makes up.
const requestID = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// bodies are what the bare handler answers, by method and route as gin writes it.
type bodies map[string]string

// bare answers with nothing but those bytes until ctx ends, headers and all, behind
// the same deadlines: what any server built on gin costs at least. It prints its
// address.
func bare(ctx context.Context, in io.Reader, out io.Writer) error {
	var answers bodies
	if err := json.NewDecoder(in).Decode(&answers); err != nil {
		return fmt.Errorf("reading the answers: %w", err)
	}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	for _, r := range routes {
		body := []byte(answers[r.method+" "+r.path])
		e.Handle(r.method, r.path, func(c *gin.Context) {
			c.Header("Cache-Control", "no-store")
			c.Header("X-Request-Id", requestID)
			c.Data(http.StatusOK, "application/json; charset=utf-8", body)
		})
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, ln.Addr()); err != nil {
		return err
	}
	return api.Serve(ctx, ln, e, nil)
}

// routes are those that are measured.
var routes = []struct{ method, path string }{
	{"GET", "/v1/users/:id/recommendations"},
	{"GET", "/v1/users/:id/scores"},
	{"GET", "/healthz"},
	{"POST", "/v1/recommendations"},
	{"POST", "/v1/items/update"},
}

// patience is how long a server may take to begin.
const patience = time.Minute
