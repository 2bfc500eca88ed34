package fleet

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestParseAddressAcceptsHostAndPort(t *testing.T) {
	for text, want := range map[string]Address{
		"a:1": {Name: "a", Port: 1}, "A.Example.:9000": {Name: "A.Example.", Port: 9000}, "a-b_c:65535": {Name: "a-b_c", Port: 65535},
		"_a._tcp.b_:80": {Name: "_a._tcp.b_", Port: 80}, "127.1:80": {Name: "127.1", Port: 80},
		strings.Repeat("a", 63) + ":1": {Name: strings.Repeat("a", 63), Port: 1},
	} {
		if got, err := ParseAddress(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1", "[::1]:80": "::1", "[FE80::1%Eth-0]:80": "fe80::1%Eth-0", "[fe80::1%-x]:80": "fe80::1%-x", "[::ffff:1.2.3.4]:80": "::ffff:1.2.3.4",
	} {
		if got, err := ParseAddress(text); err != nil || got.Name != "" || got.IP.String() != want || got.Port != 80 {
			t.Errorf("%s: got %+v, %v, want %s", text, got, err, want)
		}
	}
}

func TestParseAddressRejectsOtherForms(t *testing.T) {
	for text, want := range map[string]string{
		"": "port", "a": "port", "[::1]": "port", "a:": "port", "a:0": "port", "a:65536": "port", "a:080": "port", "a:+1": "port", "a: 1": "port", "a:http": "port",
		"::1:80": "colons", "a:1:2": "colons", "a[::1]:80": "colons",
		":80": "name", ".:80": "name", "a..b:80": "name", ".a:80": "name", "a..:80": "name", "a b:80": "name", "a*:80": "name", "a,b:80": "name", "b\u00fccher:80": "name", "a\x00:80": "name", "a]:80": "name",
		"-a:80": "name", "a-:80": "name", "a.-b:80": "name", "a-.b:80": "name", "a-.:80": "name", "-:80": "name", strings.Repeat("a", 64) + ":80": "name",
		"[a]:80": "brackets", "[]:80": "brackets", "[::1:80": "brackets", "[::1]x:80": "brackets", "[[::1]]:80": "brackets", "[127.0.0.1]:80": "brackets", "[::1%]:80": "brackets", "[::1% ]:80": "brackets",
		"[::1%" + strings.Repeat("x", 64) + "]:80": "brackets",
	} {
		if got, err := ParseAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, %v, want an error about the %s", text, got, err, want)
		}
	}
}

func TestCheckHyphensChecksOnlyHyphens(t *testing.T) {
	for host, valid := range map[string]bool{
		"": true, "a": true, "a-b": true, "a--b": true, "b\u00fccher": true, "*": true, "a..b": true, "a.": true, "fe80::1%-x": true, "fe80::1%a.-b": true,
		"-": false, "-a": false, "a-": false, "a.-b": false, "a-.b": false, "a.b-.": false, "*-": false,
	} {
		if err := CheckHyphens(host); (err == nil) != valid {
			t.Errorf("%q: got %v, want valid: %v", host, err, valid)
		}
	}
}

func TestEndsInNumberFindsEveryFormOfAnIPv4Address(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.1": true, "0177.1": true, "0x7f.1": true, "0x7f000001": true, "1.0xff": true, "2130706433": true, "0": true, "0x": true, "node.1": true,
		"a": false, "1.a": false, "0x7f.a": false, "0xg": false, "1a": false, "a1": false,
	} {
		if got := EndsInNumber(host); got != want {
			t.Errorf("%s: got %v, want %v", host, got, want)
		}
	}
}

func TestNormalHostIsInLowerCaseWithoutATrailingDot(t *testing.T) {
	for host, want := range map[string]string{"A.Example.": "a.example", "a": "a", "a..": "a.", ".": "", "": ""} {
		if got := NormalHost(host); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}

func TestHostPortAddsTheDefaultPort(t *testing.T) {
	for text, want := range map[string]string{
		"http://H": "h:80", "https://h": "h:443", "http://h:9000/p": "h:9000", "http://[FE80::1%25Eth0]": "[fe80::1%Eth0]:80", "https://[::1]:9000": "[::1]:9000",
	} {
		u, err := ParseURL(text, "http://x")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := HostPort(u); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestParseURLAcceptsOnlySchemeHostPortAndPath(t *testing.T) {
	const hyphen = " has a host label that begins or ends with a hyphen, use hyphens only between letters, digits and _"
	for text, want := range map[string]string{
		"http://a": "", "https://a:1/b/c": "", "http://a:080": "", "http://[::1]:80": "", "http://b\u00fccher": "", "http://a,b": "", "http://[fe80::1%25-x]": "",
		"http://-a": `"http://-a"` + hyphen, "https://a.b-:80/x": `"https://a.b-:80/x"` + hyphen,
		"ftp://a": `"ftp://a" is not a base URL, use one such as http://x`, "http://": `"http://" has no host, use a URL such as http://x`, "http://a b": `"http://a b" is not a base URL: invalid character " " in host name`,
		"http://a?": `"http://a?" has a query or fragment, use scheme, host, port and path only`, "http://a#": `"http://a#" has a query or fragment, use scheme, host, port and path only`,
		"http://a:0": `"http://a:0" has no valid port, use a number from 1 to 65535`, "http://a:65536": `"http://a:65536" has no valid port, use a number from 1 to 65535`, "http://a:": `"http://a:" has no valid port, use a number from 1 to 65535`,
		"http://u:p@a": "a URL with a user name or password in it is refused: it would show up in logs", "unix:/x": "unix sockets are not supported, use a URL such as http://x",
	} {
		u, err := ParseURL(text, "http://x")
		if got := strings.TrimPrefix(fmt.Sprint(err), "<nil>"); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
		if err == nil && u.String() != (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String() {
			t.Errorf("%s: got %s, want only scheme, host and path", text, u)
		}
	}
}

func TestLabelsAreClassified(t *testing.T) {
	for name, valid := range map[string]bool{"a": true, "_": true, "A1_b": true, "": false, "1a": false, "a-b": false, "a.b": false, "\u00e4": false, "a\n": false} {
		if got := IsLabelName(name); got != valid {
			t.Errorf("%q: got %v, want %v", name, got, valid)
		}
	}
	for _, name := range []string{"replica", "mixnode", "endpoint", "le", "quantile", "reason", "state"} {
		if !IsExporterLabel(name) || IsScraperLabel(name) || IsInternalLabel(name) {
			t.Errorf("%s is not classified as a label of the exporter", name)
		}
	}
	for _, name := range []string{"instance", "job"} {
		if IsExporterLabel(name) || !IsScraperLabel(name) || IsInternalLabel(name) {
			t.Errorf("%s is not classified as a label of the scraper", name)
		}
	}
	if IsExporterLabel("region") || IsScraperLabel("region") || IsInternalLabel("_region") || !IsInternalLabel("__region") {
		t.Error("a custom label is classified as reserved")
	}
}

func TestDotSegmentsAreRecognized(t *testing.T) {
	for name, want := range map[string]bool{".": true, "..": true, "...": false, ".a": false, "": false} {
		if got := IsDotSegment(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}
