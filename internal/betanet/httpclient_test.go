package betanet

import (
	"net/http"
	"testing"

	"github.com/prometheus/common/config"
)

// listed is the user of the one request that a client makes, and the status that
// it saw.
func listed(t *testing.T, h *HTTPConfig, answer http.HandlerFunc) (user string, status int) {
	t.Helper()
	base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, _, _ = r.BasicAuth()
		answer(w, r)
	})
	c, err := HTTPClient(h, "betanet_exporter/test", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	resp, err := c.Get(base)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return user, resp.StatusCode
}

func TestTheClientOfAListSendsItsCredentials(t *testing.T) {
	h := &HTTPConfig{BasicAuth: &config.BasicAuth{Username: "lister", Password: "secret"}}
	if user, status := listed(t, h, func(http.ResponseWriter, *http.Request) {}); user != "lister" || status != 200 {
		t.Errorf("got user %q, status %d, want lister and 200", user, status)
	}
}

func TestTheClientOfAListNeedsNoConfiguration(t *testing.T) {
	if user, status := listed(t, nil, func(http.ResponseWriter, *http.Request) {}); user != "" || status != 200 {
		t.Errorf("got user %q, status %d, want none and 200", user, status)
	}
}

func TestTheClientOfAListFollowsNoRedirect(t *testing.T) {
	if _, status := listed(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/elsewhere" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	}); status != http.StatusFound {
		t.Errorf("status: got %d, want %d", status, http.StatusFound)
	}
}

func TestTheClientOfAListSaysWhoAsks(t *testing.T) {
	var agent string
	base, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { agent = r.UserAgent() })
	c, err := HTTPClient(nil, "betanet_exporter/1.2.3", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	resp, err := c.Get(base)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if want := "betanet_exporter/1.2.3"; agent != want {
		t.Errorf("got user agent %q, want %q", agent, want)
	}
}
