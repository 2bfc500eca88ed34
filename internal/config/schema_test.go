package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// published returns the output of --config.schema, compiled by an independent library.
func published(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var out bytes.Buffer
	if _, err := Load([]string{"--config.schema"}, nil, &out); !errors.Is(err, ErrDone) {
		t.Fatalf("got %v, want %v", err, ErrDone)
	}
	doc, err := jsonschema.UnmarshalJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file:///schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("file:///schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON converts a YAML value to JSON.
func asJSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = asJSON(v[k])
		}
	case []any:
		for i := range v {
			v[i] = asJSON(v[i])
		}
	case time.Time:
		return v.Format(time.DateOnly)
	}
	return v
}

// validKeys maps keys of the file to valid values. % stands for defaults and upstreams,
// # for every http_client.
var validKeys = map[string]string{
	"%.api": "v1", "%.collect.interval": "20s", "%.collect.timeout": "5s", "%.request.timeout": "2s", "%.retry.attempts": "2", "%.retry.backoff": "2s", "%.retry.max-backoff": "7s",
	"%.retry.jitter": "full", "%.breaker.failures": "7", "%.breaker.open": "9s", "%.cache.ttl": "0", "%.cache.max-stale": "1h30m", "%.metrics.latency-histogram": "true", "%.metrics.mixnodes": "5",
	"%.labels": "{a: b, c: 1, d: true}", "upstreams[].name": "edge", "upstreams[].url": "http://b:9000",
	"discovery.files[].paths": "[a.json, 'b/*.yml']", "discovery.http[].url": "'http://sd/x?a=b'", "discovery.http[].refresh": "60s", "discovery.dns[].name": "betanet.svc", "discovery.dns[].type": "AAAA",
	"discovery.dns[].port": "9001", "discovery.dns[].refresh": "5s", "probe.allow": "[10.0.0.0/8, '*.a:2']",
	"#.basic_auth": "{username: u, password: 1}", "#.authorization": "{credentials: c}", "#.oauth2": "{client_id: a, token_url: 'http://t', claims: {a: [1, {b: c}]}, scopes: [d], tls_config: {server_name: s}}",
	"#.bearer_token": "5", "#.tls_config": "{min_version: TLS12, insecure_skip_verify: true}", "#.proxy_url": "'http://u:pw@p:1'", "#.proxy_from_environment": "true",
	"#.follow_redirects": "false", "#.http_headers": "{X-A: {values: [b]}}",
}

// requiredEntries maps objects to an entry that they must have.
var requiredEntries = map[string]string{"upstreams[]": "url: http://a:1", "discovery.files[]": "paths: [x.yml]", "discovery.http[]": "url: http://sd", "discovery.dns[]": "name: n"}

// fileWith returns a file in flow style with an entry at a path.
func fileWith(path, key, entry string) string {
	text, at := entry, path
	for at != "" {
		if need := requiredEntries[at]; need != "" && !strings.HasPrefix(need, key+":") {
			text = need + ", " + text
		}
		last := at[strings.LastIndex(at, ".")+1:]
		at = strings.TrimSuffix(strings.TrimSuffix(at, last), ".")
		if name, list := strings.CutSuffix(last, "[]"); list {
			text = name + ": [{" + text + "}]"
		} else {
			text = last + ": {" + text + "}"
		}
		key = ""
	}
	return "{" + text + "}"
}

// TestThePublishedSchemaAgreesWithTheProgram compares the schema with the program on
// thousands of files. The schema must accept every file that the program accepts, and
// reject unknown keys and values of the wrong type.
func TestThePublishedSchemaAgreesWithTheProgram(t *testing.T) {
	s := published(t)
	dir := t.TempDir()
	t.Chdir(dir)
	files, accepted := 0, 0
	try := func(text string, reject bool) {
		files++
		write(t, "c.yml", text)
		_, err := load([]string{"--config.file=c.yml"})
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		invalid := s.Validate(asJSON(v))
		switch {
		case err == nil && invalid != nil:
			t.Errorf("%s\nis accepted, but the schema reports %v", text, invalid)
		case reject && (err == nil || invalid == nil):
			t.Errorf("%s\ngot %v, and from the schema %v, want an error from both", text, err, invalid)
		}
		if err == nil {
			accepted++
		}
	}
	places := map[byte][]string{
		'%': {"defaults", "upstreams[]"},
		'#': {"defaults.http_client", "upstreams[].http_client", "discovery.files[].http_client", "discovery.http[].http_client", "discovery.http[].source_http_client", "discovery.dns[].http_client"},
	}
	for pattern, value := range validKeys {
		in := places[pattern[0]]
		if in == nil {
			in = []string{pattern[:1]}
		}
		for _, place := range in {
			path := place + pattern[1:]
			i := strings.LastIndex(path, ".")
			at, key := path[:i], path[i+1:]
			try(fileWith(at, key, key+": "+value), false)
			try(fileWith(at, key, key+"x: "+value), true)
			try(fileWith(at, key, "zzzzzz: "+value), true)
			try(fileWith(at, key, key+": [[a]]"), true)
			try(fileWith(at, key, "<<: {"+key+": "+value+"}"), false)
			for _, v := range []string{"", "~", "5", "-1", "0", "1.5", "true", "'true'", "text", "''", "[a]", "[]", "{}", "{a: b}", "{a: }", "[~]", "2026-01-02", "5s", "v1", "http://h", "'5'", "+5"} {
				try(fileWith(at, key, key+": "+v), false)
			}
		}
	}
	if files < 2000 || accepted < files/8 {
		t.Errorf("got %d files, %d of them accepted, want at least 2000 files and an eighth of them accepted", files, accepted)
	}
}

func TestThePublishedSchemaAcceptsTheExample(t *testing.T) {
	var v any
	if err := yaml.Unmarshal([]byte(exampleFile), &v); err != nil {
		t.Fatal(err)
	}
	if err := published(t).Validate(asJSON(v)); err != nil {
		t.Error(err)
	}
}
