package api

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Limits of a connection. A client that is slower than this is cut off, so that
// it cannot keep others waiting.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	shutdownGrace     = 30 * time.Second
	maxHeaderBytes    = 64 << 10
)

// Serve answers on ln until ctx ends; then it takes no new connection, lets
// requests in flight finish within 30 s, and returns nil if all did. What goes
// wrong with a connection is logged without the client's address; nil: nowhere.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, logger *slog.Logger) error {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: log.New(connectionLog{logger}, "", 0)}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	err := srv.Shutdown(grace)
	if err != nil {
		err = errors.Join(err, srv.Close())
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// connectionLog passes what net/http says of connections on to a logger.
type connectionLog struct{ log *slog.Logger }

// address is an IP address as net writes it, with or without a port.
var address = regexp.MustCompile(`\[[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(%[^\]\s]*)?\]:\d+|\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b`)

func (l connectionLog) Write(line []byte) (int, error) {
	l.log.Warn("connection", "cause", strings.TrimSpace(address.ReplaceAllString(string(line), "client")))
	return len(line), nil
}
