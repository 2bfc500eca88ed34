package blackbox

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// forgedReasonCases returns malformed responses that contain words from other errors. They are all retried as malformed
// HTTP, because an upstream must not be able to choose its reason.
func forgedReasonCases() []faultCase {
	var cases []faultCase
	for _, word := range []string{
		"tls: ", "oauth2: ", "EOF", "unexpected EOF", "connection reset by peer", "too many open files",
		"context deadline exceeded", "no such host", "i/o timeout", "x509: ",
	} {
		cases = append(cases,
			faultCase{name: "status line " + word, reason: "protocol", fault: raw(func(string) string { return word + "x\r\n\r\n" })},
			faultCase{name: "header " + word, reason: "protocol", fault: withHeader(": " + word + "x")})
	}
	return cases
}

// checkCases runs cases at the same time in a single process, each with its own upstream. It calls during while a fault
// is active.
func checkCases(t *testing.T, cases []faultCase, env, flags []string, during func(*testing.T, *program, *fake.Server, faultCase)) {
	t.Helper()
	var servers []*fake.Server
	var urls []string
	for _, r := range cases {
		server := start(t)
		server.SetConnHandler(r.healthy())
		servers, urls = append(servers, server), append(urls, r.url(server))
	}
	p := watchEnv(t, env, flags, urls...)
	checkLeaks(t, p, servers...)
	for i, r := range cases {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			server := servers[i]
			p.awaitGood(t, server.Addr(), documentBefore)
			r.check(t, p, server, server.Addr(), func(exposition) { during(t, p, server, r) })
			r.checkHealed(t, p, server, server.Addr())
		})
	}
}

// referencePath returns a healthy path of the same upstream. It is requested exactly once in every cycle, so its requests
// count the cycles.
func (r faultCase) referencePath() string {
	if r.path == fake.Metrics {
		return fake.Nodes
	}
	return fake.Metrics
}

// watchedCycles is the number of cycles after which something that has not changed is assumed to stay that way.
const watchedCycles = 3

// awaitCycles waits for some collections of the reference path.
func awaitCycles(t *testing.T, p *program, server *fake.Server, r faultCase) {
	t.Helper()
	if r.whole != nil {
		return
	}
	before := server.Requests(r.referencePath())
	p.await(t, server.Addr(), func(exposition) error {
		return counted("cycles", server.Requests(r.referencePath())-before, watchedCycles)
	})
}

// trustRoots returns a setting of SSL_CERT_FILE with which a process trusts roots instead of the system's certificates.
func trustRoots(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "roots.pem")
	write(t, file, roots)
	return "SSL_CERT_FILE=" + file
}

// TestEachReasonIsReportedByAProcess runs the first fault of each reason in a process that collects on its own schedule
// and must not leak anything.
func TestEachReasonIsReportedByAProcess(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	var instant, endless []faultCase
	for _, r := range allCases() {
		switch {
		case seen[r.reason] || seen[r.reasons()[0]]:
		case r.reason == "timeout":
			endless = append(endless, r)
		default:
			instant = append(instant, r)
		}
		seen[r.reason] = true
	}
	env := []string{trustRoots(t)}
	for name, c := range map[string]struct {
		cases []faultCase
		flags []string
	}{"at once": {instant, patientFlags}, "endless": {endless, quickFlags}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkCases(t, c.cases, env, slices.Clone(c.flags), awaitCycles)
		})
	}
}
