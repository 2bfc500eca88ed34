package otlp

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// startTimes knows from when on each cumulative series counts. The data model of
// OpenTelemetry ("Resets and Gaps" in specification/metrics/data-model.md) has
// two kinds of beginnings, and a receiver takes its traffic from them:
//
//   - start = time: the start is unknown, the value is an offset and no traffic.
//     So begin the counters of an upstream, whose start nobody tells us. It holds
//     only if that first point arrives ("Cumulative streams: handling unknown start
//     time"): until a push with it has succeeded, each is the first again.
//   - start < time: the counter was zero then, the whole value is traffic. So do
//     the counters of the process begin, and others after a fall: a millisecond
//     after the last observation before it, so that sequences do not overlap, and
//     one of a single point is told from the next.
//
// A counter that falls is what Prometheus takes for a reset too.
type startTimes struct {
	process   *timestamppb.Timestamp
	ofProcess func(family string) bool

	known   map[string]*series
	pending []firstPoint // of the part that is on its way
	push    uint32       // number of the current one
	key     []byte       // working memory
}

// series is what is remembered of one whose first point has arrived.
type series struct {
	start, last *timestamppb.Timestamp // last observation, delivered or not
	value       float64                // of a counter, or the sum of a histogram
	counts      []uint64               // of a histogram: all, and its buckets
	seen        uint32                 // push that last had it
}

// firstPoint is a series of which the receiver knows nothing yet.
type firstPoint struct {
	key string
	series
}

func newStartTimes(process time.Time, ofProcess func(string) bool) *startTimes {
	return &startTimes{process: timestamppb.New(process), ofProcess: ofProcess, known: make(map[string]*series)}
}

// begin begins a push.
func (s *startTimes) begin() {
	s.push++
	s.pending = s.pending[:0]
}

// stamp writes into metrics when they were observed and since when they count.
// The bridge takes both from there.
func (s *startTimes) stamp(families []*dto.MetricFamily, at time.Time) {
	s.pending = s.pending[:0]
	ms := at.UnixMilli() // what the data model of Prometheus can say
	now := timestamppb.New(time.UnixMilli(ms))
	for _, f := range families {
		ofProcess := s.ofProcess(f.GetName())
		for _, m := range f.Metric {
			m.TimestampMs = &ms
			start := s.process
			switch {
			case m.Counter != nil:
				if !ofProcess {
					start = s.of(f.GetName(), m.Label, now, m.Counter.GetValue(), nil)
				}
				m.Counter.CreatedTimestamp = start
			case m.Histogram != nil:
				if !ofProcess {
					start = s.of(f.GetName(), m.Label, now, m.Histogram.GetSampleSum(), counts(m.Histogram))
				}
				m.Histogram.CreatedTimestamp = start
			case m.Summary != nil:
				m.Summary.CreatedTimestamp = start
			}
		}
	}
}

// of is since when a series counts that has a value now.
func (s *startTimes) of(name string, labels []*dto.LabelPair, now *timestamppb.Timestamp, value float64, counts []uint64) *timestamppb.Timestamp {
	s.key = append(s.key[:0], name...)
	for _, l := range labels {
		s.key = append(append(s.key, 0xff), l.GetName()...) // no byte of UTF-8
		s.key = append(append(s.key, 0xff), l.GetValue()...)
	}
	k := s.known[string(s.key)]
	switch {
	case k == nil || before(now, k.start): // unknown, or the clock was put back
		if k != nil {
			delete(s.known, string(s.key))
		}
		s.pending = append(s.pending, firstPoint{string(s.key), series{start: now, last: now, value: value, counts: counts, seen: s.push}})
		return now
	case value < k.value || fell(counts, k.counts):
		k.start = timestamppb.New(k.last.AsTime().Add(time.Millisecond))
		if before(now, k.start) {
			k.start = now
		}
	}
	k.last, k.value, k.counts, k.seen = now, value, counts, s.push
	return k.start
}

// arrived says that the receiver has taken what was stamped last.
func (s *startTimes) arrived() {
	for i := range s.pending {
		s.known[s.pending[i].key] = &s.pending[i].series
	}
	s.pending = nil // its memory is in use
}

// complete forgets the series that the push did not have, after all its parts.
func (s *startTimes) complete() {
	for key, k := range s.known {
		if k.seen != s.push {
			delete(s.known, key)
		}
	}
}

func counts(h *dto.Histogram) []uint64 {
	all := make([]uint64, 0, len(h.Bucket)+1)
	all = append(all, h.GetSampleCount())
	for _, b := range h.Bucket {
		all = append(all, b.GetCumulativeCount())
	}
	return all
}

// fell reports whether a count is less than it was, or whether the buckets are
// others.
func fell(now, before []uint64) bool {
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

// timestampingGatherer is the gatherer that the bridge reads: a part with its stamps.
type timestampingGatherer struct {
	starts *startTimes
	part   prometheus.Gatherer
	err    error // of the last gathering; the bridge would tell it to a logger of its own
}

// Gather implements prometheus.Gatherer.
func (g *timestampingGatherer) Gather() ([]*dto.MetricFamily, error) {
	at := time.Now()
	var families []*dto.MetricFamily
	if families, g.err = g.part.Gather(); g.err != nil {
		return nil, nil
	}
	g.starts.stamp(families, at)
	return families, nil
}
