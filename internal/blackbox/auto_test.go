package blackbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// startMixnodes starts an upstream without v1 paths that closes every connection, as the published server does.
func startMixnodes(t *testing.T) *fake.Server {
	t.Helper()
	server := start(t)
	setAll(server, fake.ThenClose(fake.NotFound))
	server.Set(fake.Mixnodes, fake.ThenClose(fake.JSON(fake.MixnodesDocument)))
	return server
}

// mixnodes requires the series of an upstream with fake.MixnodesDocument.
func mixnodes(e exposition, upstream string) error {
	seriesOf := func(name string, labels ...string) string {
		return series(name, append(labels, "upstream", upstream)...)
	}
	var all []error
	for key, want := range map[string]float64{
		seriesOf("betanet_up"):                                                      1,
		seriesOf("betanet_connected_peers"):                                         3,
		seriesOf("betanet_mixnode_active"):                                          2,
		seriesOf("betanet_mixnode_inactive"):                                        1,
		seriesOf("betanet_messages_total"):                                          60,
		seriesOf("betanet_packets_dropped_total"):                                   6,
		seriesOf("betanet_average_latency_seconds"):                                 (10*0.010 + 20*0.020 + 30*0.090) / 60,
		seriesOf("betanet_exporter_endpoint_up", "endpoint", "mixnodes"):            1,
		seriesOf("betanet_exporter_data_stale"):                                     0,
		seriesOf("betanet_mixnode_up", "mixnode", "mixnode-a"):                      1,
		seriesOf("betanet_mixnode_up", "mixnode", "mixnode-c"):                      0,
		seriesOf("betanet_mixnode_packets_processed_total", "mixnode", "mixnode-b"): 20,
		seriesOf("betanet_mixnode_packets_forwarded_total", "mixnode", "mixnode-b"): 18,
		seriesOf("betanet_mixnode_packets_dropped_total", "mixnode", "mixnode-b"):   2,
		seriesOf("betanet_mixnode_uptime_seconds", "mixnode", "mixnode-c"):          300,
		seriesOf("betanet_mixnode_average_latency_seconds", "mixnode", "mixnode-a"): 0.01,
	} {
		all = append(all, e.is(key, want))
	}
	for _, name := range []string{"betanet_bytes_transmitted_total", "betanet_bytes_received_total", "betanet_peak_throughput"} {
		all = append(all, e.isAbsent(seriesOf(name)))
	}
	for _, path := range v1Paths {
		s := endpoint{upstream, path}
		all = append(all, s.reasons(e))
		if e.values[s.key("betanet_exporter_endpoint_up")] != 0 {
			all = append(all, fmt.Errorf("%s is up", s.key("betanet_exporter_endpoint_up")))
		}
	}
	return errors.Join(all...)
}

// noMixnodes requires that an upstream has no series of individual mixnodes.
func noMixnodes(e exposition, upstream string) error {
	for key := range e.values {
		if strings.HasPrefix(key, "betanet_mixnode_") && strings.Contains(key, `mixnode="`) && strings.Contains(key, upstream) {
			return e.isAbsent(key)
		}
	}
	return nil
}

func awaitMixnodes(t *testing.T, p *program) {
	t.Helper()
	p.await(t, "", func(e exposition) error { return mixnodes(e, "") })
}

func TestAMixnodesDocumentAfterThree404sSwitchesTheAPI(t *testing.T) {
	t.Parallel()
	server := startMixnodes(t)
	p := serve(t, nil, append([]string{"--betanet.url=" + server.URL()}, unhurriedFlags...)...)
	p.await(t, "", func(e exposition) error {
		return errors.Join(counted("requests for /mixnodes", server.Requests(fake.Mixnodes), watchedCycles), mixnodes(e, ""))
	})
	e, err := p.fetch()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range v1Paths {
		name := endpoints[path]
		for key, value := range e.values {
			if strings.HasPrefix(key, "betanet_exporter_attempts_total{") && strings.Contains(key, `endpoint="`+name+`"`) && value != 0 {
				t.Errorf("%s: got %v, want 0: the 404s of API detection are not counted", key, value)
			}
		}
		if key := series("betanet_exporter_retries_total", "endpoint", name); e.values[key] != 0 {
			t.Errorf("%s: got %v, want 0", key, e.values[key])
		}
		if got := server.Requests(path); got != 1 {
			t.Errorf("got %d requests for %s, want only the first", got, path)
		}
	}
	for path := range endpoints {
		if line := p.log.From("endpoints=" + endpoints[path]); line != "" {
			t.Errorf("got a log line about %s, want none: %s", path, line)
		}
	}
	// The server closes each connection without announcing it. On a reused connection the next request would fail.
	if requests, connections := server.Requests(fake.Mixnodes), server.Connections(fake.Mixnodes); requests != connections {
		t.Errorf("got %d requests on %d connections, want one request per connection", requests, connections)
	}
}

func TestThree404sWithoutAMixnodesDocumentMeanAFailingV1(t *testing.T) {
	edited := func(old, other string) fake.Behaviour {
		return fake.JSON(strings.Replace(fake.MixnodesDocument, old, other, 1))
	}
	faults := []struct {
		name  string
		fault fake.Behaviour
	}{
		{"404", fake.NotFound},
		{"500", fake.Status(500, fake.MixnodesDocument)},
		{"truncated", fake.JSON(fake.MixnodesDocument[:200])},
		{"not an array", fake.JSON(`{"error":"Not Found"}`)},
		{"null", fake.JSON("null")},
		{"a node without its id", edited(`"id":"mixnode-b",`, "")},
		{"a duplicate id", edited("mixnode-b", "mixnode-a")},
		{"a node with null packets", edited(`"packets_processed":20`, `"packets_processed":null`)},
		{"a negative number", edited("200", "-200")},
		{"FIN", fake.CutAfter(nil)},
		{"silence", fake.HangAfter(nil)},
	}
	for _, a := range faults {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			server := startMixnodes(t)
			server.Set(fake.Mixnodes, a.fault)
			p := inProcess(t, []string{server.Addr()}, append([]string{"--betanet.url=" + server.URL(), "--collect.timeout=20s", "--request.timeout=2s"}, commonFlags...)...)
			p.await(t, "", func(e exposition) error { return errors.Join(allNeverGood(e, "", "http_4xx"), noMixnodes(e, "")) })
			publish(server, documentAfter)
			p.await(t, "", func(e exposition) error { return errors.Join(allGood(e, "", documentAfter), noMixnodes(e, "")) })
		})
	}
}

func TestTwo404sDoNotCauseARequestForMixnodes(t *testing.T) {
	server := startMixnodes(t)
	server.Set(fake.Network, fake.JSON(fake.Document(fake.Network, documentBefore)))
	p := collector(t, server)
	p.await(t, "", func(e exposition) error {
		return errors.Join(
			counted("cycles", server.Requests(fake.Network), watchedCycles),
			endpoint{"", fake.Network}.good(e, documentBefore),
			endpoint{"", fake.Metrics}.neverGood(e, "http_4xx"),
			endpoint{"", fake.Nodes}.neverGood(e, "http_4xx"))
	})
	if got := server.Requests(fake.Mixnodes); got != 0 {
		t.Errorf("got %d requests for /mixnodes, want none", got)
	}
}

func TestOldSeriesVanishWhenAnUpstreamChangesItsAPI(t *testing.T) {
	server := startMixnodes(t)
	p := collector(t, server)
	awaitMixnodes(t, p)

	server.Set(fake.Mixnodes, fake.NotFound)
	publish(server, documentBefore)
	p.await(t, "", func(e exposition) error {
		return errors.Join(allGood(e, "", documentBefore), noMixnodes(e, ""),
			e.isAbsent(series("betanet_exporter_endpoint_up", "endpoint", "mixnodes")))
	})
}

func TestABrokenMixnodesDocumentKeepsTheLastGoodOne(t *testing.T) {
	server := startMixnodes(t)
	p := collector(t, server)
	awaitMixnodes(t, p)

	server.Set(fake.Mixnodes, fake.JSON(strings.ReplaceAll(fake.MixnodesDocument, "mixnode-c", "mixnode-a")))
	p.await(t, "", func(e exposition) error {
		return errors.Join(
			e.is("betanet_up", 0),
			e.is("betanet_exporter_data_stale", 1),
			e.is(series("betanet_exporter_endpoint_failing", "endpoint", "mixnodes", "reason", "schema"), 1),
			e.is("betanet_messages_total", 60),
			e.is(series("betanet_mixnode_up", "mixnode", "mixnode-c"), 0))
	})

	server.Set(fake.Mixnodes, fake.JSON(fake.MixnodesDocument))
	awaitMixnodes(t, p)
}
