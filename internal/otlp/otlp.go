// Package otlp pushes the series of /metrics to a receiver of OTLP over HTTP,
// with the SDK of OpenTelemetry and its Prometheus bridge. What it adds is when
// each series began to count, which neither of them can know.
package otlp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// flushTime is how long the last push may take, of the second in which the
// program ends.
const flushTime = 500 * time.Millisecond

// Options are how to push, and what.
type Options struct {
	// Parts gives what to push, in parts that are gathered and sent one after the
	// other.
	Parts func() []prometheus.Gatherer
	// OfProcess reports whether the counters of a family count since the process
	// started, at Started, and never begin anew within it.
	OfProcess func(family string) bool
	Started   time.Time

	Endpoint *url.URL      // with its path
	Interval time.Duration // between two pushes
	Timeout  time.Duration // of one request
	Gzip     bool
	TLS      TLS
	// Headers are those of each request. They are asked for each time.
	Headers func() (map[string]string, error)

	Version  string // of the service
	Instance string // which of them it is; the same after a restart

	// Report is told how each push ended.
	Report func(Push)
}

// Push is how one push ended.
type Push struct {
	Result Result
	Err    error // nil for a success; holds no header and nothing that the receiver wrote but a content type
	Took   time.Duration
	// RetryAfter is how long the receiver asked to be left alone: until then there
	// is no push. It is not positive if it did not ask.
	RetryAfter time.Duration
}

// Result is what became of a push.
type Result string

// The results.
const (
	Success Result = "success"
	Partial Result = "partial" // the receiver took a part of it
	Failure Result = "failure"
)

// Pusher pushes at each interval. It shares nothing with scrapes and collecting
// but the views that both read.
type Pusher struct {
	o        Options
	resource *resource.Resource
	exporter *batchExporter
	close    func() // connections
}

// New makes a pusher. The standard variables OTEL_RESOURCE_ATTRIBUTES and
// OTEL_SERVICE_NAME add to what the resource says of itself, or replace it.
func New(o Options) (*Pusher, error) {
	named, err := resource.New(context.Background(),
		resource.WithTelemetrySDK(),
		resource.WithAttributes(
			attribute.String("service.name", "betanet_exporter"),
			attribute.String("service.version", o.Version),
			attribute.String("service.instance.id", o.Instance),
		),
		resource.WithFromEnv(),
	)
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: use key=value, separated by commas: %w", err)
	}
	rt, err := newTransport(o.TLS)
	if err != nil {
		return nil, err
	}
	return newPusher(o, named, rt)
}

// newPusher makes a pusher that makes its requests with rt.
func newPusher(o Options, r *resource.Resource, rt http.RoundTripper) (*Pusher, error) {
	recording := &recordingTransport{next: rt, headers: o.Headers}
	compression := otlpmetrichttp.NoCompression
	if o.Gzip {
		compression = otlpmetrichttp.GzipCompression
	}
	exporter, err := otlpmetrichttp.New(context.Background(),
		otlpmetrichttp.WithEndpointURL(o.Endpoint.String()),
		otlpmetrichttp.WithCompression(compression),
		// The SDK reads variables by itself; what holds has been decided.
		otlpmetrichttp.WithHeaders(nil),
		otlpmetrichttp.WithTLSClientConfig(nil),
		otlpmetrichttp.WithHTTPClient(&http.Client{
			Transport: recording, Timeout: o.Timeout,
			// Headers with secrets go where they were meant to go, or nowhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("make the OTLP exporter: %w", err)
	}
	return &Pusher{o, r, newBatchExporter(exporter, recording, o), (&http.Client{Transport: rt}).CloseIdleConnections}, nil
}

// Run pushes until ctx ends, and then once more. A push ends before the next
// begins; it has the time of an interval or of one request, whichever is longer.
func (p *Pusher) Run(ctx context.Context) {
	reader := metric.NewPeriodicReader(p.exporter,
		metric.WithInterval(p.o.Interval), metric.WithTimeout(max(p.o.Interval, p.o.Timeout)))
	provider := metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(p.resource))
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	_ = provider.Shutdown(end) // the last push has been reported
	p.close()
}
