package betanet

import (
	"net/http"
	"testing"

	"github.com/prometheus/common/config"
)

func TestHTTPClient(t *testing.T) {
	ok := func(http.ResponseWriter, *http.Request) {}
	redirect := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/elsewhere" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	}
	for name, c := range map[string]struct {
		h       *HTTPConfig
		handler http.HandlerFunc
		user    string
		status  int
	}{
		"sends credentials":         {&HTTPConfig{BasicAuth: &config.BasicAuth{Username: "lister", Password: "secret"}}, ok, "lister", 200},
		"needs no configuration":    {nil, ok, "", 200},
		"does not follow redirects": {nil, redirect, "", 302},
	} {
		t.Run(name, func(t *testing.T) {
			var got *http.Request
			base, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				got = r
				c.handler(w, r)
			})
			client, err := HTTPClient(c.h, "betanet_exporter/1.2.3", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdleConnections()
			resp, err := client.Get(base)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if user, _, _ := got.BasicAuth(); user != c.user || resp.StatusCode != c.status {
				t.Errorf("got user %q, status %d, want %q and %d", user, resp.StatusCode, c.user, c.status)
			}
			if want := "betanet_exporter/1.2.3"; got.UserAgent() != want {
				t.Errorf("got user agent %q, want %q", got.UserAgent(), want)
			}
		})
	}
}
