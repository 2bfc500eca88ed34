package betanet

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/common/config"
)

func headersOf(name string, h config.Header) *config.Headers {
	return &config.Headers{Headers: map[string]config.Header{name: h}}
}

func TestAHostHeaderSetsTheHostOfTheRequest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host")
	if err := os.WriteFile(path, []byte("\ufeffbetanet.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, h := range []*config.Headers{
		headersOf("Host", config.Header{Values: []string{"betanet.example"}}),
		headersOf("host", config.Header{Secrets: []config.Secret{"betanet.example"}}),
		headersOf("HOST", config.Header{Files: []string{path}}),
	} {
		r, f := requestWith(t, &HTTPConfig{HTTPHeaders: h})
		if f != nil {
			t.Fatal(f)
		}
		if want := "betanet.example"; r.Host != want {
			t.Errorf("%+v: got Host %q, want %q", h, r.Host, want)
		}
		if r.RequestURI != Metrics.Path() {
			t.Errorf("got request URI %q, want %q", r.RequestURI, Metrics.Path())
		}
	}
}

func TestTheHostHeaderDoesNotChangeTheURLSentToAProxy(t *testing.T) {
	var uri string
	proxy, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { uri = r.RequestURI })
	fetch(t, newClient(t, "http://upstream.example:9000/a%25b", &HTTPConfig{
		ProxyConfig: config.ProxyConfig{ProxyURL: proxyURL(t, proxy)},
		HTTPHeaders: headersOf("Host", config.Header{Values: []string{"other.example"}}),
	}, options()), Metrics, false)
	if want := "http://upstream.example:9000/a%25b" + Metrics.Path(); uri != want {
		t.Errorf("request URI: got %q, want %q", uri, want)
	}
}

func TestAByteOrderMarkIsNotPartOfASecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("\ufeff secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, f := requestWith(t, &HTTPConfig{
		BasicAuth:   &config.BasicAuth{Username: "u", PasswordFile: path},
		HTTPHeaders: headersOf("X-A", config.Header{Files: []string{path}, Values: []string{"one"}}),
	})
	if f != nil {
		t.Fatal(f)
	}
	if _, password, _ := r.BasicAuth(); password != "secret" {
		t.Errorf("got password %q, want secret", password)
	}
	if got := r.Header["X-A"]; len(got) != 2 || got[0] != "one" || got[1] != "secret" {
		t.Errorf("got %q, want one and secret", got)
	}
}
