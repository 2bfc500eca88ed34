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

// The reference is client_golang: the views of a scenario are written by our registry,
// and the const metrics expected of them by client_golang's encoders.

// expectations are the expected const metrics.
type expectations struct{ metrics []expectation }

type expectation struct {
	family int // in the catalogue
	metric prometheus.Metric
}

// Describe sends nothing, which leaves all checks to Gather.
func (*expectations) Describe(chan<- *prometheus.Desc) {}

// Collect sends the expected metrics.
func (l *expectations) Collect(c chan<- prometheus.Metric) {
	for _, e := range l.metrics {
		c <- e.metric
	}
}

// pairs are alternating names and values of labels.
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

// add expects a counter or a gauge.
func (l *expectations) add(name string, v float64, labels pairs) {
	i, desc, values := describe(name, labels)
	kind := prometheus.GaugeValue
	if catalogue[i].kind == "counter" {
		kind = prometheus.CounterValue
	}
	l.metrics = append(l.metrics, expectation{i, prometheus.MustNewConstMetric(desc, kind, v, values...)})
}

// observed expects a histogram with one observation for each of seconds.
func (l *expectations) observed(name string, seconds []float64, labels pairs) {
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

// summary expects a summary without quantiles.
func (l *expectations) summary(name string, sum float64, count uint64, labels pairs) {
	i, desc, values := describe(name, labels)
	l.metrics = append(l.metrics, expectation{i, prometheus.MustNewConstSummary(desc, count, sum, nil, values...)})
}

// gathered returns the families in the order of client_golang.
func (l *expectations) gathered(t *testing.T) []*dto.MetricFamily {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(l)
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// inOrder returns the families in our order, where Gather would sort the samples by the
// values of labels.
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

func (s *scenario) compare(t *testing.T) {
	t.Helper()
	wanted := s.gathered(t)
	ours := text(t, s.registry, Text)
	got := readText(t, ours)
	if diff := gocmp.Diff(readText(t, encode(t, wanted, expfmt.FmtText)), got); diff != "" {
		t.Errorf("text 0.0.4 (-client_golang +ours):\n%s", diff)
	}
	om, err := readOpenMetrics(encode(t, wanted, expfmt.FmtOpenMetrics_1_0_0))
	if err != nil {
		t.Fatalf("OpenMetrics of client_golang: %v", err)
	}
	gotOM, err := readOpenMetrics(text(t, s.registry, OpenMetrics))
	if err != nil {
		t.Fatalf("OpenMetrics: %v", err)
	}
	if diff := gocmp.Diff(om, gotOM); diff != "" {
		t.Errorf("OpenMetrics 1.0 (-client_golang +ours):\n%s", diff)
	}
}

// Compare names, labels, values, types and help of every sample for a fleet and for one
// upstream with numbers of any size. The families that client_golang writes are left out.
func TestEverySampleMatchesClientGolang(t *testing.T) {
	for seed := range uint64(40) {
		s := newScenario(seed)
		if seed%2 == 0 {
			s.small = true // sums of floats are exact below 2^53 only
			for condition := range numConditions {
				s.v1(fmt.Sprint("v", condition, s.odd()), condition)
				s.mixnodes(fmt.Sprint("m", condition, s.odd()), condition)
			}
			s.fleetTotals()
		} else {
			s.v1("", int(seed/2)%numConditions)
		}
		s.exporter()
		s.compare(t)
		if t.Failed() {
			t.Fatalf("in the scenario of seed %d", seed)
		}
	}
}

// Compare the bytes in text 0.0.4. Numbers are below 10^6, because client_golang writes
// 1e+06 where we write 1000000: a counter in plain digits is what the upstream sent,
// even beyond 2^53. Samples of a family are in our order, because client_golang's
// registry would sort them.
func TestTheTextOfAnUpstreamEqualsClientGolangs(t *testing.T) {
	for seed := range uint64(40) {
		s := newScenario(seed)
		s.small, s.ordered = true, true
		name := []string{"", "u" + s.odd()}[seed/2%2]
		if seed%2 == 0 {
			s.v1(name, int(seed/4)%numConditions)
		} else {
			s.mixnodes(name, int(seed/4)%numConditions)
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
