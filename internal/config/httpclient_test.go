package config

import (
	"strings"
	"testing"
)

func TestHTTPSettingsOfAnUpstreamReplaceDefaults(t *testing.T) {
	c := mustLoad(t, `
defaults: {http_client: {basic_auth: {username: all}}}
upstreams: [{url: http://a}, {url: http://b, http_client: {}}, {url: http://c, http_client: }]
discovery: {dns: [{name: d}]}`, "--betanet.url=http://f")
	for i, want := range []string{"all", "all", "", "all"} {
		got := ""
		if h := c.Upstreams()[i].HTTP; h.BasicAuth != nil {
			got = h.BasicAuth.Username
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", c.Upstreams()[i].Name, got, want)
		}
	}
	if h := c.Discovery.DNS[0].HTTP; h != nil {
		t.Errorf("discovered upstream: got %+v, want none", h)
	}
}

func TestHTTPSettingsAreCheckedInEverySection(t *testing.T) {
	for _, c := range []struct{ text, at string }{
		{"defaults: {%: {x1: y}}", "defaults."},
		{"upstreams: [{url: http://a, %: {x1: y}}]", "upstreams[0]."},
		{"discovery: {files: [{paths: [a.yml], %: {x1: y}}]}", "discovery.files[0]."},
		{"discovery: {http: [{url: http://a, %: {x1: y}}]}", "discovery.http[0]."},
		{"discovery: {http: [{url: http://a, source_%: {x1: y}}]}", "discovery.http[0].source_"},
		{"discovery: {dns: [{name: a, %: {x1: y}}]}", "discovery.dns[0]."},
	} {
		_, err := loadFile(t, strings.Replace(c.text, "%", "http_client", 1))
		if err == nil || !strings.HasPrefix(err.Error(), "c.yml: "+c.at+"http_client (line 1): has an unknown key, use ") {
			t.Errorf("%s: got %v, want an unknown key in %shttp_client", c.text, err, c.at)
		}
	}
}
