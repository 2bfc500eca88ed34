//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// plainText is the Accept header for the format that the reference can read.
const plainText = "text/plain;version=0.0.4"

// serveReference runs the reference: a typical exporter with the same series, whose
// collector creates constant metrics for each scrape.
func serveReference(arg string) error {
	addr, path, _ := strings.Cut(arg, ",")
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the exporter's metrics: %w", err)
	}
	c := &reference{descs: make(map[string]*prometheus.Desc)}
	for _, f := range families {
		for _, m := range f.Metric {
			c.add(f, m)
		}
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(c); err != nil {
		return err
	}
	return http.ListenAndServe(addr, promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
}

// reference is a collector with all values and descriptions in memory.
type reference struct {
	descs   map[string]*prometheus.Desc
	metrics []func() prometheus.Metric
}

// add adds a series of the exporter.
func (c *reference) add(f *dto.MetricFamily, m *dto.Metric) {
	var names, values []string
	for _, l := range m.Label {
		names, values = append(names, l.GetName()), append(values, l.GetValue())
	}
	key := f.GetName() + "{" + strings.Join(names, ",")
	d := c.descs[key]
	if d == nil {
		d = prometheus.NewDesc(f.GetName(), f.GetHelp(), names, nil)
		c.descs[key] = d
	}
	c.metrics = append(c.metrics, func() prometheus.Metric { return constant(d, f.GetType(), m, values) })
}

func constant(d *prometheus.Desc, kind dto.MetricType, m *dto.Metric, labels []string) prometheus.Metric {
	switch kind {
	case dto.MetricType_COUNTER:
		return prometheus.MustNewConstMetric(d, prometheus.CounterValue, m.GetCounter().GetValue(), labels...)
	case dto.MetricType_GAUGE:
		return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, m.GetGauge().GetValue(), labels...)
	case dto.MetricType_HISTOGRAM:
		h := m.GetHistogram()
		buckets := make(map[float64]uint64, len(h.Bucket))
		for _, b := range h.Bucket {
			if !math.IsInf(b.GetUpperBound(), 1) {
				buckets[b.GetUpperBound()] = b.GetCumulativeCount()
			}
		}
		return prometheus.MustNewConstHistogram(d, h.GetSampleCount(), h.GetSampleSum(), buckets, labels...)
	case dto.MetricType_SUMMARY:
		s := m.GetSummary()
		quantiles := make(map[float64]float64, len(s.Quantile))
		for _, q := range s.Quantile {
			quantiles[q.GetQuantile()] = q.GetValue()
		}
		return prometheus.MustNewConstSummary(d, s.GetSampleCount(), s.GetSampleSum(), quantiles, labels...)
	default:
		return prometheus.MustNewConstMetric(d, prometheus.UntypedValue, m.GetUntyped().GetValue(), labels...)
	}
}

// Describe sends the descriptions in sorted order.
func (c *reference) Describe(to chan<- *prometheus.Desc) {
	var keys []string
	for key := range c.descs {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		to <- c.descs[key]
	}
}

// Collect creates and sends all metrics.
func (c *reference) Collect(to chan<- prometheus.Metric) {
	for _, m := range c.metrics {
		to <- m()
	}
}
