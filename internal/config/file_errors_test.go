package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/betanet/betanet_exporter/internal/schema"
)

// TestEachErrorInTheFileIsOneLine loads a small file for each error. Errors that do not
// depend on the keys of this file are tested in package schema.
func TestEachErrorInTheFileIsOneLine(t *testing.T) {
	one := func(upstream string) string { return "upstreams:\n- url: http://a\n  " + upstream }
	for _, c := range []struct {
		text string
		want string // without "c.yml: "
	}{
		// Keys and types.
		{"web: {}", `web (line 1): unknown key, use defaults, discovery, probe or upstreams`},
		{one("retry: {maxbackoff: 1s}"), `upstreams[0].retry.maxbackoff (line 3): unknown key, did you mean "max-backoff"?`},
		{"defaults: {name: a}", `defaults.name (line 1): unknown key, use api, breaker, cache, collect, http_client, labels, metrics, request or retry`},
		{"defaults: {collect: {mode: probe}}", `defaults.collect.mode (line 1): unknown key, use interval or timeout`},
		{"upstreams: [a]", "upstreams[0] (line 1): is a single value, use a mapping"},
		{"upstreams:\n- ", "upstreams[0] (line 2): has no value, use a mapping with url or replicas"},

		// Values, with the same messages as for flags.
		{one("collect: {interval: soon}"), `upstreams[0].collect.interval (line 3): "soon" is not a valid duration, use a number with a unit such as 500ms, 15s or 5m`},
		{one("breaker: {open: -3s}"), `upstreams[0].breaker.open (line 3): "-3s" is out of range, use more than 0`},
		{one("api: v2"), `upstreams[0].api (line 3): "v2" is not valid, use auto, v1 or mixnodes`},
		{one("retry: {attempts: 0}"), `upstreams[0].retry.attempts (line 3): "0" is not valid, use a whole number from 1 to 100`},
		{one("retry: {jitter: some}"), `upstreams[0].retry.jitter (line 3): "some" is not valid, use none, equal or full`},
		{one("metrics: {latency-histogram: yes}"), `upstreams[0].metrics.latency-histogram (line 3): "yes" is not valid, use true or false`},
		{"defaults: {cache: {ttl: x}}", `defaults.cache.ttl (line 1): "x" is not a valid duration, use a number with a unit such as 500ms, 15s or 5m`},

		// Settings that contradict each other.
		{one("collect: {interval: 5s, timeout: 5s}"), `upstreams[0].collect.timeout (line 3): 5s must be less than collect.interval (5s)`},
		{one("request: {timeout: 20s}"), `upstreams[0].request.timeout (line 3): 20s must not be more than collect.timeout (14s)`},
		{"defaults: {retry: {max-backoff: 3s}}\n" + one("retry: {backoff: 4s}"), `upstreams[0].retry.backoff (line 4): 4s must not be more than retry.max-backoff (3s)`},
		{"defaults: {collect: {timeout: 10s}}\n" + one("collect: {interval: 5s}"), `upstreams[0].collect.timeout (line 3, from defaults): 10s must be less than collect.interval (5s)`},
		{one("retry: {max-backoff: 500ms}"), `upstreams[0].retry.backoff (line 2, from the default): 1s must not be more than retry.max-backoff (500ms)`},
		{"defaults: {collect: {timeout: 20s}}\n" + one("api: v1"), `defaults.collect.timeout (line 1): 20s must be less than collect.interval (15s)`},

		// URLs and names.
		{"upstreams:\n- name: a", "upstreams[0] (line 2): has no url, use url or replicas"},
		{one("replicas: [http://b]"), "upstreams[0].replicas (line 3): must not be set together with url, use one of the two"},
		{"upstreams:\n- replicas: []", "upstreams[0].replicas (line 2): is empty, use at least one URL"},
		{"upstreams:\n- replicas: [http://b, http://a, http://b/x]", `upstreams[0].replicas[2] (line 2): duplicate of upstreams[0].replicas[0] (line 2)`},
		{"upstreams:\n- url: http://me:secret@a", "upstreams[0].url (line 2): a URL with a user name or password in it is refused: it would show up in logs"},
		{"upstreams:\n- url: ftp://a", `upstreams[0].url (line 2): "ftp://a" is not a base URL, use one such as http://localhost:9000`},
		{one("name: ''"), `upstreams[0].name (line 3): "" is not a valid name, use 1 to 200 bytes without white space at the ends`},
		{one("name: ' a'"), `upstreams[0].name (line 3): " a" is not a valid name, use 1 to 200 bytes without white space at the ends`},
		{one("name: '.'"), `upstreams[0].name (line 3): "." is not a valid name, use 1 to 200 bytes without white space at the ends`},
		{"upstreams:\n- {name: x, url: http://a}\n- {name: x, url: http://b}", `upstreams[1].name (line 3): duplicate name "x", first at upstreams[0].name (line 2)`},
		{"upstreams:\n- {url: http://a}\n- {replicas: [http://a, http://b]}", `upstreams[1].replicas[0] (line 3): duplicate name "a:80", first at upstreams[0].url (line 2)`},
		{"upstreams: [" + strings.Repeat("{},", maxUpstreams+1) + "]", "upstreams (line 1): has 100001 elements, use at most 100000"},

		// Labels.
		{one("labels: {a-b: x}"), `upstreams[0].labels.a-b (line 3): "a-b" is not a valid label name, use letters, digits and _, and no digit first`},
		{one("labels: {1a: x}"), `upstreams[0].labels.1a (line 3): "1a" is not a valid label name, use letters, digits and _, and no digit first`},
		{one("labels: {__a: x}"), `upstreams[0].labels.__a (line 3): the label "__a" is reserved, use another name`},
		{one("labels: {instance: x}"), `upstreams[0].labels.instance (line 3): the label "instance" is reserved, use another name`},
		{one("labels: {job: x}"), `upstreams[0].labels.job (line 3): the label "job" is reserved, use another name`},
		{one("labels: {quantile: x}"), `upstreams[0].labels.quantile (line 3): the label "quantile" is reserved, use another name`},
		{"defaults: {labels: {le: x}}", `defaults.labels.le (line 1): the label "le" is reserved, use another name`},
		{one("labels: {a: }"), `upstreams[0].labels.a (line 3): has no value`},

		// Discovery and probe.
		{"discovery: {files: [{}]}", "discovery.files[0] (line 1): has no paths"},
		{"discovery: {files: [{paths: []}]}", "discovery.files[0].paths (line 1): is empty, use at least one path"},
		{"discovery: {files: [{paths: ['*/a.txt']}]}", `discovery.files[0].paths[0] (line 1): "*/a.txt" is not a path of discovery files, use one such as fleet/*.json; only the file name may contain *, and it must end in .json, .yml or .yaml`},
		{"discovery: {files: [{paths: [a.yml]}, {paths: [a.yml]}]}", "discovery.files[1] (line 1): duplicate of discovery.files[0] (line 1)"},
		{"discovery: {http: [{refresh: 1s}]}", "discovery.http[0] (line 1): has no url"},
		{"discovery: {http: [{url: http://a, refresh: often}]}", `discovery.http[0].refresh (line 1): "often" is not a valid duration, use a number with a unit such as 500ms, 15s or 5m`},
		{"discovery: {http: [{url: 'http://me:secret@a/?q'}]}", "discovery.http[0].url (line 1): a URL with a user name or password in it is refused: it would show up in logs"},
		{"discovery: {http: [{url: 'http://me:sec?ret@a'}]}", "discovery.http[0].url (line 1): the query of the URL contains @ or #, write %40 or %23"},
		{"discovery: {files: [{paths: [a.JSON]}]}", `discovery.files[0].paths[0] (line 1): "a.JSON" is not a path of discovery files, use one such as fleet/*.json; only the file name may contain *, and it must end in .json, .yml or .yaml`},
		{"discovery: {dns: [{type: A}]}", "discovery.dns[0] (line 1): has no name"},
		{"discovery: {dns: [{name: 'a b'}]}", `discovery.dns[0].name (line 1): "a b" is not a DNS name, use one such as betanet.svc`},
		{"discovery: {dns: [{name: a, type: MX}]}", `discovery.dns[0].type (line 1): "MX" is not valid, use A, AAAA or SRV`},
		{"discovery: {dns: [{name: a, port: 0}]}", `discovery.dns[0].port (line 1): "0" is not valid, use a whole number from 1 to 65535`},
		{"discovery: {dns: [{name: a, type: SRV, port: 9000}]}", `discovery.dns[0].port (line 1): is not accepted with type SRV, whose records have a port`},
		{"probe: {alow: []}", `probe.alow (line 1): unknown key, did you mean "allow"?`},
		{"probe: {allow: ['10.0.0.0/33']}", `probe.allow[0] (line 1): "10.0.0.0/33" is not an address, CIDR or host name pattern with an optional port, use one such as 10.0.0.0/8, [fd00::1]:9000 or *.betanet.internal:9000`},
	} {
		_, err := loadFile(t, c.text)
		checkError(t, c.text, err, "c.yml: "+c.want)
	}
}

func TestAllErrorsAreReportedAtOnce(t *testing.T) {
	_, err := loadFile(t, `
upstreams:
- nmae: a
- url: http://a
  collect: {interval: soon, timeout: 0s}
  labels: {le: x}
defaults: {api: v3}
bogus: 1
`, "--retry.jitter=some")
	if err == nil {
		t.Fatal("got no error")
	}
	want := []string{
		`c.yml: upstreams[0].nmae (line 3): unknown key, did you mean "name"?`,
		`c.yml: upstreams[0] (line 3): has no url, use url or replicas`,
		`c.yml: upstreams[1].collect.interval (line 5): "soon" is not a valid duration, use a number with a unit such as 500ms, 15s or 5m`,
		`c.yml: upstreams[1].collect.timeout (line 5): "0s" is out of range, use more than 0`,
		`c.yml: upstreams[1].labels.le (line 6): the label "le" is reserved, use another name`,
		`c.yml: defaults.api (line 7): "v3" is not valid, use auto, v1 or mixnodes`,
		`c.yml: bogus (line 8): unknown key, use defaults, discovery, probe or upstreams`,
		`--retry.jitter: "some" is not valid, use none, equal or full`,
	}
	if got := strings.Split(err.Error(), "\n"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", err, strings.Join(want, "\n"))
	}
}

func TestDemoIgnoresTheVariableForTheFile(t *testing.T) {
	if _, err := load([]string{"demo"}, "BETANET_EXPORTER_CONFIG_FILE=nowhere.yml"); err != nil {
		t.Errorf("got %v, want the variable ignored", err)
	}
}

func TestFlagsAreCheckedWithTheFile(t *testing.T) {
	for _, c := range []struct{ flag, text, want string }{
		{"--betanet.url=http://a", "upstreams: [{name: 'a:80', url: http://b}]", `upstreams[0].name (line 1): duplicate name "a:80", first at --betanet.url`},
		{"--collect.timeout=10s", "upstreams: [{url: http://b, collect: {interval: 5s}}]", `upstreams[0].collect.timeout (line 1, from --collect.timeout): 10s must be less than collect.interval (5s)`},
	} {
		_, err := loadFile(t, c.text, c.flag)
		checkError(t, c.text, err, "c.yml: "+c.want)
	}
}

func TestErrorsBeyondTheLimitAreCounted(t *testing.T) {
	for name, upstreams := range map[string]string{
		"in the file":          strings.Repeat("- url: x\n", schema.MaxErrors+500),
		"of several upstreams": strings.Repeat("- {name: x, url: http://a}\n", 1+schema.MaxErrors+500),
	} {
		_, err := loadFile(t, "upstreams:\n"+upstreams)
		if lines := strings.Split(errorText(err), "\n"); len(lines) != 1001 || lines[1000] != "and 500 more errors" {
			t.Errorf("%s: got %d lines, the last of them %q, want 1001 lines that end with the number of further errors", name, len(lines), lines[len(lines)-1])
		}
	}
}
