// Package otlp pushes the series of /metrics with OTLP over HTTP. It uses the
// OpenTelemetry SDK and its Prometheus bridge, and adds the start time of each series,
// which neither of them sets.
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

// flushTime limits the last push, so that the program exits within a second.
const flushTime = 500 * time.Millisecond

// Options configure a Pusher.
type Options struct {
	// Parts returns the metrics to push, in parts that are gathered and sent one at a
	// time.
	Parts func() []prometheus.Gatherer
	// OfProcess reports whether the counters of a family start with the process, at
	// Started, and are never reset.
	OfProcess func(family string) bool
	Started   time.Time

	Endpoint *url.URL      // with its path
	Interval time.Duration // between two pushes
	Timeout  time.Duration // of one request
	Gzip     bool
	TLS      TLS
	// Headers returns the headers of a request. It is called for each request.
	Headers func() (map[string]string, error)

	Version  string // service.version
	Instance string // service.instance.id; does not change with a restart

	// Report is called after each push.
	Report func(Push)
}

// Push reports how a push ended.
type Push struct {
	Result Result
	Err    error // nil for a success; contains no headers and no part of a response except its content type
	Took   time.Duration
	// RetryAfter is the time until the receiver allows the next push. It is positive only
	// if the receiver sent Retry-After.
	RetryAfter time.Duration
}

// Result is the result of a push.
type Result string

// The results.
const (
	Success Result = "success"
	Partial Result = "partial" // the receiver rejected some of the data points, or sent a warning
	Failure Result = "failure"
)

// A Pusher pushes metrics once per interval.
type Pusher struct {
	o        Options
	resource *resource.Resource
	exporter *batchExporter
	close    func() // closes idle connections
}

// New returns a pusher. The standard variables OTEL_RESOURCE_ATTRIBUTES and
// OTEL_SERVICE_NAME add or replace attributes of the resource.
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

// newPusher returns a pusher that sends its requests with rt.
func newPusher(o Options, r *resource.Resource, rt http.RoundTripper) (*Pusher, error) {
	recording := &recordingTransport{next: rt, headers: o.Headers}
	compression := otlpmetrichttp.NoCompression
	if o.Gzip {
		compression = otlpmetrichttp.GzipCompression
	}
	exporter, err := otlpmetrichttp.New(context.Background(),
		otlpmetrichttp.WithEndpointURL(o.Endpoint.String()),
		otlpmetrichttp.WithCompression(compression),
		// Override the variables that the SDK reads itself: Settings has applied them.
		otlpmetrichttp.WithHeaders(nil),
		otlpmetrichttp.WithTLSClientConfig(nil),
		otlpmetrichttp.WithHTTPClient(&http.Client{
			Transport: recording, Timeout: o.Timeout,
			// Do not send headers with secrets to another URL.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("create the OTLP exporter: %w", err)
	}
	return &Pusher{o, r, newBatchExporter(exporter, recording, o), (&http.Client{Transport: rt}).CloseIdleConnections}, nil
}

// Run pushes until ctx ends, and then once more. Pushes do not overlap. The timeout
// of a push is the interval or the timeout of a request, whichever is longer. Run may be
// called only once.
func (p *Pusher) Run(ctx context.Context) {
	reader := metric.NewPeriodicReader(p.exporter,
		metric.WithInterval(p.o.Interval), metric.WithTimeout(max(p.o.Interval, p.o.Timeout)))
	provider := metric.NewMeterProvider(metric.WithReader(reader), metric.WithResource(p.resource))
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	_ = provider.Shutdown(end) // Report has received the result of the last push
	p.close()
}
