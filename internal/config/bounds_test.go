package config

import (
	"strings"
	"testing"
)

// checkError checks the text of an error. If want is empty, there must be no error.
func checkError(t *testing.T, name string, err error, want string) {
	t.Helper()
	if got := errorText(err); got != want {
		t.Errorf("%.100s:\ngot  %.500s\nwant %s", name, got, want)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestValuesAreCheckedAtTheirBounds(t *testing.T) {
	const (
		urlPort  = " has no valid port, use a number from 1 to 65535"
		dnsPort  = " is not valid, use a whole number from 1 to 65535"
		query    = " has a query or fragment, use scheme, host, port and path only"
		attempts = " is not valid, use a whole number from 1 to 100"
		badName  = " is not a valid name, use 1 to 200 bytes without white space at the ends"
	)
	url := func(text string) string { return "--betanet.url=" + text }
	port := func(text string) string { return "discovery: {dns: [{name: a, port: " + text + "}]}" }
	name := func(text string) string { return "upstreams: [{url: http://a, name: '" + text + "'}]" }
	dnsName := func(n int) string { return strings.Repeat("a.", n/2-1) + strings.Repeat("b", n-2*(n/2-1)) }
	dns := func(text string) string { return "discovery: {dns: [{name: " + text + "}]}" }
	for _, c := range []struct{ flag, file, want string }{
		{flag: url("http://a:1")},
		{flag: url("http://a:65535")},
		{flag: url("http://a:0"), want: `--betanet.url: "http://a:0"` + urlPort},
		{flag: url("http://a:65536"), want: `--betanet.url: "http://a:65536"` + urlPort},
		{flag: url("http://a?"), want: `--betanet.url: "http://a?"` + query},
		{flag: url("http://a?b"), want: `--betanet.url: "http://a?b"` + query},
		{flag: url("http://a#"), want: `--betanet.url: "http://a#"` + query},
		{flag: url("http://a#b"), want: `--betanet.url: "http://a#b"` + query},
		{flag: "--retry.attempts=0", want: `--retry.attempts: "0"` + attempts},
		{flag: "--retry.attempts=1"},
		{flag: "--retry.attempts=100"},
		{flag: "--retry.attempts=101", want: `--retry.attempts: "101"` + attempts},
		{flag: "--collect.mode=push", want: `--collect.mode: "push" is not valid, use poll or probe`},
		{file: port("1")},
		{file: port("65535")},
		{file: port("0"), want: `c.yml: discovery.dns[0].port (line 1): "0"` + dnsPort},
		{file: port("65536"), want: `c.yml: discovery.dns[0].port (line 1): "65536"` + dnsPort},
		{file: dns(dnsName(253))},
		{file: dns(dnsName(254)), want: `c.yml: discovery.dns[0].name (line 1): "` + dnsName(254)[:253] + `" is not a DNS name, use one such as betanet.svc`},
		{file: name(strings.Repeat("x", 200))},
		{file: name(strings.Repeat("x", 201)), want: `c.yml: upstreams[0].name (line 1): "` + strings.Repeat("x", 200) + `"` + badName},
		// A name is a segment of the path /upstream/NAME.
		{file: name("."), want: `c.yml: upstreams[0].name (line 1): "."` + badName},
		{file: name(".."), want: `c.yml: upstreams[0].name (line 1): ".."` + badName},
		{file: name("...")},
		{file: name(".a")},
	} {
		var err error
		if c.flag != "" {
			_, err = load([]string{c.flag})
		} else {
			_, err = loadFile(t, c.file)
		}
		checkError(t, c.flag+c.file, err, c.want)
	}
}
