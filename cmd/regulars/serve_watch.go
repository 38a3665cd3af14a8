package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"regulars/serving/api"
	"regulars/serving/trace"
)

// logFormat returns what makes a handler of serve.log_format.
func logFormat(name string) func(io.Writer) slog.Handler {
	if name == "json" {
		return func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }
	}
	return func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }
}

// apiOptions gathers what the handler is made of.
func (s *server) apiOptions(ctx context.Context, traces tracer) api.Options {
	o := api.Options{Store: s.store, Jobs: s.history(), Privacy: s.erasures(), Models: modelRegistry{s.workspace}, Keys: s.access(), Local: true, Rate: s.rate, Lang: s.lang, Logger: s.log,
		LogPaths: s.watched.LogIDs, MaxAge: time.Duration(s.watched.ReadyMaxAge), Audiences: s.audiences,
		Intake: &s.intake, Queued: s.intake.waiting, Placements: s.placing.set, Reports: s.reports(), Shown: s.placing.log}
	if s.scheduler != nil {
		o.Runner = jobRunner{s.scheduler, ctx}
	}
	if traces.Tracer != nil {
		o.Tracer = traces.Tracer
	}
	return o
}

// watchAge warns when what is served gets old. Only what was loaded can be.
func (s *server) watchAge(ctx context.Context) {
	api.WatchAge(ctx, s.store, time.Duration(s.watched.StaleAfter), s.log)
}

// tracer sends traces, or is empty where none are wanted.
type tracer struct{ *trace.Tracer }

// envOTLP is the standard's own name for serve.otlp_endpoint.
const envOTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"

func (s *server) openTraces() (tracer, error) {
	endpoint, from := s.watched.OTLPEndpoint, "serve.otlp_endpoint"
	if endpoint == "" {
		endpoint, from = os.Getenv(envOTLP), envOTLP
	}
	if endpoint == "" {
		return tracer{}, nil
	}
	t, err := trace.Open(context.Background(), endpoint, "regulars", s.reportTraces)
	if err != nil {
		return tracer{}, fmt.Errorf("%s: %w", from, err)
	}
	s.log.Info("traces are sent", "as", from+" says")
	return tracer{t}, nil
}

func (s *server) reportTraces(err error) {
	if err != nil {
		s.log.Warn("traces are not sent; everything is answered", "error", err)
		return
	}
	s.log.Info("traces are sent again")
}

// sendGrace is how long the last spans may take on their way.
const sendGrace = 5 * time.Second

// close sends the last spans. That they cannot be sent is logged, and no reason to fail.
func (t tracer) close(log *slog.Logger) {
	if t.Tracer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendGrace)
	defer cancel()
	if err := t.Close(ctx); err != nil {
		log.Warn("the last traces were not sent", "error", err)
	}
}
