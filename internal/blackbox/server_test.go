package blackbox

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// serverRow is a fault of the upstream as a whole. All three endpoints fail.
type serverRow struct {
	name   string
	reason string
	fault  func(*fake.Server)

	// connections tells whether attempts show as connections, and can be counted from outside.
	connections bool
	retried     bool
}

func transport(t fake.Transport) func(*fake.Server) {
	return func(server *fake.Server) { server.SetTransport(t) }
}

func TestAFaultOfTheWholeUpstreamFailsEveryEndpoint(t *testing.T) {
	t.Parallel()
	rows := []serverRow{
		{name: "refused", reason: "connect", fault: (*fake.Server).Refuse, retried: true}, // counted in TestEveryAttemptIsCountedByItsResult,
		{name: "RST on connection", reason: "reset", fault: transport(fake.ResetOnAccept), connections: true, retried: true},
		{name: "RST on request", reason: "reset", fault: transport(fake.ResetOnFirstBytes), connections: true, retried: true},
		{name: "FIN on request", reason: "eof", fault: transport(fake.CutOnFirstBytes), connections: true, retried: true},
		{name: "silence", reason: "timeout", fault: transport(fake.HangOnAccept), connections: true, retried: true},
		{name: "TLS in answer to plain HTTP", reason: "eof", fault: transport(fake.TLS(certificate("127.0.0.1", time.Now().Add(time.Hour)).Config())), connections: true, retried: true},
		{name: "TLS alert in answer to plain HTTP", reason: "tls", fault: transport(fake.TLSAlert), connections: true},
	}
	checkServerRows(t, rows, fake.Plain, (*fake.Server).URL, nil)
}

func TestAFaultOfTLSFailsEveryEndpoint(t *testing.T) {
	t.Parallel()
	now := time.Now()
	trusted, expired := certificate("127.0.0.1", now.Add(time.Hour)), certificate("127.0.0.1", now.Add(-time.Hour))
	untrusted, elsewhere := certificate("127.0.0.1", now.Add(time.Hour)), certificate("127.0.0.9", now.Add(time.Hour))
	notYet := certificate("127.0.0.1", now.Add(48*time.Hour))
	old, clients := trusted.Config(), trusted.Config()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
	clients.ClientAuth = tls.RequireAnyClientCert

	roots := filepath.Join(t.TempDir(), "roots.pem")
	var pem []byte
	for _, c := range []*fake.Certificate{trusted, expired, elsewhere, notYet} {
		pem = append(pem, c.PEM()...)
	}
	if err := os.WriteFile(roots, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	onTLS := func(c *tls.Config) func(*fake.Server) { return transport(fake.TLS(c)) }
	rows := []serverRow{
		{name: "untrusted certificate", reason: "tls", fault: onTLS(untrusted.Config()), connections: true},
		{name: "expired certificate", reason: "tls", fault: onTLS(expired.Config()), connections: true},
		{name: "certificate not yet valid", reason: "tls", fault: onTLS(notYet.Config()), connections: true},
		{name: "certificate of another host", reason: "tls", fault: onTLS(elsewhere.Config()), connections: true},
		{name: "TLS 1.0 only", reason: "tls", fault: onTLS(old), connections: true},
		{name: "client certificate required", reason: "tls", fault: onTLS(clients), connections: true},
		{name: "plain HTTP", reason: "tls", fault: transport(fake.HTTPToTLS), connections: true},
		{name: "TLS garbage", reason: "tls", fault: transport(fake.TLSGarbage), connections: true},
		{name: "TLS alert", reason: "tls", fault: transport(fake.TLSAlert), connections: true},
		{name: "handshake ended by RST", reason: "reset", fault: transport(fake.ResetOnFirstBytes), connections: true, retried: true},
		{name: "handshake ended by FIN", reason: "eof", fault: transport(fake.CutOnFirstBytes), connections: true, retried: true},
		{name: "handshake without answer", reason: "timeout", fault: transport(fake.HangOnAccept), connections: true, retried: true},
	}
	// The roots of the system are what the exporter trusts by default; this variable of Go's own replaces them.
	checkServerRows(t, rows, fake.TLS(trusted.Config()), (*fake.Server).TLSURL, []string{"SSL_CERT_FILE=" + roots})
}

// checkServerRows has an exporter for each kind of row, so that one kind is not held up by the retries or the silence of
// another.
func checkServerRows(t *testing.T, rows []serverRow, healthy fake.Transport, url func(*fake.Server) string, env []string) {
	for _, kind := range []struct {
		name  string
		flags []string
		has   func(serverRow) bool
	}{
		{"without end", quick, func(r serverRow) bool { return r.reason == "timeout" }},
		{"retried", patient, func(r serverRow) bool { return r.retried && r.reason != "timeout" }},
		{"not retried", patient, func(r serverRow) bool { return !r.retried }},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			var chosen []serverRow
			var servers []*fake.Server
			var urls []string
			for _, r := range rows {
				if !kind.has(r) {
					continue
				}
				server := start(t)
				server.SetTransport(healthy)
				chosen, servers, urls = append(chosen, r), append(servers, server), append(urls, url(server))
			}
			p := watchEnv(t, env, kind.flags, urls...)
			settles(t, p, servers...)
			for i, r := range chosen {
				t.Run(r.name, func(t *testing.T) {
					t.Parallel()
					checkServerRow(t, p, servers[i], healthy, r)
				})
			}
		})
	}
}

func checkServerRow(t *testing.T, p *program, server *fake.Server, healthy fake.Transport, r serverRow) {
	upstream := server.Addr()
	p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentBefore) })

	r.fault(server)
	p.await(t, upstream, func(e exposition) error { return allBad(e, upstream, documentBefore, r.reason) })
	switch {
	case r.connections && r.retried:
		showsRetries(t, p, server)
	case r.connections:
		showsNoRetries(t, p, server)
	}
	p.await(t, upstream, func(e exposition) error { return allBad(e, upstream, documentBefore, r.reason) })

	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	publish(server, documentAfter)
	server.SetTransport(healthy)
	p.await(t, upstream, func(e exposition) error { return allGood(e, upstream, documentAfter) })
}

// unretried is the most connections that can be made without retries in a time: one for each endpoint at each tick.
func unretried(d time.Duration) int { return len(v1Paths) * (int(d/(2*time.Second)) + 2) }

func showsRetries(t *testing.T, p *program, server *fake.Server) {
	t.Helper()
	before, began := server.Accepted(), time.Now()
	p.await(t, server.Addr(), func(exposition) error {
		if got, most := server.Accepted()-before, unretried(time.Since(began)); got <= most {
			return fmt.Errorf("got %d connections, of which %d may be without retries", got, most)
		}
		return nil
	})
}

func showsNoRetries(t *testing.T, p *program, server *fake.Server) {
	t.Helper()
	undisturbed(t, p, func() func() {
		before, began := server.Accepted(), time.Now()
		p.await(t, server.Addr(), func(exposition) error {
			if d := time.Since(began); d < 2*watchedCycles*time.Second {
				return fmt.Errorf("watched for %v", d)
			}
			return nil
		})
		got, most := server.Accepted()-before, unretried(time.Since(began))
		return func() {
			if got > most {
				t.Errorf("got %d connections, want at most %d without retries", got, most)
			}
		}
	})
}

// certificate is one for an address, signed by itself.
func certificate(ip string, until time.Time) *fake.Certificate { return fake.Issue(nil, until, ip) }
