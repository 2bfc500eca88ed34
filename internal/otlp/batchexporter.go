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

// batchExporter is the exporter of the SDK's reader, which keeps the time and
// provides the resource. The metrics are gathered here, part by part, so that a push
// of many upstreams has one part in memory and not all.
type batchExporter struct {
	metric.Exporter // that of the SDK, which sends and retries
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

// Export pushes everything and reports how that ended, unless the receiver has
// asked for no push yet. It returns no error: the SDK would tell it to a logger of
// its own.
func (b *batchExporter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	began := time.Now()
	if began.Before(b.transport.notBefore) {
		return nil
	}
	b.transport.until, _ = ctx.Deadline()
	err := b.push(ctx, rm.Resource)
	p := Push{Result: Success, Err: err, Took: time.Since(began), RetryAfter: time.Until(b.transport.notBefore)}
	switch {
	case errors.Is(err, errPartial):
		p.Result = Partial
	case err != nil && errors.Is(context.Cause(ctx), context.Canceled):
		return nil // the process ends; what was cut off here is pushed once more
	case err != nil:
		p.Result = Failure
	}
	b.report(p)
	return nil
}

// push sends all parts. A part of which the receiver took only some is no reason
// to keep the others back; any other failure would meet them too.
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
			b.starts.arrived()
		}
	}
	b.starts.complete()
	return partial
}

func (b *batchExporter) send(ctx context.Context, r *resource.Resource, part prometheus.Gatherer) error {
	b.gatherer.part = part
	produced, err := b.producer.Produce(ctx)
	if err = errors.Join(err, b.gatherer.err); err != nil {
		return fmt.Errorf("gather: %w", err)
	}
	if len(produced) == 0 {
		return nil
	}
	b.transport.last = answer{}
	err = b.Exporter.Export(ctx, &metricdata.ResourceMetrics{Resource: r, ScopeMetrics: produced})
	return b.transport.last.explain(err)
}
