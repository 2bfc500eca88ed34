package betanet

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/prometheus/common/config"
)

// requestWith makes one attempt and returns the request that the upstream received.
func requestWith(t *testing.T, h *HTTPConfig) (got *http.Request, f *Failure) {
	t.Helper()
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		healthy(w, r)
	})
	_, f = fetch(t, newClient(t, base, h, options()), Metrics, false)
	return got, f
}

func TestBasicAuthIsSent(t *testing.T) {
	r, f := requestWith(t, &HTTPConfig{BasicAuth: &config.BasicAuth{Username: "u", Password: "p"}})
	if f != nil {
		t.Fatal(f)
	}
	if name, password, ok := r.BasicAuth(); !ok || name != "u" || password != "p" {
		t.Errorf("got %q %q %v, want u p true", name, password, ok)
	}
}

func TestASecretInAFileIsReadForEachRequest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	h := &HTTPConfig{Authorization: &config.Authorization{Type: "Bearer", CredentialsFile: path}}
	for _, token := range []string{"one", "two"} {
		if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		r, f := requestWith(t, h)
		if f != nil {
			t.Fatal(f)
		}
		if got, want := r.Header.Get("Authorization"), "Bearer "+token; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestASecretThatCannotBeReadHasReasonAuth(t *testing.T) {
	_, f := requestWith(t, &HTTPConfig{BasicAuth: &config.BasicAuth{Username: "u", PasswordFile: filepath.Join(t.TempDir(), "none")}})
	if f == nil || f.Reason != ReasonAuth || f.Retry {
		t.Errorf("got %v, want reason auth, not retried", f)
	}
}

func TestNewClientRejectsAnUnreadableCertificate(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "localhost:9000"}
	if _, err := NewClient(u, &HTTPConfig{TLSConfig: config.TLSConfig{CAFile: filepath.Join(t.TempDir(), "none")}}, options()); err == nil {
		t.Error("got nil, want an error")
	}
}

// A reload compares the settings of upstreams, so a client must not change them.
func TestAClientDoesNotChangeItsSettings(t *testing.T) {
	settings := func() *HTTPConfig {
		proxy := config.URL{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}
		return &HTTPConfig{
			ProxyConfig: config.ProxyConfig{ProxyURL: proxy},
			OAuth2:      &config.OAuth2{ClientID: "id", ClientSecret: "s", TokenURL: "http://127.0.0.1:1/token", ProxyConfig: config.ProxyConfig{ProxyURL: proxy}},
		}
	}
	h := settings()
	if _, f := requestWith(t, h); f == nil {
		t.Error("got a document through a proxy that does not exist")
	}
	if !reflect.DeepEqual(h, settings()) {
		t.Errorf("got %+v, want %+v", h, settings())
	}
}
