package config

import (
	"strconv"
	"strings"
	"testing"
)

// accepted checks that a configuration is accepted if want is empty, and else
// that it is refused with that error.
func accepted(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := errorText(err); got != want {
		t.Errorf("%.100s: got %q, want %q", what, got, want)
	}
}

func TestPortsOfURLsHaveTheirRange(t *testing.T) {
	for port, valid := range map[string]bool{"1": true, "65535": true, "0": false, "65536": false} {
		want := ""
		if !valid {
			want = `--betanet.url: "http://a:` + port + `" has no valid port, use a number from 1 to 65535`
		}
		_, err := load([]string{"--betanet.url=http://a:" + port})
		accepted(t, port, err, want)
		if !valid {
			want = `c.yml: discovery.dns[0].port (line 1): "` + port + `" is not valid, use a whole number from 1 to 65535`
		}
		_, err = loadFile(t, "discovery: {dns: [{name: a, port: "+port+"}]}")
		accepted(t, port, err, want)
	}
}

func TestABaseURLHasNoQueryAndNoFragment(t *testing.T) {
	for _, text := range []string{"http://a?", "http://a?b", "http://a#", "http://a#b"} {
		_, err := load([]string{"--betanet.url=" + text})
		accepted(t, text, err, `--betanet.url: "`+text+`" has a query or fragment, use scheme, host, port and path only`)
	}
}

func TestANameHasAtMost200Bytes(t *testing.T) {
	for n, valid := range map[int]bool{200: true, 201: false} {
		name, want := strings.Repeat("x", n), ""
		if !valid {
			want = `c.yml: upstreams[0].name (line 1): "` + name[:200] + `" is not a valid name, use 1 to 200 bytes without white space at the ends`
		}
		_, err := loadFile(t, "upstreams: [{url: http://a, name: "+name+"}]")
		accepted(t, name, err, want)
	}
}

// A name is a step of the path /upstream/NAME.
func TestANameIsNotAStepOfAPath(t *testing.T) {
	for name, valid := range map[string]bool{".": false, "..": false, "...": true, ".a": true} {
		_, err := loadFile(t, "upstreams: [{url: http://a, name: '"+name+"'}]")
		if valid != (err == nil) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestADNSNameHasAtMost253Bytes(t *testing.T) {
	for n, valid := range map[int]bool{253: true, 254: false} {
		name := strings.Repeat("a.", n/2-1) + strings.Repeat("b", n-2*(n/2-1))
		if len(name) != n {
			t.Fatalf("got %d bytes, want %d", len(name), n)
		}
		_, err := loadFile(t, "discovery: {dns: [{name: "+name+"}]}")
		if valid != (err == nil) {
			t.Errorf("%d bytes: got %.300v", n, err)
		}
	}
}

func TestACountHasBothLimits(t *testing.T) {
	for n, valid := range map[int]bool{0: false, 1: true, 100: true, 101: false} {
		text, want := strconv.Itoa(n), ""
		if !valid {
			want = `--retry.attempts: "` + text + `" is not valid, use a whole number from 1 to 100`
		}
		_, err := load([]string{"--retry.attempts=" + text})
		accepted(t, text, err, want)
	}
}

// The length of a secret says something about it.
func TestASecretMayBeLong(t *testing.T) {
	_, err := loadFile(t, "defaults: {http_client: {basic_auth: {username: u, password: "+strings.Repeat("x", 4097)+"}}}")
	accepted(t, "password", err, "")
}

// A key and its value may be on different lines, and so may an alias and what it
// stands for. What an operator looks for is the key, in a list the item.
func TestAnErrorHasTheLineOfItsKey(t *testing.T) {
	for text, want := range map[string]string{
		"upstreams:\n- url: http://a\n  name:\n\n    ''":                            `c.yml: upstreams[0].name (line 3): "" is not a valid name, use 1 to 200 bytes without white space at the ends`,
		"upstreams:\n- url: http://a\n  labels: {x: &x {}}\n  name:\n    *x":        "c.yml: upstreams[0].labels.x (line 3): is a mapping, use a single value\nc.yml: upstreams[0].name (line 4): is a mapping, use a single value",
		"probe:\n  allow:\n  - a\n  -\n    'b b'":                                   `c.yml: probe.allow[1] (line 5): ` + `"b b" is not an address, CIDR or pattern of names with an optional port, use one such as 10.0.0.0/8, [fd00::1]:9000 or *.betanet.internal:9000`,
		"upstreams:\n- url: http://a\n  labels: {x: &x ''}\n- replicas:\n  - *x":    `c.yml: upstreams[1].replicas[0] (line 5): "" is not a base URL, use one such as http://localhost:9000`,
		"defaults: {labels: &l {le: x}}\nupstreams:\n- url: http://a\n  labels: *l": `c.yml: defaults.labels.le (line 1): the label "le" is reserved, use another name` + "\n" + `c.yml: upstreams[0].labels.le (line 1): the label "le" is reserved, use another name`,
	} {
		_, err := loadFile(t, text)
		accepted(t, text, err, want)
	}
}

func TestHeadersOfAPushNeverShow(t *testing.T) {
	for _, headers := range []string{"authorization=Bearer%20" + canary, "x=" + canary + ",y=" + canary} {
		c, err := load([]string{"--otlp.endpoint=http://a"}, "OTEL_EXPORTER_OTLP_HEADERS="+headers)
		if got := said(t, c, err); err != nil || strings.Contains(got, canary) || !strings.Contains(got, "OTEL_EXPORTER_OTLP_HEADERS: <secret>") {
			t.Errorf("%s is printed as\n%s", headers, got)
		}
	}
	for _, headers := range []string{canary, "x=" + canary + "%zz", "x=" + canary + "%0a", "a b=" + canary} {
		c, err := load([]string{"--otlp.endpoint=http://a"}, "OTEL_EXPORTER_OTLP_HEADERS="+headers)
		if got := said(t, c, err); err == nil || strings.Contains(got, canary) {
			t.Errorf("%s says %s", headers, got)
		}
	}
}
