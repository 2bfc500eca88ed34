package otlp

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// startTimes tracks the start time of each cumulative series. In the data model of
// OpenTelemetry ("Resets and Gaps" in specification/metrics/data-model.md), a receiver
// computes rates from two kinds of first points:
//
//   - start = time: the start is unknown, and the value is an offset that does not
//     count. The counters of an upstream start like this, because their start is
//     unknown. The point must arrive ("Cumulative streams: handling unknown start
//     time"): until a push with it has succeeded, each point is sent as the first.
//   - start < time: the counter was zero at the start, and the whole value counts.
//     The counters of the process start like this, and so do the others after a reset.
//     The start is then a millisecond after the last observation before the reset, so
//     that sequences do not overlap, and a sequence of one point can be distinguished
//     from the next.
//
// As in Prometheus, a value that falls is a reset.
type startTimes struct {
	process   *timestamppb.Timestamp // when the process started
	ofProcess func(family string) bool

	known   map[string]*series // whose first point was delivered
	pending []firstPoint       // in the part that is being sent
	push    uint32             // number of the current push
	key     []byte             // scratch buffer
}

// series is the state of a cumulative series.
type series struct {
	start, last *timestamppb.Timestamp // last is the last observation, delivered or not
	value       float64                // of a counter, or the sum of a histogram
	counts      []uint64               // of a histogram: count and buckets
	seen        uint32                 // last push with the series
}

// firstPoint is a series whose first point has not been delivered yet.
type firstPoint struct {
	key string
	series
}

func newStartTimes(process time.Time, ofProcess func(string) bool) *startTimes {
	return &startTimes{process: timestamppb.New(process), ofProcess: ofProcess, known: make(map[string]*series)}
}

// begin starts a push.
func (s *startTimes) begin() { s.push++ }

// stamp sets the time and start time of the metrics in one part of a push. The bridge
// reads both.
func (s *startTimes) stamp(families []*dto.MetricFamily, at time.Time) {
	s.pending = s.pending[:0]
	ms := at.UnixMilli() // the precision of Prometheus
	now := timestamppb.New(time.UnixMilli(ms))
	for _, f := range families {
		ofProcess := s.ofProcess(f.GetName())
		for _, m := range f.Metric {
			m.TimestampMs = &ms
			start := s.process
			switch {
			case m.Counter != nil:
				if !ofProcess {
					start = s.startOf(f.GetName(), m.Label, now, m.Counter.GetValue(), nil)
				}
				m.Counter.CreatedTimestamp = start
			case m.Histogram != nil:
				if !ofProcess {
					start = s.startOf(f.GetName(), m.Label, now, m.Histogram.GetSampleSum(), counts(m.Histogram))
				}
				m.Histogram.CreatedTimestamp = start
			case m.Summary != nil:
				m.Summary.CreatedTimestamp = start
			}
		}
	}
}

// startOf returns the start time of a series, given its current value, and records the
// observation.
func (s *startTimes) startOf(name string, labels []*dto.LabelPair, now *timestamppb.Timestamp, value float64, counts []uint64) *timestamppb.Timestamp {
	s.key = append(s.key[:0], name...)
	for _, l := range labels {
		s.key = append(append(s.key, 0xff), l.GetName()...) // 0xff does not occur in UTF-8
		s.key = append(append(s.key, 0xff), l.GetValue()...)
	}
	k := s.known[string(s.key)]
	switch {
	case k == nil || before(now, k.start): // unknown, or the clock was set back
		delete(s.known, string(s.key))
		s.pending = append(s.pending, firstPoint{string(s.key), series{start: now, last: now, value: value, counts: counts, seen: s.push}})
		return now
	case value < k.value || decreased(counts, k.counts):
		k.start = timestamppb.New(k.last.AsTime().Add(time.Millisecond))
		if before(now, k.start) {
			k.start = now
		}
	}
	k.last, k.value, k.counts, k.seen = now, value, counts, s.push
	return k.start
}

// delivered records that the receiver has accepted the last stamped part.
func (s *startTimes) delivered() {
	for i := range s.pending {
		s.known[s.pending[i].key] = &s.pending[i].series
	}
	s.pending = nil // do not reuse its memory, which known points to
}

// complete ends a push that sent all parts. It forgets the series that were in none of
// them.
func (s *startTimes) complete() {
	for key, k := range s.known {
		if k.seen != s.push {
			delete(s.known, key)
		}
	}
}

// counts returns the count of a histogram and the cumulative counts of its buckets.
func counts(h *dto.Histogram) []uint64 {
	all := make([]uint64, 0, len(h.Bucket)+1)
	all = append(all, h.GetSampleCount())
	for _, b := range h.Bucket {
		all = append(all, b.GetCumulativeCount())
	}
	return all
}

// decreased reports whether a count has decreased, or the number of buckets has changed.
func decreased(now, before []uint64) bool {
	if len(now) != len(before) {
		return true
	}
	for i := range now {
		if now[i] < before[i] {
			return true
		}
	}
	return false
}

func before(a, b *timestamppb.Timestamp) bool { return a.AsTime().Before(b.AsTime()) }

// timestampingGatherer gathers a part for the bridge and stamps its metrics.
type timestampingGatherer struct {
	starts *startTimes
	part   prometheus.Gatherer
	err    error // of the last Gather; the bridge would log it with its own logger
}

// Gather implements prometheus.Gatherer. It sets g.err instead of returning an error.
func (g *timestampingGatherer) Gather() ([]*dto.MetricFamily, error) {
	at := time.Now()
	var families []*dto.MetricFamily
	if families, g.err = g.part.Gather(); g.err != nil {
		return nil, nil
	}
	g.starts.stamp(families, at)
	return families, nil
}
