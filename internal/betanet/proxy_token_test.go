package betanet

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/common/config"
)

// Only the token is requested through the proxy.
func TestAFailedProxyOfATokenServerHasReasonProxy(t *testing.T) {
	upstream, _ := serve(t, healthy)
	closed := closedAddress(t)
	cut := listen(t, respondWith(""))
	forbidden, badGateway := connectProxy(t, http.StatusForbidden), connectProxy(t, http.StatusBadGateway)
	for proxy, c := range map[string]struct {
		want verdict
		text string
	}{
		forbidden:                      {permanent(ReasonProxy), ": proxy " + hostOf(forbidden) + " responded to CONNECT with status 403 Forbidden"},
		badGateway:                     {retryable(ReasonProxy), ": proxy " + hostOf(badGateway) + " responded to CONNECT with status 502 Bad Gateway"},
		cut:                            {retryable(ReasonProxy), ": proxy " + hostOf(cut) + ": EOF"},
		"http://" + closed:             {retryable(ReasonProxy), ": proxyconnect tcp: dial tcp " + closed + ": connect: connection refused"},
		connectProxy(t, http.StatusOK): {retryable(ReasonEOF), ": EOF"}, // the token server disconnects
	} {
		h := &HTTPConfig{OAuth2: &config.OAuth2{
			ClientID: "id", ClientSecret: "s", TokenURL: "https://" + hostOf(cut) + "/token", ProxyConfig: config.ProxyConfig{ProxyURL: proxyURL(t, proxy)},
		}}
		f := wantFailure(t, newClient(t, upstream, h, options()), Metrics, c.want)
		if !strings.HasSuffix(f.Error(), c.text) || strings.Contains(f.Error(), proxySecret) {
			t.Errorf("got %q, want it to end with %q", f, c.text)
		}
	}
}
