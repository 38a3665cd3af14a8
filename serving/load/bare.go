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
)

// bodies are what the bare handler answers, by method and route as gin writes it.
type bodies map[string]string

// bare answers with nothing but those bytes until ctx ends: what any server built
// on gin costs at least. It prints its address.
func bare(ctx context.Context, in io.Reader, out io.Writer) error {
	var answers bodies
	if err := json.NewDecoder(in).Decode(&answers); err != nil {
		return fmt.Errorf("reading the answers: %w", err)
	}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	for _, r := range routes {
		body := []byte(answers[r.method+" "+r.path])
		e.Handle(r.method, r.path, func(c *gin.Context) { c.Data(http.StatusOK, "application/json; charset=utf-8", body) })
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, ln.Addr()); err != nil {
		return err
	}
	srv := &http.Server{Handler: e, ReadHeaderTimeout: stuck}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(ln); ctx.Err() == nil {
		return err
	}
	return nil
}

// routes are those that are measured.
var routes = []struct{ method, path string }{
	{"GET", "/v1/users/:id/recommendations"},
	{"GET", "/v1/users/:id/scores"},
	{"POST", "/v1/recommendations"},
	{"POST", "/v1/items/update"},
}

// patience is how long a server may take to begin.
const patience = time.Minute
