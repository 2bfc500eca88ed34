package exposition

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Gather returns all families in client_golang's data model. It implements
// prometheus.Gatherer.
func (r *Registry) Gather() ([]*dto.MetricFamily, error) {
	return gather(func(out io.Writer) error { return r.Write(out, Text) })
}

// Parts returns the families of Gather in parts, so that they can be converted and sent
// part by part: first the families of the exporter, the fleet and client_golang, then
// parts with up to the given number of upstreams, at least 1. A part has the values at the
// time it is gathered.
func (r *Registry) Parts(upstreams int) []prometheus.Gatherer {
	parts := []prometheus.Gatherer{prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		return gather(func(out io.Writer) error { return r.write(out, Text, OfProcess) })
	})}
	for chunk := range slices.Chunk(r.registrations(), upstreams) {
		parts = append(parts, prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			return gather(func(out io.Writer) error { return r.writeUpstreams(out, Text, chunk) })
		}))
	}
	return parts
}

// OfProcess reports whether the counters of a family start with this process and are
// never reset while it runs.
func OfProcess(name string) bool {
	i := slices.IndexFunc(families, func(f family) bool { return f.name == name })
	return i < 0 || families[i].upstream == nil // i < 0: a family of client_golang
}

// gather converts the text that write writes to client_golang's data model.
func gather(write func(io.Writer) error) ([]*dto.MetricFamily, error) {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return nil, err
	}
	p := expfmt.NewTextParser(model.LegacyValidation)
	byName, err := p.TextToMetricFamilies(&b)
	if err != nil {
		return nil, fmt.Errorf("parse the exposition: %w", err)
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) }), nil
}
