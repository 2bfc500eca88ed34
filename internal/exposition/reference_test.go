package exposition

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// The reference is client_golang: our registry writes the views of a scenario, and
// client_golang's encoders write the const metrics expected for them.

// expectations are the expected const metrics.
type expectations struct{ metrics []expectation }

type expectation struct {
	family int // in the catalogue
	metric prometheus.Metric
}

// Describe sends nothing, so that Gather makes all checks.
func (*expectations) Describe(chan<- *prometheus.Desc) {}

// Collect sends the expected metrics.
func (l *expectations) Collect(c chan<- prometheus.Metric) {
	for _, e := range l.metrics {
		c <- e.metric
	}
}

// pairs are alternating label names and values.
type pairs []string

func (p pairs) and(more ...string) pairs { return append(slices.Clone(p), more...) }

func (p pairs) split() (names, values []string) {
	for i := 0; i < len(p); i += 2 {
		names, values = append(names, p[i]), append(values, p[i+1])
	}
	return names, values
}

// describe returns the index of a family in the catalogue, and the descriptor and label
// values of a metric.
func describe(name string, labels pairs) (family int, desc *prometheus.Desc, values []string) {
	names, values := labels.split()
	for i, f := range catalogue {
		if f.name == name {
			return i, prometheus.NewDesc(name, f.help, names, nil), values
		}
	}
	panic(name + " is not in the catalogue")
}

// expect adds an expected counter or gauge.
func (l *expectations) expect(name string, v float64, labels pairs) {
	i, desc, values := describe(name, labels)
	kind := prometheus.GaugeValue
	if catalogue[i].kind == "counter" {
		kind = prometheus.CounterValue
	}
	l.metrics = append(l.metrics, expectation{i, prometheus.MustNewConstMetric(desc, kind, v, values...)})
}

// expectHistogram adds an expected histogram with the given observations.
func (l *expectations) expectHistogram(name string, seconds []float64, labels pairs) {
	i, desc, values := describe(name, labels)
	buckets, sum := make(map[float64]uint64), 0.0
	for _, s := range seconds {
		sum += s
	}
	for _, bound := range []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5} {
		buckets[bound] = 0
		for _, s := range seconds {
			if s <= bound {
				buckets[bound]++
			}
		}
	}
	l.metrics = append(l.metrics, expectation{i, prometheus.MustNewConstHistogram(desc, uint64(len(seconds)), sum, buckets, values...)})
}

// expectSummary adds an expected summary without quantiles.
func (l *expectations) expectSummary(name string, sum float64, count uint64, labels pairs) {
	i, desc, values := describe(name, labels)
	l.metrics = append(l.metrics, expectation{i, prometheus.MustNewConstSummary(desc, count, sum, nil, values...)})
}

// gather returns the families in client_golang's order.
func (l *expectations) gather(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(l)
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// inOrder returns the families in our order. Gather would sort their samples by label
// values.
func (l *expectations) inOrder(t *testing.T) (all []*dto.MetricFamily) {
	t.Helper()
	slices.SortStableFunc(l.metrics, func(a, b expectation) int { return cmp.Compare(a.family, b.family) })
	for i, e := range l.metrics {
		if i == 0 || l.metrics[i-1].family != e.family {
			c := catalogue[e.family]
			all = append(all, &dto.MetricFamily{Name: &c.name, Help: &c.help, Type: dto.MetricType(dto.MetricType_value[strings.ToUpper(c.kind)]).Enum()})
		}
		m := new(dto.Metric)
		if err := e.metric.Write(m); err != nil {
			t.Fatal(err)
		}
		last := all[len(all)-1]
		last.Metric = append(last.Metric, m)
	}
	return all
}

// encode encodes families with client_golang.
func encode(t *testing.T, families []*dto.MetricFamily, f expfmt.Format) string {
	t.Helper()
	var b bytes.Buffer
	e := expfmt.NewEncoder(&b, f)
	for _, family := range families {
		if err := e.Encode(family); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.(expfmt.Closer).Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// compare compares the registry's text formats with client_golang's.
func (s *scenario) compare(t *testing.T) {
	t.Helper()
	wanted := s.gather(t)
	ours := text(t, s.registry, Text)
	got := readText(t, ours)
	if diff := gocmp.Diff(readText(t, encode(t, wanted, expfmt.FmtText)), got); diff != "" {
		t.Errorf("text 0.0.4 (-client_golang +ours):\n%s", diff)
	}
	om, err := readOpenMetrics(encode(t, wanted, expfmt.FmtOpenMetrics_1_0_0))
	if err != nil {
		t.Fatalf("client_golang's OpenMetrics: %v", err)
	}
	gotOM, err := readOpenMetrics(text(t, s.registry, OpenMetrics))
	if err != nil {
		t.Fatalf("our OpenMetrics: %v", err)
	}
	if diff := gocmp.Diff(om, gotOM); diff != "" {
		t.Errorf("OpenMetrics 1.0 (-client_golang +ours):\n%s", diff)
	}
}

// This test compares names, labels, values, types and help of every sample, for a fleet
// and for one upstream with numbers of any size. It omits the families that client_golang
// writes.
func TestEverySampleMatchesClientGolang(t *testing.T) {
	for seed := range uint64(40) {
		s := newScenario(seed)
		if seed%2 == 0 {
			s.small = true // sums of floats are exact only below 2^53
			for condition := range numConditions {
				s.addV1(fmt.Sprint("v", condition, s.special()), condition)
				s.addMixnodes(fmt.Sprint("m", condition, s.special()), condition)
			}
			s.expectFleetTotals()
		} else {
			s.addV1("", int(seed/2)%numConditions)
		}
		s.countEvents()
		s.compare(t)
		if t.Failed() {
			t.Fatalf("failed with seed %d", seed)
		}
	}
}

// This test compares the bytes of text 0.0.4. Numbers are below 10^6, because
// client_golang writes 1e+06 where we write 1000000: plain digits show a counter as the
// upstream sent it, even beyond 2^53. Samples of a family are in our order, because
// client_golang's registry would sort them.
func TestUpstreamTextEqualsClientGolang(t *testing.T) {
	for seed := range uint64(40) {
		s := newScenario(seed)
		s.small, s.ordered = true, true
		name := []string{"", "u" + s.special()}[seed/2%2]
		if seed%2 == 0 {
			s.addV1(name, int(seed/4)%numConditions)
		} else {
			s.addMixnodes(name, int(seed/4)%numConditions)
		}
		var ours bytes.Buffer
		if err := s.registry.WriteUpstreams(&ours, Text); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(encode(t, s.inOrder(t), expfmt.FmtText), ours.String()); diff != "" {
			t.Fatalf("seed %d (-client_golang +ours):\n%s", seed, diff)
		}
	}
}
