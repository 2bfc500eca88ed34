//go:build linux

package main

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"
)

// exposition is the body of a scrape in OpenMetrics.
type exposition []byte

// sample is one sample of an exposition; labels include their braces.
type sample struct {
	name, labels string
	value        float64
}

// samples returns the samples whose lines start with a prefix.
func (e exposition) samples(prefix string) iter.Seq[sample] {
	return func(yield func(sample) bool) {
		for line := range bytes.Lines(e) {
			if !bytes.HasPrefix(line, []byte(prefix)) {
				continue
			}
			at := bytes.LastIndexByte(line, ' ')
			v, err := strconv.ParseFloat(string(bytes.TrimSpace(line[at+1:])), 64)
			if err != nil {
				v = math.NaN()
			}
			name, labels, hasLabels := strings.Cut(string(line[:max(at, 0)]), "{")
			if hasLabels {
				labels = "{" + labels
			}
			if !yield(sample{name, labels, v}) {
				return
			}
		}
	}
}

// value returns the value of the first series with a name and labels, or NaN.
func (e exposition) value(name string, labels ...string) float64 {
	for s := range e.samples(name) {
		ok := s.name == name
		for _, l := range labels {
			ok = ok && strings.Contains(s.labels, l)
		}
		if ok {
			return s.value
		}
	}
	return math.NaN()
}

// upstreamsWithData returns the number of upstreams with data.
func (e exposition) upstreamsWithData() int {
	return bytes.Count(e, []byte("\nbetanet_messages_total{")) + bytes.Count(e, []byte("\nbetanet_messages_total "))
}

// lateAndSkipped returns, as text, the number of collections that started more than a
// second late, and the number of skipped collections.
func (e exposition) lateAndSkipped() string {
	const delay = "betanet_exporter_collection_delay_seconds"
	all, onTime := e.value(delay+"_count"), e.value(delay+"_bucket", `le="1.0"`)
	return fmt.Sprintf("%.0f / %.0f", all-onTime, e.value("betanet_exporter_collections_skipped_total"))
}

// overdue returns the number of healthy upstreams that are not up, or have an endpoint
// whose last success was more than an interval and a second before at.
func (e exposition) overdue(at time.Time, healthy func(labels string) bool) int {
	bad := make(map[string]bool)
	for s := range e.samples("betanet_up{") {
		if healthy(s.labels) && s.value != 1 {
			bad[upstream(s.labels)] = true
		}
	}
	for s := range e.samples("betanet_exporter_last_success_timestamp_seconds{") {
		age := float64(at.UnixNano())/1e9 - s.value
		if healthy(s.labels) && !strings.Contains(s.labels, `endpoint="mixnodes"`) && !(age <= (interval + time.Second).Seconds()) {
			bad[upstream(s.labels)] = true
		}
	}
	return len(bad)
}

// upstream returns the value of the label upstream.
func upstream(labels string) string {
	_, rest, _ := strings.Cut(labels, `upstream="`)
	name, _, _ := strings.Cut(rest, `"`)
	return name
}
