package blackbox

import (
	"fmt"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// TestARedirectReachesNoOtherServer points to a second server, which must not even get a connection.
func TestARedirectReachesNoOtherServer(t *testing.T) {
	trap := start(t)
	var rows []row
	for _, to := range []struct{ where, location string }{
		{"another host", "http://" + trap.Addr() + fake.Metrics},
		{"another host with credentials", "http://user:password@" + trap.Addr() + fake.Metrics},
		{"another host in TLS", "https://" + trap.Addr() + fake.Metrics},
		{"another host without a scheme", "//" + trap.Addr() + fake.Metrics},
		{"itself", fake.Nodes},
		{"another endpoint", fake.Metrics},
		{"a forbidden path", "/status"}, // which would stop a real upstream for good
		{"nowhere", ""},
		{"a file", "file:///etc/passwd"},
		{"no URL", "http://%zz"},
		{"half an address", "http://[::1"},
	} {
		for _, code := range []int{301, 302, 303, 307, 308} {
			r := row{name: fmt.Sprintf("%d to %s", code, to.where), reason: "redirect", fault: status(code, "Location: "+to.location)}
			switch to.where {
			case "itself", "another endpoint":
				r.path = fake.Nodes
			case "nowhere":
				r.fault = status(code)
			}
			rows = append(rows, r)
		}
	}
	rows = append(rows,
		row{name: "Refresh", reason: "auth", fault: status(401, "Refresh: 0; url=http://"+trap.Addr()+fake.Metrics)},
		row{name: "401 of a bearer", reason: "auth", fault: status(401, `WWW-Authenticate: Bearer realm="http://`+trap.Addr()+`/token"`)},
		row{name: "another service", reason: "http_4xx", fault: status(421, `Alt-Svc: h2="`+trap.Addr()+`"; ma=86400`)},
		row{name: "use proxy", reason: "redirect", fault: status(305, "Location: http://"+trap.Addr())},
	)
	t.Run("rows", func(t *testing.T) {
		for _, r := range spread(rows) {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				r.checkInProcess(t, start(t))
			})
		}
	})
	if got := trap.Accepted(); got != 0 {
		t.Errorf("the server that redirects point to got %d connections, want none", got)
	}
}
