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

// delivery is what the SDK's reader takes for its exporter. The reader keeps the
// time and gives the resource; the metrics are gathered here, part by part, so
// that a push of many upstreams has one part in memory and not all.
type delivery struct {
	metric.Exporter // that of the SDK, which sends and retries
	line            *line
	starts          *starts
	gatherer        *stamped
	producer        metric.Producer
	parts           func() []prometheus.Gatherer
	report          func(Push)
}

func newDelivery(e metric.Exporter, l *line, o Options) *delivery {
	d := &delivery{Exporter: e, line: l, starts: newStarts(o.Started, o.OfProcess), parts: o.Parts, report: o.Report}
	d.gatherer = &stamped{starts: d.starts}
	d.producer = bridge.NewMetricProducer(bridge.WithGatherer(d.gatherer))
	return d
}

// Export pushes everything and reports how that ended, unless the receiver has
// asked for no push yet. It returns no error: the SDK would tell it to a logger of
// its own.
func (d *delivery) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	began := time.Now()
	if began.Before(d.line.notBefore) {
		return nil
	}
	d.line.until, _ = ctx.Deadline()
	err := d.push(ctx, rm.Resource)
	p := Push{Result: Success, Err: err, Took: time.Since(began), RetryAfter: time.Until(d.line.notBefore)}
	switch {
	case errors.Is(err, errPartial):
		p.Result = Partial
	case err != nil && errors.Is(context.Cause(ctx), context.Canceled):
		return nil // the process ends; what was cut off here is pushed once more
	case err != nil:
		p.Result = Failure
	}
	d.report(p)
	return nil
}

// push sends all parts. A part of which the receiver took only some is no reason
// to keep the others back; any other failure would meet them too.
func (d *delivery) push(ctx context.Context, r *resource.Resource) error {
	d.starts.begin()
	var partial error
	for _, part := range d.parts() {
		switch err := d.send(ctx, r, part); {
		case errors.Is(err, errPartial):
			partial = err
		case err != nil:
			return err
		default:
			d.starts.arrived()
		}
	}
	d.starts.complete()
	return partial
}

func (d *delivery) send(ctx context.Context, r *resource.Resource, part prometheus.Gatherer) error {
	d.gatherer.part = part
	produced, err := d.producer.Produce(ctx)
	if err = errors.Join(err, d.gatherer.err); err != nil {
		return fmt.Errorf("gather: %w", err)
	}
	if len(produced) == 0 {
		return nil
	}
	d.line.last = answer{}
	err = d.Exporter.Export(ctx, &metricdata.ResourceMetrics{Resource: r, ScopeMetrics: produced})
	return d.line.last.explain(err)
}
