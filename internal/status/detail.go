package status

import (
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/status/history"
)

// maxMixnodes is the maximum number of mixnodes in the JSON of an upstream.
const maxMixnodes = 1000

// detailStatus is the response of /api/v1/status/upstream/NAME, and the data of the
// page of an upstream.
type detailStatus struct {
	Version string    `json:"version"`
	Time    time.Time `json:"time"`
	upstreamStatus
	IntervalSeconds float64            `json:"collect_interval_seconds"`
	Labels          map[string]string  `json:"labels,omitempty"` // configured or discovered
	Standby         []standbyStatus    `json:"standby,omitempty"`
	Switches        uint64             `json:"replica_switches,omitempty"`
	Latency         *latencyStatus     `json:"latency,omitempty"`
	Mixnodes        []mixnodeStatus    `json:"mixnodes,omitempty"` // at most maxMixnodes
	Omitted         *uint64            `json:"mixnodes_omitted,omitempty"`
	Incidents       []history.Incident `json:"incidents"`
	Events          []history.Event    `json:"events,omitempty"`
}

// standbyStatus is an endpoint of a replica that is not in use.
type standbyStatus struct {
	Replica  string `json:"replica"`
	Endpoint string `json:"endpoint"`
	Breaker  string `json:"breaker"`
	Tried    bool   `json:"tried"`
}

// latencyStatus is the histogram betanet_message_latency_seconds. With API v1, each
// document adds one observation, its average. With API mixnodes, each pair of consecutive
// documents adds the mean latency of the packets between them.
type latencyStatus struct {
	Count   uint64         `json:"count"`
	Sum     float64        `json:"sum_seconds"`
	Buckets []bucketStatus `json:"buckets"`
}

// bucketStatus is a cumulative bucket of a histogram.
type bucketStatus struct {
	Bound float64 `json:"le_seconds"`
	Count uint64  `json:"count"`
}

// mixnodeStatus is one mixnode. A field is nil if the document lacks it.
type mixnodeStatus struct {
	ID             string   `json:"id"`
	Status         string   `json:"status"`
	Active         bool     `json:"active"`
	Processed      uint64   `json:"packets_processed_total"`
	Forwarded      *uint64  `json:"packets_forwarded_total,omitempty"`
	Dropped        *uint64  `json:"packets_dropped_total,omitempty"`
	UptimeSeconds  *uint64  `json:"uptime_seconds,omitempty"`
	LatencySeconds *float64 `json:"average_latency_seconds,omitempty"`
}

func (m *Model) newDetail(e *entry, hour *history.Hour, now time.Time) detailStatus {
	v := e.view
	d := detailStatus{
		Version: m.Version, Time: now, upstreamStatus: newUpstreamWithHistory(e, hour, now),
		IntervalSeconds: v.Upstream.Settings.Interval.Seconds(), Switches: v.Switches, Events: m.History.Events.Last(upstreamEvents, e.name),
	}
	d.History = hour.States[:]
	d.Incidents, _ = m.History.Incidents(e.name, now)
	for _, l := range v.Upstream.Labels {
		if d.Labels == nil {
			d.Labels = make(map[string]string)
		}
		d.Labels[l.Name] = l.Value
	}
	for _, s := range v.Standby {
		d.Standby = append(d.Standby, standbyStatus{s.Replica, s.Endpoint.String(), s.Breaker.String(), s.Tried})
	}
	values := v.Values(now)
	d.Latency = newLatency(values.Latency)
	if values.Mixnodes != nil {
		d.Omitted = new(uint64(max(0, len(values.Mixnodes)-maxMixnodes)))
	}
	for i := range min(len(values.Mixnodes), maxMixnodes) {
		m := &values.Mixnodes[i]
		node := mixnodeStatus{
			m.ID, m.Status, m.Active(), m.Get(betanet.PacketsProcessed), m.Uint(betanet.PacketsForwarded), m.Uint(betanet.PacketsDropped), m.Uint(betanet.Uptime), nil,
		}
		if seconds, ok := m.Metric(betanet.AvgLatency); ok {
			node.LatencySeconds = &seconds
		}
		d.Mixnodes = append(d.Mixnodes, node)
	}
	return d
}

func newLatency(h *dto.Histogram) *latencyStatus {
	if h == nil {
		return nil
	}
	l := &latencyStatus{Count: h.GetSampleCount(), Sum: h.GetSampleSum()}
	for _, b := range h.Bucket {
		l.Buckets = append(l.Buckets, bucketStatus{b.GetUpperBound(), b.GetCumulativeCount()})
	}
	return l
}

// Ranges describes how many latencies are in each non-empty bucket.
func (l *latencyStatus) Ranges() (all []string) {
	below, lower := uint64(0), "up to "
	for _, b := range l.Buckets {
		bound := strconv.FormatFloat(b.Bound*1000, 'g', -1, 64)
		if b.Count > below {
			all = append(all, grouped(b.Count-below)+" "+lower+bound+nbsp+"ms")
		}
		below, lower = b.Count, "from "+bound+" to "
	}
	if l.Count > below {
		all = append(all, grouped(l.Count-below)+" longer")
	}
	return all
}

// LossText formats the share of packets that the mixnode dropped.
func (m mixnodeStatus) LossText() string {
	if m.Dropped == nil || m.Processed == 0 {
		return unknown
	}
	return percent(float64(*m.Dropped) / float64(m.Processed))
}
