package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestEachErrorOfAFileIsALine has one small file for each error, and all that is
// said about it.
func TestEachErrorOfAFileIsALine(t *testing.T) {
	one := func(upstream string) string { return "upstreams:\n- url: http://a\n  " + upstream }
	for _, c := range []struct {
		text string
		want string // without "c.yml: " at the beginning of lines
	}{
		// Keys.
		{"upstreams:\n- nmae: a\n  url: http://a", `upstreams[0].nmae (line 2): unknown key, did you mean "name"?`},
		{"upstraems:", `upstraems (line 1): unknown key, did you mean "upstreams"?`},
		{"web: {}", `web (line 1): unknown key, use defaults, discovery, probe or upstreams`},
		{one("retry: {maxbackoff: 1s}"), `upstreams[0].retry.maxbackoff (line 3): unknown key, did you mean "max-backoff"?`},
		{"defaults: {name: a}", `defaults.name (line 1): unknown key, use api, breaker, cache, collect, http_client, labels, metrics, request or retry`},
		{"defaults: {collect: {mode: probe}}", `defaults.collect.mode (line 1): unknown key, use interval or timeout`},
		{one("url: http://b"), `upstreams[0].url (line 3): duplicate key`},
		{"\"a\\nb c\": 1", `"a\nb c" (line 1): unknown key, use defaults, discovery, probe or upstreams`},
		{"[a]: 1", " (line 1): has a key that is not a string"},
		{"upstreams:\n- ulr: http://a", `upstreams[0].ulr (line 2): unknown key, did you mean "url"?`},

		// Kinds.
		{"- a", " (line 1): is a list, use a mapping"},
		{"upstreams: {a: b}", "upstreams (line 1): is a mapping, use a list"},
		{"upstreams: a", "upstreams (line 1): is a single value, use a list"},
		{"upstreams: [a]", "upstreams[0] (line 1): is a single value, use a mapping"},
		{"upstreams:\n- ", "upstreams[0] (line 2): has no value, use a mapping with url or replicas"},
		{one("name: [a]"), "upstreams[0].name (line 3): is a list, use a single value"},
		{one("name:"), "upstreams[0].name (line 3): has no value"},
		{one("collect: 15s"), "upstreams[0].collect (line 3): is a single value, use a mapping"},
		{one("name: !!str a"), "upstreams[0].name (line 3): a YAML tag (!) is not supported, use the value without it, in quotes if necessary"},
		{one("labels: {a: {b: c}}"), "upstreams[0].labels.a (line 3): is a mapping, use a single value"},
		{one("name: " + strings.Repeat("x", 5000)), "upstreams[0].name (line 3): is longer than 4096 bytes"},

		// Values, with the texts of the flags.
		{one("collect: {interval: soon}"), `upstreams[0].collect.interval (line 3): "soon" is not a valid duration, use a number with a unit such as 500ms, 15s or 5m`},
		{one("breaker: {open: -3s}"), `upstreams[0].breaker.open (line 3): "-3s" is out of range, use more than 0`},
		{one("api: v2"), `upstreams[0].api (line 3): "v2" is not valid, use auto, v1 or mixnodes`},
		{one("retry: {attempts: 0}"), `upstreams[0].retry.attempts (line 3): "0" is not valid, use a whole number from 1 to 100`},
		{one("retry: {jitter: some}"), `upstreams[0].retry.jitter (line 3): "some" is not valid, use none, equal or full`},
		{one("metrics: {latency-histogram: yes}"), `upstreams[0].metrics.latency-histogram (line 3): "yes" is not valid, use true or false`},
		{"defaults: {cache: {ttl: x}}", `defaults.cache.ttl (line 1): "x" is not a valid duration, use a number with a unit such as 500ms, 15s or 5m`},

		// What only makes sense together.
		{one("collect: {interval: 5s, timeout: 5s}"), `upstreams[0].collect.timeout (line 3): 5s is not less than 5s, the time between two collections (collect.interval)`},
		{one("request: {timeout: 20s}"), `upstreams[0].request.timeout (line 3): 20s is more than 14s, the limit for a whole collection (collect.timeout)`},
		{"defaults: {retry: {max-backoff: 3s}}\n" + one("retry: {backoff: 4s}"), `upstreams[0].retry.backoff (line 4): 4s is more than 3s, the longest wait (retry.max-backoff)`},
		{"defaults: {collect: {timeout: 10s}}\n" + one("collect: {interval: 5s}"), `upstreams[0].collect.timeout (line 3, from defaults): 10s is not less than 5s, the time between two collections (collect.interval)`},
		{one("retry: {max-backoff: 500ms}"), `upstreams[0].retry.backoff (line 2, from the default): 1s is more than 500ms, the longest wait (retry.max-backoff)`},
		{"defaults: {collect: {timeout: 20s}}\n" + one("api: v1"), `defaults.collect.timeout (line 1): 20s is not less than 15s, the time between two collections (collect.interval)`},

		// URLs and names.
		{"upstreams:\n- name: a", "upstreams[0] (line 2): has no url, use url or replicas"},
		{one("replicas: [http://b]"), "upstreams[0].replicas (line 3): must not be set together with url, use one of the two"},
		{"upstreams:\n- replicas: []", "upstreams[0].replicas (line 2): is empty, use at least one URL"},
		{"upstreams:\n- replicas: [http://b, http://a, http://b/x]", `upstreams[0].replicas[2] (line 2): duplicate of upstreams[0].replicas[0] (line 2)`},
		{"upstreams:\n- url: http://me:secret@a", "upstreams[0].url (line 2): a URL with a user name or password in it is refused: it would show up in logs"},
		{"upstreams:\n- url: ftp://a", `upstreams[0].url (line 2): "ftp://a" is not a base URL, use one such as http://localhost:9000`},
		{one("name: ''"), `upstreams[0].name (line 3): "" is not a valid name, use 1 to 200 bytes without white space at the ends`},
		{one("name: ' a'"), `upstreams[0].name (line 3): " a" is not a valid name, use 1 to 200 bytes without white space at the ends`},
		{one("name: ."), `upstreams[0].name (line 3): "." is not a valid name, use 1 to 200 bytes without white space at the ends`},
		{"upstreams:\n- {name: x, url: http://a}\n- {name: x, url: http://b}", `upstreams[1].name (line 3): duplicate name "x", first at upstreams[0].name (line 2)`},
		{"upstreams:\n- {url: http://a}\n- {replicas: [http://a, http://b]}", `upstreams[1].replicas[0] (line 3): duplicate name "a:80", first at upstreams[0].url (line 2)`},

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
		{"discovery: {files: [{paths: ['*/a.txt']}]}", `discovery.files[0].paths[0] (line 1): "*/a.txt" is not a path of discovery files, use one such as fleet/*.json; * is accepted only in the last part, the end is .json, .yml or .yaml`},
		{"discovery: {files: [{paths: [a.yml]}, {paths: [a.yml]}]}", "discovery.files[1] (line 1): duplicate of discovery.files[0] (line 1)"},
		{"discovery: {http: [{refresh: 1s}]}", "discovery.http[0] (line 1): has no url"},
		{"discovery: {http: [{url: http://a, refresh: often}]}", `discovery.http[0].refresh (line 1): "often" is not a valid duration, use a number with a unit such as 500ms, 15s or 5m`},
		{"discovery: {http: [{url: 'http://me:secret@a/?q'}]}", "discovery.http[0].url (line 1): a URL with a user name or password in it is refused: it would show up in logs"},
		{"discovery: {http: [{url: 'http://me:sec?ret@a'}]}", "discovery.http[0].url (line 1): the query of the URL contains @ or #, write %40 or %23"},
		{"discovery: {files: [{paths: [a.JSON]}]}", `discovery.files[0].paths[0] (line 1): "a.JSON" is not a path of discovery files, use one such as fleet/*.json; * is accepted only in the last part, the end is .json, .yml or .yaml`},
		{"discovery: {dns: [{type: A}]}", "discovery.dns[0] (line 1): has no name"},
		{"discovery: {dns: [{name: 'a b'}]}", `discovery.dns[0].name (line 1): "a b" is not a DNS name, use one such as betanet.svc`},
		{"discovery: {dns: [{name: a, type: MX}]}", `discovery.dns[0].type (line 1): "MX" is not valid, use A, AAAA or SRV`},
		{"discovery: {dns: [{name: a, port: 0}]}", `discovery.dns[0].port (line 1): "0" is not valid, use a whole number from 1 to 65535`},
		{"discovery: {dns: [{name: a, type: SRV, port: 9000}]}", `discovery.dns[0].port (line 1): is not accepted with type SRV, whose records have a port`},
		{"probe: {alow: []}", `probe.alow (line 1): unknown key, did you mean "allow"?`},
		{"probe: {allow: ['10.0.0.0/33']}", `probe.allow[0] (line 1): "10.0.0.0/33" is not an address, CIDR or pattern of names with an optional port, use one such as 10.0.0.0/8, [fd00::1]:9000 or *.betanet.internal:9000`},

		// YAML.
		{"a: b: c", " (line 1): is not valid YAML: mapping values are not allowed in this context"},
		{"upstreams:\n- name: a\n url: x", " (line 3): is not valid YAML: did not find expected key"},
		{"upstreams:\n  - url: x\n    name: y\n   foo: z\n# end", " (line 4): is not valid YAML: did not find expected '-' indicator"},
		{"upstreams: [\n  a\nb: c", " (line 2): is not valid YAML: did not find expected ',' or ']'"},
		{"upstreams:\n- name: *s3cret", " (line 2): is not valid YAML: a value that starts with * refers to an anchor (&) that is not defined before it, put the value in quotes"},
		{"upstreams:\n- name: \"a", " (line 2): is not valid YAML: found unexpected end of stream"},
		{"upstreams:\n\t- url: http://a", " (line 2): is not valid YAML: a tab where spaces are needed, indent with spaces only"},
		{"upstreams:\n- url: http://a\n\tname: b", " (line 3): is not valid YAML: a tab where spaces are needed, indent with spaces only"},
		{"upstreams:\n- url: http://a\n \tname: b\n", " (line 3): is not valid YAML: a tab where spaces are needed, indent with spaces only"},
		{"upstreams:\n-\turl: http://a\n\tname: b\n", " (line 2): is not valid YAML: a tab where spaces are needed, indent with spaces only"},
		{"\tupstreams: []", " (line 1): is not valid YAML: a tab where spaces are needed, indent with spaces only"},
		{"upstreams:\n- url: http://a\n  labels:\n\t\ta: b\n", " (line 4): is not valid YAML: a tab where spaces are needed, indent with spaces only"},
		{"upstreams:\n- name: @s3cret", " (line 2): is not valid YAML: a value that starts with @ or ` must be in quotes"},
		{"upstreams: []\n---\n{}", " (line 2): contains a second document, use one document per file"},
		{"a: b\nc: \x01", " (line 2): is not UTF-8 text, or contains control characters"},
		{"a: b\n\xff", " (line 2): is not UTF-8 text, or contains control characters"},
		{"upstreams: [{url: http://a, <<: b}]", "upstreams[0] (line 1): << merges a single value, use an alias of a mapping"},
		{"defaults: &a {http_client: {oauth2: {client_id: a, token_url: 'http://a', claims: &c {x: *c}}}}", "defaults.http_client.oauth2.claims" + strings.Repeat(".x", 28) + " (line 1): is nested more than 32 levels deep"},
	} {
		text := strings.ReplaceAll(c.text, "name: .", "name: '.'")
		_, err := loadFile(t, text)
		want := "c.yml: " + c.want
		if strings.HasPrefix(c.want, " ") || strings.HasPrefix(c.want, ":") {
			want = "c.yml" + c.want
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, want)
		}
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

func TestANameOfAFlagCannotBeThatOfTheFile(t *testing.T) {
	_, err := loadFile(t, "upstreams: [{name: 'a:80', url: http://b}]", "--betanet.url=http://a")
	want := `c.yml: upstreams[0].name (line 1): duplicate name "a:80", first at --betanet.url`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAFlagThatIsTooLongForAnUpstreamIsNamed(t *testing.T) {
	_, err := loadFile(t, "upstreams: [{url: http://b, collect: {interval: 5s}}]", "--collect.timeout=10s")
	want := `c.yml: upstreams[0].collect.timeout (line 1, from --collect.timeout): 10s is not less than 5s, the time between two collections (collect.interval)`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAFileThatCannotBeReadIsNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, "large.yml", "#"+strings.Repeat("x", 8<<20))
	for file, want := range map[string]string{
		"nowhere.yml": "no such file or directory", "folder": "is a directory", "large.yml": "more than 8 MiB, use a smaller file or discovery",
	} {
		for _, by := range []string{"--config.file", "BETANET_EXPORTER_CONFIG_FILE"} {
			_, err := load([]string{"--config.file=" + file})
			if by != "--config.file" {
				_, err = load(nil, by+"="+file)
			}
			if want := by + ": " + file + ": " + want; err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
}

func TestErrorsBeyondAThousandAreCounted(t *testing.T) {
	_, err := loadFile(t, "upstreams:\n"+strings.Repeat("- url: x\n", 1500))
	lines := strings.Split(fmt.Sprint(err), "\n")
	if want := "and 500 more errors"; len(lines) != 1001 || lines[1000] != want {
		t.Errorf("got %d lines and at last %q, want 1001 and %q", len(lines), lines[len(lines)-1], want)
	}
}

func TestErrorsOutsideTheFileHaveTheSameLimit(t *testing.T) {
	_, err := loadFile(t, "upstreams:\n"+strings.Repeat("- {name: x, url: http://a}\n", 1501))
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 1001 || lines[1000] != "and 500 more errors" {
		t.Errorf("got %d lines and at last %q", len(lines), lines[len(lines)-1])
	}
}

func TestUpstreamsHaveALimit(t *testing.T) {
	_, err := loadFile(t, "upstreams: ["+strings.Repeat("{},", maxUpstream+1)+"]")
	if want := "c.yml: upstreams (line 1): has 100001 elements, use at most 100000"; err == nil || err.Error() != want {
		t.Errorf("got %.200v, want %s", err, want)
	}
}

func TestAliasesCannotBlowUpAFile(t *testing.T) {
	var labels strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&labels, "l%d: 1, ", i)
	}
	_, err := loadFile(t, "upstreams:\n- url: http://a\n  labels: &l {"+labels.String()+"}\n"+strings.Repeat("- {url: http://a, labels: *l}\n", 50))
	if err == nil || !strings.HasSuffix(err.Error(), "is too large: more than 500000 values in the file, counting those of each alias") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %.300v", err)
	}
}

func TestMergesThatBringNothingNewCountToo(t *testing.T) {
	var labels strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&labels, "l%d: 1, ", i)
	}
	_, err := loadFile(t, "defaults:\n  labels: &l {"+labels.String()+"}\nupstreams:\n- {url: http://a, labels: {<<: ["+strings.Repeat("*l, ", 100)+"]}}")
	if err == nil || !strings.Contains(err.Error(), "upstreams[0].labels (line 4): is too large") {
		t.Errorf("got %.300v", err)
	}
}

func TestMergesThatContainThemselvesEnd(t *testing.T) {
	_, err := loadFile(t, "upstreams:\n- &x {url: http://a, <<: [*x, *x, *x, *x]}")
	if err == nil || !strings.Contains(err.Error(), "is too large") {
		t.Errorf("got %.300v", err)
	}
}

func TestAnErrorIsOnlyOfAFileThatIsKnown(t *testing.T) {
	_, err := load([]string{"demo", "--config.file=x"})
	if want := "unknown flag --config.file for command demo, see demo --help"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := load([]string{"demo"}, "BETANET_EXPORTER_CONFIG_FILE=nowhere.yml"); err != nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want the variable left alone", err)
	}
}
