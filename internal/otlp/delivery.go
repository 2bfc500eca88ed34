package otlp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
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

// errPartial says that the receiver refused some of the data points.
var errPartial = errors.New("the receiver took a part of the data points")

// Export pushes everything and reports how that ended. It returns no error: the
// SDK would tell it to a logger of its own.
func (d *delivery) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	began := time.Now()
	err := d.push(ctx, rm.Resource)
	p := Push{Result: Success, Err: err, Took: time.Since(began)}
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

// answer is how the last request of a push ended: with a status or an error.
type answer struct {
	status int
	err    error
}

// explain says why a part was not delivered, with nothing in it that the
// receiver said: its text may repeat a header.
func (a answer) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(a.err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case a.err != nil:
		return a.err
	case a.status == 0:
		return err // before any request
	case a.status/100 != 2:
		return fmt.Errorf("status %d %s", a.status, http.StatusText(a.status))
	case strings.Contains(err.Error(), partialSuccess):
		return errPartial
	default:
		return fmt.Errorf("status %d, but the answer cannot be read", a.status)
	}
}

// partialSuccess begins the text of the SDK's error, whose type is internal.
const partialSuccess = "OTLP partial success: "
