package otlp

import (
	"fmt"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// point is what a receiver sees of a counter.
type point struct {
	start, time int64 // Unix milliseconds
	value       float64
}

// observe stamps one counter of an upstream as of a moment, and gives what the
// bridge makes of it. No value is a counter that is not there.
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

// deliver observes and says that the receiver has taken it.
func deliver(s *startTimes, at int64, value *float64) *point {
	p := observe(s, at, value)
	s.arrived()
	s.complete()
	return p
}

func never(string) bool  { return false }
func always(string) bool { return true }

var processStart = time.UnixMilli(500)

func TestAnUpstreamsCounterBeginsWithItsFirstPoint(t *testing.T) {
	s := newStartTimes(processStart, never)
	for _, c := range []struct {
		at    int64
		value float64
		start int64
	}{
		{1000, 5000, 1000}, // unknown start: the value is an offset
		{2000, 5000, 1000},
		{3000, 6000, 1000},
		{4000, 10, 3001}, // fell: zero after the last observation
		{5000, 9, 4001},
		{6000, 9, 4001},
	} {
		if got, want := *deliver(s, c.at, &c.value), (point{c.start, c.at, c.value}); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestAFirstPointThatDidNotArriveIsFirstAgain(t *testing.T) {
	s := newStartTimes(processStart, never)
	value := 5000.0
	observe(s, 1000, &value)
	if got := observe(s, 2000, &value); got.start != 2000 {
		t.Errorf("after a lost push the start is %d, want the time 2000", got.start)
	}
	s.arrived()
	if got := observe(s, 3000, &value); got.start != 2000 {
		t.Errorf("after one that arrived the start is %d, want its 2000", got.start)
	}
}

func TestACounterThatVanishedBeginsAnewAndIsForgotten(t *testing.T) {
	s := newStartTimes(processStart, never)
	value := 5000.0
	deliver(s, 1000, &value)
	deliver(s, 2000, nil)
	if len(s.known) != 0 || len(s.pending) != 0 {
		t.Errorf("%d series are remembered, %d waited for, want none", len(s.known), len(s.pending))
	}
	if got := deliver(s, 3000, &value); got.start != 3000 {
		t.Errorf("the start is %d, want the time 3000", got.start)
	}
}

func TestCountersOfTheProcessBeginWithIt(t *testing.T) {
	s := newStartTimes(processStart, always)
	value := 7.0
	if got := deliver(s, 1000, &value); got.start != processStart.UnixMilli() {
		t.Errorf("the start is %d, want that of the process", got.start)
	}
	if len(s.known) != 0 {
		t.Errorf("%d series are remembered, want none", len(s.known))
	}
}

func TestAClockThatIsPutBackMakesNoStartAfterThePoint(t *testing.T) {
	s := newStartTimes(processStart, never)
	high, low := 10.0, 5.0
	deliver(s, 5000, &high)
	if got := deliver(s, 1000, &high); got.start != 1000 {
		t.Errorf("before its start: got start %d, want the time 1000", got.start)
	}
	deliver(s, 3000, &high)
	if got := deliver(s, 2000, &low); got.start != 2000 {
		t.Errorf("a fall before the last observation: got start %d, want the time 2000", got.start)
	}
}

func TestAHistogramIsResetWhenAnyOfItFalls(t *testing.T) {
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
			s.arrived()
			return h.CreatedTimestamp.AsTime().UnixMilli()
		}
		stamp(proto.Clone(&full).(*dto.Histogram), 1000)
		if got := stamp(proto.Clone(&full).(*dto.Histogram), 2000); got != 1000 {
			t.Errorf("nothing fell: start %d, want 1000", got)
		}
		h := proto.Clone(&full).(*dto.Histogram)
		change(h)
		if got := stamp(h, 3000); got != 2001 {
			t.Errorf("%s fell: start %d, want 2001, after the last observation", name, got)
		}
	}
}

// traffic adds up what a receiver takes for traffic, by the data model alone.
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

// TestReceiversSeeTheTrafficThatPrometheusSees plays any history of an upstream,
// of pushes that arrive or not, and of restarts of the exporter. What a receiver
// adds up is the increase between observations, as Prometheus has it, since the
// first that arrived; what was lost before a reset is lost; and a restart of the
// exporter adds nothing.
func TestReceiversSeeTheTrafficThatPrometheusSees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStartTimes(processStart, never)
		var r traffic
		var want, waiting, before float64 // waiting for a push that arrives
		known, there := false, true
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
				there = false
			case "appear":
				there = true
			}
			arrives := rapid.Bool().Draw(t, "arrives")
			if !there {
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
				t.Fatalf("the receiver has seen traffic of %v, want %v", r.sum, want)
			}
		}
	})
}
