package poll

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/breaker"
	"github.com/betanet/betanet_exporter/internal/exposition"
)

// These tests check that scrapes do not show the bugs of an earlier exporter.

// exposed returns the value of a series in the exposition of the last view, or "" if it is
// absent.
func (f *fixture) exposed(t *testing.T, name string) string {
	t.Helper()
	r := exposition.NewRegistry()
	r.Publish(f.view())
	var text bytes.Buffer
	if err := r.Write(&text, exposition.Text); err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(text.String(), "\n"+name+" ")
	if !found {
		return ""
	}
	value, _, _ := strings.Cut(after, "\n")
	return value
}

// unnamed runs a test with an upstream that has no name.
func unnamed(t *testing.T, test func(*testing.T, *fixture)) {
	inBubble(t, defaults, betanet.Auto, func(t *testing.T, f *fixture) {
		f.upstream.Name = ""
		test(t, f)
	})
}

func TestCollectionWithoutDocumentsIsAFailure(t *testing.T) {
	unnamed(t, func(t *testing.T, f *fixture) {
		f.behave(failWith(500))
		f.until(30 * time.Second)
		if got := f.exposed(t, "betanet_up"); got != "0" {
			t.Errorf("got betanet_up %q, want 0", got)
		}
		if got := f.exposed(t, "betanet_messages_total"); got != "" {
			t.Errorf("got messages %q, want none", got)
		}
		if retries, open := len(f.requested(metricsPath, 0)), f.view().Endpoints[0].Breaker; retries < 5 || open != breaker.Open {
			t.Errorf("got %d attempts and breaker %v, want retries and an open breaker", retries, open)
		}
	})
}

func TestDroppedPacketsAreExposed(t *testing.T) {
	unnamed(t, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		if got := f.exposed(t, "betanet_packets_dropped_total"); got != "10" {
			t.Errorf("got %q dropped, want 10", got)
		}
	})
}

func TestTotalsAreNotSummedAcrossCollections(t *testing.T) {
	unnamed(t, func(t *testing.T, f *fixture) {
		f.until(5 * time.Minute)
		if got := f.exposed(t, "betanet_bytes_transmitted_total"); got != "1000000" {
			t.Errorf("got %q bytes after %d collections, want the upstream's 1000000", got, len(f.requested(metricsPath, 0)))
		}
	})
}

func TestMessagesAreThePacketsProcessed(t *testing.T) {
	unnamed(t, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		if got := f.exposed(t, "betanet_messages_total"); got != "5000" {
			t.Errorf("got %q messages, want 5000, the packets processed", got)
		}
	})
}

func TestActiveMixnodesAreNotConfusedWithPeers(t *testing.T) {
	unnamed(t, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		if active, peers := f.exposed(t, "betanet_mixnode_active"), f.exposed(t, "betanet_connected_peers"); active != "5" || peers != "7" {
			t.Errorf("got %q active and %q peers, want 5 and 7", active, peers)
		}
	})
}

func TestHalfOpenBreakerAllowsOneProbe(t *testing.T) {
	unnamed(t, func(t *testing.T, f *fixture) {
		f.behave(failWith(500))
		f.until(f.tick() + 10*time.Second) // open
		from := f.tick() + 10*time.Second
		f.until(from + 30*time.Second) // after the pause
		if got := len(f.requested(metricsPath, from)); got != 1 {
			t.Errorf("got %d requests while half-open, want one probe", got)
		}
		if got := f.view().Endpoints[0].Breaker; got != breaker.Open {
			t.Errorf("got %v after the failed probe, want open again", got)
		}
	})
}

func TestLatencyIsNotObservedAgainFromTheCache(t *testing.T) {
	unnamed(t, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		f.behave(hang)
		f.until(4 * time.Minute)
		if got := f.exposed(t, "betanet_message_latency_seconds_count"); got != "1" {
			t.Errorf("got %q observations of one document, want 1", got)
		}
	})
}

func TestParseErrorsExposeNoZeros(t *testing.T) {
	for _, bad := range []string{`{"packets_processed":`, `{}`, `null`, `{"packets_processed":null,"packets_dropped":1}`, `{"Packets_Processed":1,"packets_dropped":1}`} {
		unnamed(t, func(t *testing.T, f *fixture) {
			f.behave(only(betanet.Metrics, body(bad)))
			f.until(10 * time.Second)
			if got := f.exposed(t, "betanet_messages_total"); got != "" {
				t.Errorf("%s: got %q without an earlier document, want none", bad, got)
			}
			f.behave(healthy)
			f.until(time.Minute)
			f.behave(only(betanet.Metrics, body(bad)))
			f.until(90 * time.Second)
			if got, stale := f.exposed(t, "betanet_messages_total"), f.exposed(t, "betanet_exporter_data_stale"); got != "5000" || stale != "1" {
				t.Errorf("%s: got %q, stale %q, want the last good 5000, flagged as stale", bad, got, stale)
			}
		})
	}
}
