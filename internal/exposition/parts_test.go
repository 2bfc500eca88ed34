package exposition

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

// seriesIn returns the metrics of the exporter's own families as text.
func seriesIn(families []*dto.MetricFamily) (all []string) {
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "betanet_") {
			for _, m := range f.Metric {
				all = append(all, fmt.Sprint(f.GetName(), f.GetHelp(), f.GetType(), m))
			}
		}
	}
	return all
}

func TestPartsTogetherEqualGather(t *testing.T) {
	for n := range 6 {
		r := NewRegistry()
		r.Exporter.Pushing()
		for i := range n {
			r.Publish(v1View(newUpstream(fmt.Sprint("u", i)), time.Now()))
		}
		var got []string
		parts := r.Parts(2)
		if want := 1 + (n+1)/2; len(parts) != want {
			t.Errorf("%d upstreams: got %d parts, want %d", n, len(parts), want)
		}
		for _, p := range parts {
			families, err := p.Gather()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, seriesIn(families)...)
		}
		whole, err := r.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"betanet_exporter_build_info", "go_goroutines"} {
			if !slices.ContainsFunc(whole, func(f *dto.MetricFamily) bool { return f.GetName() == name && len(f.Metric) == 1 }) {
				t.Errorf("%s is missing", name)
			}
		}
		want := seriesIn(whole)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%d upstreams: got\n%s\nwant\n%s", n, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestOfProcessExcludesTheFamiliesOfUpstreams(t *testing.T) {
	for name, want := range map[string]bool{
		"betanet_messages_total": false, "betanet_message_latency_seconds": false, "betanet_exporter_upstream_resets_total": false,
		"betanet_mixnode_packets_processed_total": false, "betanet_exporter_attempts_total": true, "betanet_exporter_request_duration_seconds": true,
		"betanet_fleet_messages_total": true, "go_gc_duration_seconds": true, "process_cpu_seconds_total": true,
	} {
		if got := OfProcess(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// The series about pushes start at 0 when pushing is enabled.
func TestPushSeriesExistOnlyIfPushingIsEnabled(t *testing.T) {
	r := NewRegistry()
	r.Exporter.Attempt(betanet.Metrics, "", time.Millisecond)
	show := func() string {
		var b strings.Builder
		if err := r.Write(&b, Text); err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.Lines(b.String()) {
			if strings.HasPrefix(line, "betanet_exporter_push_") {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	}
	if got := show(); got != "" {
		t.Errorf("without pushing: got\n%s\nwant nothing", got)
	}
	r.Exporter.Pushing()
	total := func(failure, partial, success int) string {
		return fmt.Sprintf("betanet_exporter_push_total{result=\"failure\"} %d\nbetanet_exporter_push_total{result=\"partial\"} %d\nbetanet_exporter_push_total{result=\"success\"} %d\n", failure, partial, success)
	}
	if got, want := show(), total(0, 0, 0); got != want {
		t.Errorf("before the first push: got\n%s\nwant\n%s", got, want)
	}
	r.Exporter.Pushed("success", at)
	r.Exporter.Pushed("failure", at.Add(time.Hour))
	r.Exporter.Pushed("partial", at.Add(time.Hour))
	if got, want := show(), "betanet_exporter_push_last_success_timestamp_seconds 1.7000000005e+09\n"+total(1, 1, 1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
