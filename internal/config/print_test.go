package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

const everything = `
defaults:
  api: v1
  collect: {interval: 20s}
  labels: {site: "1", empty: ""}
  http_client: {proxy_url: http://p, http_headers: {X-A: {files: [h]}}}
upstreams:
- name: 'a # "b'
  url: http://a/base
  collect: {interval: 5s}
  labels: {x: "yes", y: 'a: b', z: "\u00e4\n\ud7ff"}
  http_client: {basic_auth: {username: "on", password_file: h}, tls_config: {insecure_skip_verify: true, min_version: TLS12}}
- replicas: [http://b, https://b:9]
  metrics: {latency-histogram: false}
  http_client: {}
- {name: "1", url: "http://[::1]:9", retry: {backoff: 10s}}
discovery:
  files: [{paths: ["f/*.json", /x/y.yml], http_client: {oauth2: {client_id: a, token_url: http://t, scopes: [a, "1"]}}}]
  http: [{url: "http://sd/x?a=b&c={d}", refresh: 5s, source_http_client: {proxy_from_environment: true}}]
  dns: [{name: a}, {name: b, type: SRV, http_client: {}}]
probe:
  allow: [10.0.0.0/8, "[fd00::/8]:1", "*.a:2", a]
`

func TestThePrintedConfigurationLoadsUnchanged(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "h", "x")
	write(t, "c.yml", everything)
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	first, err := load([]string{"--config.file=" + dir + "/c.yml", "--betanet.url=http://flag:1", "--retry.attempts=4", "--no-metrics.latency-histogram"}, "BETANET_EXPORTER_CACHE_TTL=3s")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // printed paths are absolute
	text := output(t, first, nil)
	write(t, "again.yml", text)
	again, err := load([]string{"--config.file=again.yml"})
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	if got, want := len(again.Upstreams()), len(first.Upstreams()); got != want {
		t.Fatalf("got %d upstreams, want %d", got, want)
	}
	for i, u := range again.Upstreams() {
		if want := first.Upstreams()[i]; !u.Same(want) {
			t.Errorf("got %+v\nwant %+v\nin\n%s", u, want, text)
		}
	}
	if !reflect.DeepEqual(again.Discovery, first.Discovery) || !reflect.DeepEqual(again.Probe, first.Probe) || again.Settings != first.Settings {
		t.Errorf("got %+v, %+v\nwant %+v, %+v\nin\n%s", again.Discovery, again.Probe, first.Discovery, first.Probe, text)
	}
}

func TestEachValueIsPrintedWithItsOrigin(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "c.yml", `
defaults: {breaker: {open: 9s}, labels: {a: b}, http_client: {basic_auth: {username: u, password: p}}}
upstreams: [{name: x, url: http://a, collect: {interval: 30s}}]
discovery: {dns: [{name: n}]}
probe: {allow: ["10.0.0.0/8:9000"]}`)
	c, err := load([]string{"--config.file=c.yml", "--collect.interval=20s"}, "BETANET_EXPORTER_RETRY_ATTEMPTS=2")
	if err != nil {
		t.Fatal(err)
	}
	text := output(t, c, nil)
	for _, want := range []string{
		"# config:\n#   file: c.yml  # flag\n", "#   url: []  # default\n", "#   mode: poll  # default\n", "#   max-requests: 40  # default\n", "#   enable-pprof: false  # default\n",
		"\ndefaults:\n  api: auto  # default\n  collect:\n    interval: 20s  # flag\n    timeout: 19s  # default\n", "    attempts: 2  # env\n", "    open: 9s  # file\n",
		"  labels: {a: b}  # file\n  http_client: {basic_auth: {username: u, password: <secret>}}  # file\nupstreams:\n",
		"  - name: x  # file\n    url: \"http://a\"  # file\n    collect:\n      interval: 30s  # file\n      timeout: 29s  # default\ndiscovery:\n",
		"  dns:\n    - name: \"n\"  # file\n      type: A  # default\n      port: 9000  # default\n      refresh: 30s  # default\nprobe:\n  allow: [\"10.0.0.0/8\"]  # file\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestUpstreamsFromFlagsArePrinted(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "upstreams:\n  - url: \"http://localhost:9000\"  # default\n"},
		{[]string{"--betanet.url=http://a", "--betanet.url=http://b"}, "upstreams:\n  - name: a:80  # default\n    url: \"http://a\"  # flag\n  - name: b:80  # default\n    url: \"http://b\"  # flag\n"},
		{[]string{"collect", "http://a"}, "upstreams:\n  - url: \"http://a\"  # argument\n"},
	} {
		got, err := load(c.args)
		if err != nil {
			t.Fatal(err)
		}
		if text := output(t, got, nil); !strings.HasSuffix(text, c.want) {
			t.Errorf("%v: got\n%s\nwant at the end\n%s", c.args, text, c.want)
		}
	}
}
