package betanet

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/common/config"
)

// TestAProxyOfATokenServerThatFailsIsProxy asks for the token of an upstream
// through a proxy; the upstream itself is asked directly.
func TestAProxyOfATokenServerThatFailsIsProxy(t *testing.T) {
	upstream, _ := serve(t, healthy)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	cut := listen(t, say(""))
	forbids, finds := connectProxy(t, http.StatusForbidden), connectProxy(t, http.StatusBadGateway)
	for proxy, c := range map[string]struct {
		want verdict
		text string
	}{
		forbids:                        {enough(ReasonProxy), ": proxy " + hostOf(forbids) + " answered CONNECT with status 403 Forbidden"},
		finds:                          {again(ReasonProxy), ": proxy " + hostOf(finds) + " answered CONNECT with status 502 Bad Gateway"},
		cut:                            {again(ReasonProxy), ": proxy " + hostOf(cut) + ": EOF"},
		"http://" + l.Addr().String():  {again(ReasonProxy), ": proxyconnect tcp: dial tcp " + l.Addr().String() + ": connect: connection refused"},
		connectProxy(t, http.StatusOK): {again(ReasonEOF), ": EOF"}, // the token server itself breaks off
	} {
		h := &HTTPConfig{OAuth2: &config.OAuth2{
			ClientID: "id", ClientSecret: "s", TokenURL: "https://" + hostOf(cut) + "/token", ProxyConfig: config.ProxyConfig{ProxyURL: proxyURL(t, proxy)},
		}}
		f := wantFailure(t, clientOf(t, upstream, h), Metrics, c.want)
		if !strings.HasSuffix(f.Error(), c.text) || strings.Contains(f.Error(), proxySecret) {
			t.Errorf("got %q, want it to end with %q", f, c.text)
		}
	}
}
