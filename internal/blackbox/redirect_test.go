package blackbox

import (
	"fmt"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// TestARedirectReachesNoOtherServer sends redirects to a second server, which must not even get a connection.
func TestARedirectReachesNoOtherServer(t *testing.T) {
	trap := start(t)
	var cases []faultCase
	for _, to := range []struct{ where, location string }{
		{"another host", "http://" + trap.Addr() + fake.Metrics},
		{"another host with credentials", "http://user:password@" + trap.Addr() + fake.Metrics},
		{"another host in TLS", "https://" + trap.Addr() + fake.Metrics},
		{"another host without a scheme", "//" + trap.Addr() + fake.Metrics},
		{"itself", fake.Nodes},
		{"another endpoint", fake.Metrics},
		{"a forbidden path", "/status"}, // which would deadlock a real upstream
		{"nowhere", ""},
		{"a file", "file:///etc/passwd"},
		{"an invalid URL", "http://%zz"},
		{"half an address", "http://[::1"},
	} {
		for _, code := range []int{301, 302, 303, 307, 308} {
			r := faultCase{name: fmt.Sprintf("%d to %s", code, to.where), reason: "redirect", fault: status(code, "Location: "+to.location)}
			switch to.where {
			case "itself", "another endpoint":
				r.path = fake.Nodes
			case "nowhere":
				r.fault = status(code)
			}
			cases = append(cases, r)
		}
	}
	cases = append(cases,
		faultCase{name: "401 with Refresh", reason: "auth", fault: status(401, "Refresh: 0; url=http://"+trap.Addr()+fake.Metrics)},
		faultCase{name: "401 with a bearer challenge", reason: "auth", fault: status(401, `WWW-Authenticate: Bearer realm="http://`+trap.Addr()+`/token"`)},
		faultCase{name: "421 with Alt-Svc", reason: "http_4xx", fault: status(421, `Alt-Svc: h2="`+trap.Addr()+`"; ma=86400`)},
		faultCase{name: "305 to a proxy", reason: "redirect", fault: status(305, "Location: http://"+trap.Addr())},
	)
	t.Run("cases", func(t *testing.T) {
		for _, r := range assignPaths(cases) {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				r.checkInProcess(t, start(t))
			})
		}
	})
	if got := trap.Accepted(); got != 0 {
		t.Errorf("the target of the redirects got %d connections, want none", got)
	}
}
