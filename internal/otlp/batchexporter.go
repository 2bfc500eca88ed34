package otlp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// batchExporter is called by the SDK's periodic reader with an empty batch. It gathers
// and sends the metrics part by part, so that only one part is in memory at a time.
type batchExporter struct {
	metric.Exporter // the SDK's exporter, which sends and retries
	transport       *recordingTransport
	starts          *startTimes
	gatherer        *timestampingGatherer
	producer        metric.Producer
	parts           func() []prometheus.Gatherer
	report          func(Push)
}

func newBatchExporter(e metric.Exporter, t *recordingTransport, o Options) *batchExporter {
	b := &batchExporter{Exporter: e, transport: t, starts: newStartTimes(o.Started, o.OfProcess), parts: o.Parts, report: o.Report}
	b.gatherer = &timestampingGatherer{starts: b.starts}
	b.producer = bridge.NewMetricProducer(bridge.WithGatherer(b.gatherer))
	return b
}

// Export pushes all parts and reports the result. It does nothing before the receiver's
// Retry-After is over. It always returns nil, because the SDK would log an error with its
// own logger.
func (b *batchExporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	began := time.Now()
	if began.Before(b.transport.notBefore) {
		return nil
	}
	b.transport.deadline, _ = ctx.Deadline()
	err := b.push(ctx, rm.Resource)
	p := Push{Result: Success, Err: err, Took: time.Since(began), RetryAfter: time.Until(b.transport.notBefore)}
	switch {
	case errors.Is(err, errPartial):
		p.Result = Partial
	case err != nil && errors.Is(context.Cause(ctx), context.Canceled):
		return nil // the process is ending; a last push follows
	case err != nil:
		p.Result = Failure
	}
	b.report(p)
	return nil
}

// push sends all parts. It continues after a partial success, but not after any other
// failure, which would probably affect the following parts too.
func (b *batchExporter) push(ctx context.Context, r *resource.Resource) error {
	b.starts.begin()
	var partial error
	for _, part := range b.parts() {
		switch err := b.send(ctx, r, part); {
		case errors.Is(err, errPartial):
			partial = err
		case err != nil:
			return err
		default:
			b.starts.delivered()
		}
	}
	b.starts.complete()
	return partial
}

// send gathers and sends one part.
func (b *batchExporter) send(ctx context.Context, r *resource.Resource, part prometheus.Gatherer) error {
	b.gatherer.part = part
	produced, err := b.producer.Produce(ctx)
	if err = errors.Join(err, b.gatherer.err); err != nil {
		return fmt.Errorf("gather: %w", err)
	}
	if len(produced) == 0 {
		return nil
	}
	b.transport.last = outcome{}
	err = b.Exporter.Export(ctx, &metricdata.ResourceMetrics{Resource: r, ScopeMetrics: produced})
	return b.transport.last.explain(err)
}
