package trace

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// Tracer makes spans of requests and sends them. It is safe for concurrent use.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   api.Tracer
	headers  propagation.TraceContext
}

// Open returns a tracer that sends to the collector at endpoint, the base of its
// addresses such as http://127.0.0.1:4318. That nobody answers there is no
// error: spans are dropped then, and report is told when sending begins to fail, and
// with nil when it works again. The standard's other settings, such as
// OTEL_TRACES_SAMPLER and OTEL_EXPORTER_OTLP_HEADERS, are read from the environment.
func Open(ctx context.Context, endpoint, service string, report func(error)) (*Tracer, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the collector of traces %q must be an address such as http://127.0.0.1:4318", endpoint)
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(endpoint, "/")+"/v1/traces"))
	if err != nil {
		return nil, fmt.Errorf("preparing to send traces to %s: %w", u.Host, err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(&reporting{SpanExporter: exporter, report: report}),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
	return &Tracer{provider: provider, tracer: provider.Tracer("regulars")}, nil
}

// reporting is an exporter whose failures are reported; the library would print
// each of them past the server's log.
type reporting struct {
	sdk.SpanExporter
	report  func(error)
	failing bool
}

// ExportSpans is called by one goroutine at a time.
func (r *reporting) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := r.SpanExporter.ExportSpans(ctx, spans)
	if failing := err != nil; failing != r.failing {
		r.failing = failing
		r.report(err)
	}
	return nil
}

// Close sends what waits, as long as ctx lasts.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Start begins the span of a request, a child of the one that its traceparent
// (W3C Trace Context) names. The function returned ends it; the context names it.
func (t *Tracer) Start(r *http.Request) (context.Context, func(method, route, requestID string, status int)) {
	ctx := t.headers.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(ctx, "HTTP", api.WithSpanKind(api.SpanKindServer))
	return ctx, func(method, route, requestID string, status int) {
		// Names follow the semantic conventions of OpenTelemetry for HTTP.
		span.SetName(method + " " + route)
		span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route),
			attribute.Int("http.response.status_code", status), attribute.String("http.request.id", requestID))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
