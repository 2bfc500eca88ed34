package betanet

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/prometheus/common/config"
)

// asked runs one attempt with an operator's settings and gives the request that
// arrived, which was answered with the document.
func asked(t *testing.T, h *HTTPConfig) (*http.Request, *Failure) {
	t.Helper()
	var got *http.Request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(document(Metrics, nil)))
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(u, h, options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	_, f := c.Fetch(t.Context(), Metrics, false)
	return got, f
}

func TestBasicAuthIsSent(t *testing.T) {
	r, f := asked(t, &HTTPConfig{BasicAuth: &config.BasicAuth{Username: "u", Password: "p"}})
	if f != nil {
		t.Fatal(f)
	}
	if name, password, ok := r.BasicAuth(); !ok || name != "u" || password != "p" {
		t.Errorf("got %q %q %v, want u p true", name, password, ok)
	}
}

func TestASecretInAFileIsReadAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	h := &HTTPConfig{Authorization: &config.Authorization{Type: "Bearer", CredentialsFile: path}}
	for _, token := range []string{"one", "two"} {
		if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		r, f := asked(t, h)
		if f != nil {
			t.Fatal(f)
		}
		if got, want := r.Header.Get("Authorization"), "Bearer "+token; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestASecretThatCannotBeReadIsAuth(t *testing.T) {
	_, f := asked(t, &HTTPConfig{BasicAuth: &config.BasicAuth{Username: "u", PasswordFile: filepath.Join(t.TempDir(), "none")}})
	if f == nil || f.Reason != ReasonAuth || f.Retry {
		t.Errorf("got %v, want reason auth, not retried", f)
	}
}

func TestACertificateThatCannotBeReadIsAnErrorAtOnce(t *testing.T) {
	u := &url.URL{Scheme: "https", Host: "localhost:9000"}
	if _, err := NewClient(u, &HTTPConfig{TLSConfig: config.TLSConfig{CAFile: filepath.Join(t.TempDir(), "none")}}, options()); err == nil {
		t.Error("got nil, want an error")
	}
}

// Upstreams are compared at a reload: making connections must leave what the
// operator said as it was.
func TestConnectionsLeaveTheSettingsAlone(t *testing.T) {
	settings := func() *HTTPConfig {
		proxy := config.URL{URL: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}
		return &HTTPConfig{
			ProxyConfig: config.ProxyConfig{ProxyURL: proxy},
			OAuth2:      &config.OAuth2{ClientID: "id", ClientSecret: "s", TokenURL: "http://127.0.0.1:1/token", ProxyConfig: config.ProxyConfig{ProxyURL: proxy}},
		}
	}
	h := settings()
	if _, f := asked(t, h); f == nil {
		t.Error("got a document through a proxy that is not there")
	}
	if !reflect.DeepEqual(h, settings()) {
		t.Errorf("got %+v, want %+v", h, settings())
	}
}
