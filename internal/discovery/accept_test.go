package discovery

import (
	"net/url"
	"strings"
	"testing"
)

func TestCheckAddressAcceptsHostAndPort(t *testing.T) {
	for _, a := range []string{
		"a:1", "10.0.0.1:9000", "edge-1.betanet.internal:65535", "edge_1:9000", "betanet.svc.:9000", "xn--bcher-kva.example:80",
		"[::1]:9000", "[2001:db8::1]:9000", "[::ffff:10.0.0.1]:9000", "[fe80::1%eth0]:9000", "A.Example:9000",
		strings.Repeat("a", 63) + ":9000",
	} {
		if err := checkAddress(a); err != nil {
			t.Errorf("%s: got %v, want no error", a, err)
		}
		u := url.URL{Scheme: "http", Host: a}
		parsed, err := url.Parse(u.String())
		if err != nil || parsed.Host != a {
			t.Errorf("%s: parsed as a URL: got %v, %v, want the same host", a, parsed, err)
		}
	}
}

func TestCheckAddressRejectsOtherForms(t *testing.T) {
	const (
		noPort = "has no port, want host:port"
		port   = "has a bad port, want host:port with a port from 1 to 65535"
		host   = "has a bad host name, want labels of 1 to 63 letters, digits, - and _, with - neither first nor last"
		ipv6   = "has a bad host, want an IPv6 address between the brackets"
		path   = "has a path, want host:port"
		colons = "has too many colons, want host:port, where host is a name, an IPv4 address or an IPv6 address in brackets"
		isURL  = "is a URL, want host:port; for https, set the label __scheme__"
		user   = "has userinfo, want host:port; credentials belong in the source's http_client"
		long   = "is too long, want host:port of at most 256 bytes"
	)
	for a, want := range map[string]string{
		"": noPort, "a": noPort, "10.0.0.1": noPort, "[::1]": noPort, "[]": noPort,
		"a:": port, "a:0": port, "a:65536": port, "a:http": port, "a:-1": port, "a:+1": port, "a:080": port, "a: 80": port, "a:1_0": port, "a:٣": port, "[::1]:": port,
		":9000": host, " a:9000": host, "a b:9000": host, "a\n:9000": host, "bücher:9000": host, "a..b:9000": host, ".:9000": host, ".a:9000": host, "a,b:9000": host,
		"-a:9000": host, "a-:9000": host, "a.-b:9000": host, "a-.b:9000": host, "-:9000": host,
		"a%41:9000": host, "[a]:9000": ipv6, "[10.0.0.1]:9000": ipv6, "[]:9000": ipv6, "[::1:9000": ipv6, "[::1]x:9000": ipv6, "[::1%]:9000": ipv6, "[::1% ]:9000": ipv6,
		"[::g]:9000": ipv6, "a\x00:9000": host, strings.Repeat("a", 64) + ":9000": host, "[::1]]:9000": ipv6, "a[::1]:9000": colons,
		"a/:9000": path, "a:9000/": path, "a:9000/metrics": path, "a:9000?x=y": path, "a:9000#x": path,
		"::1": colons, "::1:9000": colons, "a:9000:9000": colons, "2001:db8::1": colons,
		"http://a:9000": isURL, "https://a": isURL, "http://u:p@a:9000": isURL, "://": isURL,
		"u:p@a:9000": user, "u@a:9000": user, "@a:9000": user,
		strings.Repeat("a.", 126) + "a:90000": long,
	} {
		if err := checkAddress(a); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %v", a, err, want)
		}
	}
}

func TestATargetHasAtMost256Bytes(t *testing.T) {
	a := strings.Repeat("a.", 125) + "a:9000"
	if err := checkAddress(a); len(a) != 256 || err != nil {
		t.Errorf("%d bytes: got %v, want no error", len(a), err)
	}
	if err := checkAddress("a" + a); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("%d bytes: got %v, want an error", len(a)+1, err)
	}
}
