package exposition

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Gather gives everything that is known as client_golang's data model, for what
// is not written line by line. It implements prometheus.Gatherer.
func (r *Registry) Gather() ([]*dto.MetricFamily, error) {
	return gather(func(out io.Writer) error { return r.Write(out, Text) })
}

// Parts gives what Gather gives in parts, for what is converted and sent piece by
// piece: first what is about the exporter and all upstreams together, then some
// upstreams at a time. Each part is as of the moment in which it is gathered.
func (r *Registry) Parts(upstreams int) []prometheus.Gatherer {
	parts := []prometheus.Gatherer{prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		return gather(r.writeExporter)
	})}
	for some := range slices.Chunk(r.registrations(), upstreams) {
		parts = append(parts, prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
			return gather(func(out io.Writer) error { return r.writeRegistrations(out, some) })
		}))
	}
	return parts
}

// OfProcess reports whether the counters of a family are those of this process:
// they start with it, and never begin anew within it.
func OfProcess(name string) bool {
	i := slices.IndexFunc(families, func(f family) bool { return f.name == name })
	return i < 0 || families[i].upstream == nil // those of client_golang are in no table
}

// gather makes client_golang's data model of text that write writes.
func gather(write func(io.Writer) error) ([]*dto.MetricFamily, error) {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return nil, err
	}
	p := expfmt.NewTextParser(model.LegacyValidation)
	byName, err := p.TextToMetricFamilies(&b)
	if err != nil {
		return nil, fmt.Errorf("parse own lines: %w", err)
	}
	all := make([]*dto.MetricFamily, 0, len(byName))
	for _, f := range byName {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return all, nil
}
