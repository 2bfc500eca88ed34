package exposition

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// decode parses delimited messages with Prometheus' own library.
func decode(t *testing.T, b []byte) map[string]*dto.MetricFamily {
	t.Helper()
	all := make(map[string]*dto.MetricFamily)
	d := expfmt.NewDecoder(bytes.NewReader(b), expfmt.FmtProtoDelim)
	for {
		f := new(dto.MetricFamily)
		switch err := d.Decode(f); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("decode: %v after %d families", err, len(all))
		case all[f.GetName()] != nil:
			t.Fatalf("duplicate family %s", f.GetName())
		}
		all[f.GetName()] = f
	}
}

func write(t *testing.T, r *Registry, f Format, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b, f, names...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withoutInf removes the +Inf buckets, which the protobuf format omits.
func withoutInf(all map[string]parsedFamily) map[string]parsedFamily {
	for name, r := range all {
		r.Samples = slices.DeleteFunc(r.Samples, func(s string) bool { return strings.Contains(s, `le="+Inf"`) })
		all[name] = r
	}
	return all
}

func TestProtobufHasTheSamplesOfTheTextFormat(t *testing.T) {
	for seed := range uint64(40) {
		s := newScenario(seed)
		for condition := range numConditions {
			s.addV1(fmt.Sprint("v", condition, s.special()), condition)
			s.addMixnodes(fmt.Sprint("m", condition, s.special()), condition)
		}
		s.countEvents()
		got := readFamilies(decode(t, write(t, s.registry, Protobuf)))
		want := withoutInf(readText(t, string(write(t, s.registry, Text))))
		foreign := func(name string, _ parsedFamily) bool { return !strings.HasPrefix(name, "betanet_") }
		maps.DeleteFunc(got, foreign)
		maps.DeleteFunc(want, foreign)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d (-text +protobuf):\n%s", seed, diff)
		}
	}
}

func TestProtobufHasTheFamiliesOfTheProcess(t *testing.T) {
	all := decode(t, write(t, neverExpiring(v1View(newUpstream("a"), at)), Protobuf))
	for _, name := range []string{"go_goroutines", "process_start_time_seconds", "betanet_exporter_build_info", "go_gc_duration_seconds"} {
		if all[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestProtobufHistogramsAreClassicAndNative(t *testing.T) {
	u := newUpstream("a")
	u.Labels = []fleet.Label{{Name: "region", Value: `e"u`}}
	r := neverExpiring(v1View(u, at))
	r.Exporter.Attempt(betanet.Metrics, "", 3*time.Millisecond)
	all := decode(t, write(t, r, Protobuf))
	for name, count := range map[string]uint64{
		"betanet_message_latency_seconds": 1, "betanet_exporter_request_duration_seconds": 3, "betanet_exporter_collection_delay_seconds": 1,
	} {
		if len(all[name].GetMetric()) != 1 {
			t.Fatalf("%s: got %v, want one metric", name, all[name])
		}
		h := all[name].Metric[0].Histogram
		var native, bucket int64
		for _, delta := range h.PositiveDelta {
			bucket += delta
			native += bucket
		}
		if h.GetSchema() != 3 || native != int64(count) || h.GetSampleCount() != count || len(h.Bucket) != len(fleet.Buckets) {
			t.Errorf("%s: got %v, want %d observations in native and in classic buckets", name, h, count)
		}
	}
	labels := make(map[string]string)
	for _, l := range all["betanet_message_latency_seconds"].Metric[0].Label {
		labels[l.GetName()] = l.GetValue()
	}
	if want := map[string]string{"region": `e"u`, "upstream": "a"}; !maps.Equal(labels, want) {
		t.Errorf("got labels %v, want %v", labels, want)
	}
}

func TestOnlyNamedFamiliesAreWritten(t *testing.T) {
	r := neverExpiring(v1View(newUpstream("a"), at))
	for _, c := range []struct{ names, want []string }{
		{[]string{"betanet_messages_total"}, []string{"betanet_messages_total"}},
		{[]string{"betanet_messages_total", "go_goroutines", "betanet_exporter_upstreams"}, []string{"betanet_exporter_upstreams", "betanet_messages_total", "go_goroutines"}},
		{[]string{"betanet_messages"}, nil}, // the name in OpenMetrics
		{[]string{"nothing", ""}, nil},
		{[]string{"nothing", "betanet_up"}, []string{"betanet_up"}},
	} {
		if got := slices.Sorted(maps.Keys(readText(t, string(write(t, r, Text, c.names...))))); !slices.Equal(got, c.want) {
			t.Errorf("text of %q: got %q, want %q", c.names, got, c.want)
		}
		if got := slices.Sorted(maps.Keys(decode(t, write(t, r, Protobuf, c.names...)))); !slices.Equal(got, c.want) {
			t.Errorf("protobuf of %q: got %q, want %q", c.names, got, c.want)
		}
		om := string(write(t, r, OpenMetrics, c.names...))
		if got := strings.Count(om, "# TYPE "); got != len(c.want) || !strings.HasSuffix(om, "# EOF\n") {
			t.Errorf("OpenMetrics of %q: got %d families, want %d, and # EOF at the end:\n%s", c.names, got, len(c.want), om)
		}
	}
}
