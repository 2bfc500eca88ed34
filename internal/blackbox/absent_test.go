package blackbox

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// TestAnUpstreamThatWasNeverThereIsAbsent checks upstreams that cannot become healthy.
func TestAnUpstreamThatWasNeverThereIsAbsent(t *testing.T) {
	t.Parallel()
	stranger := start(t)
	stranger.SetTransport(fake.TLS(untrusted.Config()))
	plain := start(t)
	plain.SetTransport(fake.HTTPToTLS)
	refused := start(t)
	refused.Refuse()
	rows := []struct{ name, url, reason string }{
		{"a name that does not exist", "http://does-not-exist.invalid:1", "dns"},
		{"a name that cannot exist", "http://" + strings.Repeat("a", 64) + ".invalid:1", "dns"},
		{"no route", "http://255.255.255.255:1", "connect"},
		{"refused", refused.URL(), "connect"},
		{"untrusted certificate", stranger.TLSURL(), "tls"},
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
