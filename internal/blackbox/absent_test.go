package blackbox

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

func TestAnUpstreamThatWasNeverHealthyExposesNoValues(t *testing.T) {
	t.Parallel()
	unknownCA := start(t)
	unknownCA.SetConnHandler(fake.TLS(untrusted.Config()))
	plain := start(t)
	plain.SetConnHandler(fake.HTTPToTLS)
	refused := start(t)
	refused.Refuse()
	cases := []struct{ name, url, reason string }{
		{"a name that does not exist", "http://does-not-exist.invalid:1", "dns"},
		{"a name that cannot exist", "http://" + strings.Repeat("a", 64) + ".invalid:1", "dns"},
		{"no route", "http://255.255.255.255:1", "connect"},
		{"refused", refused.URL(), "connect"},
		{"untrusted certificate", unknownCA.TLSURL(), "tls"},
		{"HTTP on a TLS port", plain.TLSURL(), "tls"},
	}
	var urls []string
	for _, r := range cases {
		urls = append(urls, r.url)
	}
	p := watch(t, patientFlags, urls...)
	for _, r := range cases {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			_, upstream, _ := strings.Cut(r.url, "://")
			p.await(t, upstream, func(e exposition) error { return allNeverGood(e, upstream, r.reason) })
		})
	}
	t.Run("the exporter itself is ready and degraded", func(t *testing.T) {
		t.Parallel()
		p.await(t, "", func(exposition) error {
			return errors.Join(p.responds("/-/ready", http.StatusOK, ""), p.responds("/health", http.StatusOK, `{"status":"degraded"}`))
		})
	})
}
