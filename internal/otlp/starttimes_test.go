package otlp

import (
	"fmt"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// point is a data point of a counter.
type point struct {
	start, time int64 // Unix milliseconds
	value       float64
}

// observe stamps a counter of an upstream and returns its data point. The counter is
// absent if value is nil.
func observe(s *startTimes, at int64, value *float64) *point {
	s.begin()
	var families []*dto.MetricFamily
	m := &dto.Metric{Label: []*dto.LabelPair{{Name: proto.String("upstream"), Value: proto.String("a")}}}
	if value != nil {
		m.Counter = &dto.Counter{Value: value}
		families = append(families, &dto.MetricFamily{Name: proto.String("betanet_messages_total"), Metric: []*dto.Metric{m}})
	}
	s.stamp(families, time.UnixMilli(at))
	if value == nil {
		return nil
	}
	return &point{m.Counter.CreatedTimestamp.AsTime().UnixMilli(), m.GetTimestampMs(), *value}
}

// deliver is like observe, but the push succeeds.
func deliver(s *startTimes, at int64, value *float64) *point {
	p := observe(s, at, value)
	s.delivered()
	s.complete()
	return p
}

func never(string) bool  { return false }
func always(string) bool { return true }

var processStart = time.UnixMilli(500)

func TestStartTimesOfACounter(t *testing.T) {
	type step struct {
		at           int64
		value        float64
		start        int64 // expected
		lost, absent bool
	}
	for name, c := range map[string]struct {
		ofProcess func(string) bool
		steps     []step
	}{
		"the first point of an upstream is an offset, and a reset starts after the last observation": {never, []step{
			{at: 1000, value: 5000, start: 1000},
			{at: 2000, value: 5000, start: 1000},
			{at: 3000, value: 6000, start: 1000},
			{at: 4000, value: 10, start: 3001},
			{at: 5000, value: 9, start: 4001},
			{at: 6000, value: 9, start: 4001},
		}},
		"a first point that is lost is followed by another first point": {never, []step{
			{at: 1000, value: 5000, start: 1000, lost: true},
			{at: 2000, value: 5000, start: 2000},
			{at: 3000, value: 5000, start: 2000},
		}},
		"a counter that disappears is forgotten": {never, []step{
			{at: 1000, value: 5000, start: 1000},
			{at: 2000, absent: true},
			{at: 3000, value: 5000, start: 3000},
		}},
		"a counter of the process starts with it": {always, []step{{at: 1000, value: 7, start: processStart.UnixMilli()}}},
		"a clock that is set back, before the start and before the last observation": {never, []step{
			{at: 5000, value: 10, start: 5000},
			{at: 1000, value: 10, start: 1000},
			{at: 3000, value: 10, start: 1000},
			{at: 2000, value: 5, start: 2000},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStartTimes(processStart, c.ofProcess)
			for _, step := range c.steps {
				value := &step.value
				if step.absent {
					value = nil
				}
				got := observe(s, step.at, value)
				if !step.lost {
					s.delivered()
					s.complete()
				}
				if want := (point{step.start, step.at, step.value}); got != nil && *got != want {
					t.Errorf("got %v, want %v", *got, want)
				}
				if (step.absent || c.ofProcess("")) && len(s.known)+len(s.pending) > 0 {
					t.Errorf("at %d: got %d series known and %d pending, want none", step.at, len(s.known), len(s.pending))
				}
			}
		})
	}
}

func TestHistogramIsResetWhenAnyPartFalls(t *testing.T) {
	full := dto.Histogram{SampleCount: proto.Uint64(3), SampleSum: proto.Float64(2), Bucket: []*dto.Bucket{
		{UpperBound: proto.Float64(1), CumulativeCount: proto.Uint64(2)},
	}}
	for name, change := range map[string]func(*dto.Histogram){
		"count":  func(h *dto.Histogram) { h.SampleCount = proto.Uint64(2) },
		"sum":    func(h *dto.Histogram) { h.SampleSum = proto.Float64(1) },
		"bucket": func(h *dto.Histogram) { h.Bucket[0].CumulativeCount = proto.Uint64(1) },
		"bounds": func(h *dto.Histogram) { h.Bucket = nil },
	} {
		s := newStartTimes(processStart, never)
		stamp := func(h *dto.Histogram, at int64) int64 {
			s.begin()
			s.stamp([]*dto.MetricFamily{{Name: proto.String("h"), Metric: []*dto.Metric{{Histogram: h}}}}, time.UnixMilli(at))
			s.delivered()
			return h.CreatedTimestamp.AsTime().UnixMilli()
		}
		stamp(proto.Clone(&full).(*dto.Histogram), 1000)
		if got := stamp(proto.Clone(&full).(*dto.Histogram), 2000); got != 1000 {
			t.Errorf("nothing fell: got start %d, want 1000", got)
		}
		h := proto.Clone(&full).(*dto.Histogram)
		change(h)
		if got := stamp(h, 3000); got != 2001 {
			t.Errorf("%s changed: got start %d, want 2001, after the last observation", name, got)
		}
	}
}

// traffic computes the increase that a receiver sees according to the data model.
type traffic struct {
	last *point
	sum  float64
}

func (r *traffic) receive(p point) error {
	switch {
	case p.start > p.time:
		return fmt.Errorf("point %v starts after its time", p)
	case r.last != nil && p.start == r.last.start:
		if p.value < r.last.value {
			return fmt.Errorf("point %v falls after %v without a new start", p, *r.last)
		}
		r.sum += p.value - r.last.value
	case r.last != nil && p.start < r.last.time:
		return fmt.Errorf("point %v overlaps %v", p, *r.last)
	case p.start < p.time:
		r.sum += p.value
	}
	r.last = &p
	return nil
}

// TestReceiversSeeTheTrafficThatPrometheusSees draws histories of a counter, with lost
// pushes and restarts of the exporter. A receiver must compute the increase between
// observations, as Prometheus does, since the first point that arrived. Increases
// before a reset are lost if their push is lost, and a restart adds nothing.
func TestReceiversSeeTheTrafficThatPrometheusSees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStartTimes(processStart, never)
		var r traffic
		var want, waiting, before float64 // waiting is the increase since the last push that arrived
		known, present := false, true
		value, at := rapid.Float64Range(0, 1e6).Draw(t, "value"), int64(1000)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			at += rapid.Int64Range(2, 1000).Draw(t, "ms")
			switch rapid.SampledFrom([]string{"grow", "grow", "rest", "reset", "restart", "vanish", "appear"}).Draw(t, "event") {
			case "grow":
				value += float64(rapid.IntRange(1, 1000).Draw(t, "by"))
			case "reset":
				value = float64(rapid.IntRange(0, 100).Draw(t, "from"))
			case "restart":
				s, known, waiting = newStartTimes(processStart, never), false, 0
			case "vanish":
				present = false
			case "appear":
				present = true
			}
			arrives := rapid.Bool().Draw(t, "arrives")
			if !present {
				if arrives {
					deliver(s, at, nil)
					known, waiting = false, 0
				} else {
					observe(s, at, nil)
				}
				continue
			}
			switch {
			case !known:
			case value < before:
				waiting = value
			default:
				waiting += value - before
			}
			before = value
			v := value
			if !arrives {
				observe(s, at, &v)
				continue
			}
			if err := r.receive(*deliver(s, at, &v)); err != nil {
				t.Fatal(err)
			}
			known = true
			want, waiting = want+waiting, 0
			if diff := r.sum - want; diff > 1e-6 || diff < -1e-6 {
				t.Fatalf("increase computed by the receiver: got %v, want %v", r.sum, want)
			}
		}
	})
}
