package exposition

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// parsedFamily is a family that was read back. Samples are sorted, so that expositions
// can be compared regardless of their order.
type parsedFamily struct {
	Kind, Help string
	Samples    []string
}

// sampleText returns the canonical form of a sample, with labels sorted by name and all
// digits of the value, including the sign of a zero.
func sampleText(name string, labels [][2]string, v float64) string {
	slices.SortFunc(labels, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	var b strings.Builder
	b.WriteString(name)
	for _, l := range labels {
		fmt.Fprintf(&b, " %s=%q", l[0], l[1])
	}
	return b.String() + " " + strconv.FormatFloat(v, 'g', -1, 64)
}

// readText parses text 0.0.4 with Prometheus' own library.
func readText(t *testing.T, text string) map[string]parsedFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("reference parser: %v in\n%s", err, text)
	}
	return readFamilies(families)
}

func readFamilies(families map[string]*dto.MetricFamily) map[string]parsedFamily {
	all := make(map[string]parsedFamily)
	for name, f := range families {
		r := parsedFamily{Kind: strings.ToLower(f.GetType().String()), Help: f.GetHelp()}
		for _, m := range f.Metric {
			r.Samples = append(r.Samples, samplesOf(name, m)...)
		}
		slices.Sort(r.Samples)
		all[name] = r
	}
	return all
}

func samplesOf(name string, m *dto.Metric) []string {
	labels := func(more ...[2]string) (l [][2]string) {
		for _, p := range m.Label {
			l = append(l, [2]string{p.GetName(), p.GetValue()})
		}
		return append(l, more...)
	}
	switch {
	case m.Counter != nil:
		return []string{sampleText(name, labels(), m.Counter.GetValue())}
	case m.Gauge != nil:
		return []string{sampleText(name, labels(), m.Gauge.GetValue())}
	case m.Histogram != nil:
		h := m.Histogram
		all := []string{
			sampleText(name+"_sum", labels(), h.GetSampleSum()),
			sampleText(name+"_count", labels(), float64(h.GetSampleCount())),
		}
		for _, b := range h.Bucket {
			le := strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)
			all = append(all, sampleText(name+"_bucket", labels([2]string{"le", le}), float64(b.GetCumulativeCount())))
		}
		return all
	}
	if s := m.Summary; s != nil && len(s.Quantile) == 0 {
		return []string{
			sampleText(name+"_sum", labels(), s.GetSampleSum()),
			sampleText(name+"_count", labels(), float64(s.GetSampleCount())),
		}
	}
	return []string{"neither counter, gauge, histogram nor summary: " + m.String()}
}
