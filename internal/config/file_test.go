package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/discovery"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/retry"
)

// loadFile writes a file c.yml to a new working directory and loads it.
func loadFile(t *testing.T, text string, args ...string) (*Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "c.yml", text)
	return load(append([]string{"--config.file=c.yml"}, args...))
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// mustLoad is like loadFile, for a file that must be valid.
func mustLoad(t *testing.T, text string, args ...string) *Config {
	t.Helper()
	c, err := loadFile(t, text, args...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func namesOf(c *Config) (names []string) {
	for _, u := range c.Upstreams() {
		names = append(names, u.Name)
	}
	return names
}

func TestAnUpstreamHasItsOwnSettings(t *testing.T) {
	c := mustLoad(t, `
upstreams:
- name: a
  url: http://a:1/base
  api: mixnodes
  collect: {interval: 20s, timeout: 10s}
  request: {timeout: 4s}
  retry: {attempts: 2, backoff: 2s, max-backoff: 3s, jitter: none}
  breaker: {failures: 7, open: 9s}
  cache: {ttl: 0s, max-stale: 1h}
  metrics: {latency-histogram: true, mixnodes: 5}
- url: http://b
`)
	got := c.Upstreams()
	none, err := retry.ParseJitter("none")
	if err != nil {
		t.Fatal(err)
	}
	want := fleet.Settings{
		Interval: 20 * time.Second, Timeout: 10 * time.Second, RequestTimeout: 4 * time.Second, Attempts: 2, Backoff: 2 * time.Second,
		MaxBackoff: 3 * time.Second, Jitter: none, BreakerFailures: 7, BreakerOpen: 9 * time.Second, MaxStale: time.Hour,
		Histogram: true, Mixnodes: 5,
	}
	if got[0].Settings != want || got[0].API != betanet.MixnodesAPI || got[0].URLs[0].String() != "http://a:1/base" {
		t.Errorf("got %+v, want settings %+v", got[0], want)
	}
	if got[1].Name != "b:80" || got[1].Settings != c.Settings || got[1].API != betanet.Auto {
		t.Errorf("got %+v, want the default settings %+v", got[1], c.Settings)
	}
}

func TestEveryOptionOfAnUpstreamIsAKeyOfTheFile(t *testing.T) {
	for _, o := range options {
		if !o.upstream {
			continue
		}
		path := strings.Split(o.keyPath(), ".")
		for _, at := range []string{"defaults: {%}", "upstreams: [{url: http://a, %}]"} {
			text := strings.Replace(at, "%", strings.Join(path, ": {")+`: "\t"`+strings.Repeat("}", len(path)-1), 1)
			where := map[byte]string{'d': "defaults.", 'u': "upstreams[0]."}[at[0]]
			_, err := loadFile(t, text)
			if err == nil || !strings.Contains(err.Error(), "c.yml: "+where+o.keyPath()+" (line 1): ") {
				t.Errorf("%s: got %v, want an error that names the key", text, err)
			}
		}
	}
}

func TestDefaultsAreComputedPerUpstream(t *testing.T) {
	c := mustLoad(t, "upstreams:\n- {url: http://a, collect: {interval: 3s}}\n- {url: http://b, collect: {interval: 1s}, retry: {backoff: 6s}}\n- {url: http://c}")
	for i, want := range [][3]time.Duration{
		{2 * time.Second, 2 * time.Second, 4 * time.Second},
		{900 * time.Millisecond, 900 * time.Millisecond, 6 * time.Second},
		{14 * time.Second, 5 * time.Second, 4 * time.Second},
	} {
		s := c.Upstreams()[i].Settings
		if got := [3]time.Duration{s.Timeout, s.RequestTimeout, s.MaxBackoff}; got != want {
			t.Errorf("upstream %d: got %v, want %v", i, got, want)
		}
	}
}

func TestAFlagIsNotReplacedByAComputedDefault(t *testing.T) {
	c := mustLoad(t, "upstreams:\n- {url: http://a, collect: {interval: 60s}}", "--collect.timeout=10s")
	if got := c.Upstreams()[0].Settings.Timeout; got != 10*time.Second {
		t.Errorf("got %v, want 10s", got)
	}
}

// Upstreams have names if a file is configured or if there are several of them.
func TestUpstreamsComeFromArgumentsFlagsVariableAndFile(t *testing.T) {
	for _, c := range []struct {
		args, env, file string
		want            []string // name and URL
	}{
		{want: []string{" http://localhost:9000"}},
		{args: "--betanet.url=http://a:1/base", want: []string{" http://a:1/base"}},
		{args: "--betanet.url=http://a --betanet.url=http://b", want: []string{"a:80 http://a", "b:80 http://b"}},
		{env: "http://a:1,http://b:2  http://c:3\n", want: []string{"a:1 http://a:1", "b:2 http://b:2", "c:3 http://c:3"}},
		{args: "--betanet.url=http://a:1 --betanet.url=http://b:2", file: "upstreams: [{name: x, url: http://c}]", want: []string{"a:1 http://a:1", "b:2 http://b:2", "x http://c"}},
		{file: "# nothing", want: []string{"localhost:9000 http://localhost:9000"}},
		{file: "upstreams:", want: []string{"localhost:9000 http://localhost:9000"}},
		{file: "probe: {allow: [a]}", want: []string{"localhost:9000 http://localhost:9000"}},
		{file: "upstreams: [{url: http://a}]", want: []string{"a:80 http://a"}},
		{file: "discovery: {dns: [{name: a}]}"},
		{file: "discovery: {files: [{paths: [a.yml]}]}"},
		{args: "http://a", file: "# nothing", want: []string{" http://a"}},
		{args: "http://a http://b", file: "# nothing", want: []string{"a:80 http://a", "b:80 http://b"}},
	} {
		args := strings.Fields(c.args)
		if c.file != "" {
			args = append(args, "--config.file=c.yml")
		}
		if strings.HasPrefix(c.args, "http") {
			args = append([]string{"collect"}, args...)
		}
		t.Chdir(t.TempDir())
		write(t, "c.yml", c.file)
		cfg, err := load(args, "BETANET_EXPORTER_BETANET_URL="+c.env)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		var got []string
		for _, u := range cfg.Upstreams() {
			got = append(got, fmt.Sprint(u.Name, " ", u.URLs[0]))
		}
		named := len(got) == 0 || !strings.HasPrefix(got[0], " ")
		if !slices.Equal(got, c.want) || cfg.named != named {
			t.Errorf("%+v: got %q, named %v, want %q", c, got, cfg.named, c.want)
		}
	}
}

func TestArgumentsOfCollectReplaceTheUpstreams(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "c.yml", "defaults: {collect: {interval: 20s}}\nupstreams: [{url: http://a}]")
	c, err := load([]string{"collect", "--config.file=c.yml", "http://b"})
	if err != nil {
		t.Fatal(err)
	}
	if u := c.Upstreams(); len(u) != 1 || u[0].DisplayName() != "b:80" || u[0].Settings.Interval != 20*time.Second {
		t.Errorf("got %v", u)
	}
}

func TestAnUpstreamMayHaveReplicas(t *testing.T) {
	c := mustLoad(t, "upstreams: [{replicas: [http://b:9, http://a:9]}]")
	u := c.Upstreams()[0]
	if len(u.URLs) != 2 || u.URLs[1].String() != "http://a:9" || u.Name != "b:9" {
		t.Errorf("got %v at %v", u.Name, u.URLs)
	}
}

func TestLabelsOfDefaultsAndUpstreamAreMerged(t *testing.T) {
	c := mustLoad(t, `
defaults: {labels: {z: "1", b: "2", gone: x}}
upstreams: [{url: http://a, labels: {b: "3", a: 4, gone: ""}}]`, "--betanet.url=http://f")
	if got, want := c.Upstreams()[1].Labels, []fleet.Label{{Name: "a", Value: "4"}, {Name: "b", Value: "3"}, {Name: "z", Value: "1"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := c.Upstreams()[0].Labels, []fleet.Label{{Name: "b", Value: "2"}, {Name: "gone", Value: "x"}, {Name: "z", Value: "1"}}; !slices.Equal(got, want) {
		t.Errorf("upstream of the flag: got %v, want %v", got, want)
	}
}

func TestDiscoverySourcesAreRead(t *testing.T) {
	c := mustLoad(t, `
discovery:
  files: [{paths: [fleet/*.json, /etc/x.yml], http_client: {basic_auth: {username: f}}}]
  http: [{url: "http://sd/t?a=b", source_http_client: {basic_auth: {username: s}}, http_client: {basic_auth: {username: h}}}, {url: "http://sd2", refresh: 1m}]
  dns: [{name: a.svc}, {name: _b._tcp.svc, type: SRV, refresh: 5s}, {name: c, port: 1, http_client: {}}]`)
	d := c.Discovery
	if got, want := d.Files[0].Paths, []string{"fleet/*.json", "/etc/x.yml"}; !slices.Equal(got, want) || d.Files[0].HTTP.BasicAuth.Username != "f" {
		t.Errorf("got %v, want %v", got, want)
	}
	if h := d.HTTP[0]; h.URL.String() != "http://sd/t?a=b" || h.Refresh != 30*time.Second || h.SourceHTTP.BasicAuth.Username != "s" || h.HTTP.BasicAuth.Username != "h" {
		t.Errorf("got %+v", h)
	}
	if h := d.HTTP[1]; h.Refresh != time.Minute || h.SourceHTTP != nil || h.HTTP != nil {
		t.Errorf("got %+v", h)
	}
	want := []discovery.DNSConfig{{Name: "a.svc", Type: "A", Port: 9000, Refresh: 30 * time.Second}, {Name: "_b._tcp.svc", Type: "SRV", Refresh: 5 * time.Second}}
	if got := d.DNS[:2]; !reflect.DeepEqual(got, want) || d.DNS[2].Port != 1 || d.DNS[2].HTTP == nil || !c.Discovery.Any() {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestPathsOfDiscoveryAreRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "c.yml"), "discovery: {files: [{paths: [fleet/*.json, /etc/x.yml]}]}")
	c, err := load([]string{"--config.file=" + filepath.Join(dir, "c.yml")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Discovery.Files[0].Paths, []string{filepath.Join(dir, "fleet/*.json"), "/etc/x.yml"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDiscoveredUpstreamsGetTheSharedSettings(t *testing.T) {
	c := mustLoad(t, "defaults: {api: v1, collect: {interval: 20s}}\nupstreams: [{url: http://a, api: mixnodes, collect: {interval: 40s}}]", "--retry.attempts=2")
	if s := c.Settings; s.Interval != 20*time.Second || s.Timeout != 19*time.Second || s.Attempts != 2 || c.API != betanet.V1 {
		t.Errorf("got %+v and %v", s, c.API)
	}
}

func TestTheModeIsPollOrProbe(t *testing.T) {
	for mode, want := range map[string]bool{"poll": false, "probe": true} {
		if c, err := load([]string{"--collect.mode=" + mode}); err != nil || c.ProbeMode != want {
			t.Errorf("%s: got %+v, %v, want ProbeMode %v", mode, c, err, want)
		}
	}
}

func TestLoadReadsTheFileAgain(t *testing.T) {
	t.Chdir(t.TempDir())
	args := []string{"--config.file=c.yml", "--retry.attempts=2"}
	for _, step := range []struct {
		text string
		want []string // nil for an error
	}{
		{"upstreams: [{name: a, url: http://a}]", []string{"a"}},
		{"upstreams: [{nmae: a, url: http://a}]", nil},
		{"upstreams: [{name: b, url: http://a}]", []string{"b"}},
	} {
		write(t, "c.yml", step.text)
		c, err := load(args)
		if step.want == nil {
			if err == nil || c != nil {
				t.Errorf("%s: got %v, %v, want only an error", step.text, c, err)
			}
			continue
		}
		if err != nil || !slices.Equal(namesOf(c), step.want) || c.Upstreams()[0].Settings.Attempts != 2 {
			t.Errorf("%s: got %v, %v, want %v", step.text, c, err, step.want)
		}
	}
}

func TestLoadingAFileTwiceYieldsEqualUpstreams(t *testing.T) {
	text := "defaults: {http_client: {basic_auth: {username: a, password: b}, proxy_url: http://p}}\nupstreams: [{url: http://a, labels: {x: y}}, {url: http://b, collect: {interval: 5s}, http_client: {http_headers: {A: {values: [b]}}}}]"
	a, b := mustLoad(t, text), mustLoad(t, text)
	for i, u := range a.Upstreams() {
		if !u.Same(b.Upstreams()[i]) {
			t.Errorf("upstream %d: got %+v, then %+v, want equal settings", i, u, b.Upstreams()[i])
		}
	}
}
