package blackbox

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// TestWhatWasNeverSeenIsAbsent checks that a fault from the very start leaves no series of the endpoint, not even one of
// value 0, while the other two endpoints are exposed.
func TestWhatWasNeverSeenIsAbsent(t *testing.T) {
	t.Parallel()
	rows := spread([]row{
		{name: "eof", reason: "eof", fault: cut("half of the body")},
		{name: "reset", reason: "reset", fault: reset("half of the body")},
		{name: "protocol", reason: "protocol", fault: withHeader("what is this")},
		{name: "timeout", reason: "timeout", fault: hang("nothing")},
		{name: "http_5xx", reason: "http_5xx", fault: status(500)},
		{name: "http_4xx", reason: "http_4xx", fault: status(400)},
		{name: "http_429", reason: "http_429", fault: status(429)},
		{name: "auth", reason: "auth", fault: status(401)},
		{name: "http_status", reason: "http_status", fault: status(204)},
		{name: "redirect", reason: "redirect", fault: status(302, "Location: /status")},
		{name: "too_large", reason: "too_large", fault: func(d string) fake.Behaviour { return fake.JSON(padded(d, mebibyte+1)) }},
		{name: "encoding", reason: "encoding", fault: typed(fake.JSONType, "Content-Encoding: gzip")},
		{name: "content_type", reason: "content_type", fault: typed("Content-Type: text/html")},
		{name: "json_syntax", reason: "json_syntax", fault: fixed("{")},
		{name: "schema, empty object", reason: "schema", fault: fixed("{}")},
		{name: "schema, one field missing", reason: "schema", path: fake.Metrics, fault: fixed(`{"packets_processed":6000}`)},
		{name: "value", reason: "value", path: fake.Metrics, fault: fixed(`{"packets_processed":-1,"packets_dropped":6010}`)},
	})
	var servers []*fake.Server
	var urls []string
	for _, r := range rows {
		server := start(t)
		server.Set(r.path, r.fault(fake.Document(r.path, documentFaulty)))
		servers, urls = append(servers, server), append(urls, server.URL())
	}
	p := watch(t, quick, urls...)
	settles(t, p, servers...)
	for i, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			server, upstream := servers[i], servers[i].Addr()
			absent := func(e exposition) error {
				all := []error{e.is(series("betanet_up", "upstream", upstream), 0)}
				for _, path := range v1Paths {
					s := state{upstream, path}
					if path == r.path {
						all = append(all, s.never(e, r.reasons()...))
					} else {
						all = append(all, s.good(e, documentBefore))
					}
				}
				return errors.Join(all...)
			}
			p.await(t, upstream, absent)
			cycle0 := server.Requests(r.reference())
			p.await(t, upstream, func(e exposition) error {
				if err := (state{upstream, r.path}).noValues(e); err != nil {
					t.Errorf("got values from a faulty document: %v", err)
				}
				if cycles := server.Requests(r.reference()) - cycle0; cycles < watchedCycles {
					return fmt.Errorf("got %d cycles, want %d", cycles, watchedCycles)
				}
				return absent(e)
			})
			publish(server, documentAfter)
			p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentAfter) })
		})
	}
}

// TestAnUpstreamThatWasNeverThereIsAbsent checks upstreams that cannot become healthy.
func TestAnUpstreamThatWasNeverThereIsAbsent(t *testing.T) {
	t.Parallel()
	untrusted := start(t)
	untrusted.SetTransport(fake.TLS(certificate("127.0.0.1", time.Now().Add(time.Hour)).Config()))
	plain := start(t)
	plain.SetTransport(fake.HTTPToTLS)
	refused := start(t)
	refused.Refuse()
	rows := []struct{ name, url, reason string }{
		{"a name that does not exist", "http://does-not-exist.invalid:1", "dns"},
		{"a name that cannot exist", "http://" + strings.Repeat("a", 64) + ".invalid:1", "dns"},
		{"no route", "http://255.255.255.255:1", "connect"},
		{"refused", refused.URL(), "connect"},
		{"untrusted certificate", untrusted.TLSURL(), "tls"},
		{"HTTP on a TLS port", plain.TLSURL(), "tls"},
	}
	var urls []string
	for _, r := range rows {
		urls = append(urls, r.url)
	}
	p := watch(t, patient, urls...)
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			_, upstream, _ := strings.Cut(r.url, "://")
			p.await(t, upstream, func(e exposition) error { return allNever(e, upstream, r.reason) })
		})
	}
	t.Run("the exporter itself is ready and degraded", func(t *testing.T) {
		t.Parallel()
		p.await(t, "", func(exposition) error {
			return errors.Join(answers(p.url+"/-/ready", http.StatusOK, ""), answers(p.url+"/health", http.StatusOK, `{"status":"degraded"}`))
		})
	})
}

// answers complains unless a GET is answered with this status and, if one is given, exactly this body.
func answers(url string, status int, body string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != status || body != "" && strings.TrimSpace(string(got)) != body {
		return fmt.Errorf("%s: got %d %q, want %d %q", url, response.StatusCode, got, status, body)
	}
	return nil
}
