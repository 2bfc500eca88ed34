package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/betanet/betanet_exporter/internal/schema"
)

const canary = "s3cr3t-canary"

// validSecrets are http_client sections with a secret at each key that may have one.
var validSecrets = []string{
	"{basic_auth: {username: u, password: CANARY}}",
	"{authorization: {credentials: CANARY}}",
	"{authorization: {type: Token, credentials: CANARY}}",
	"{bearer_token: CANARY}",
	"{oauth2: {client_id: a, client_secret: CANARY, token_url: http://t}}",
	"{oauth2: {client_id: a, client_certificate_key: CANARY, token_url: http://t}}",
	"{oauth2: {client_id: a, token_url: http://t, endpoint_params: {p: CANARY}}}",
	"{oauth2: {client_id: a, token_url: http://t, claims: {p: CANARY, q: [CANARY, {r: CANARY}]}}}",
	"{oauth2: {client_id: a, token_url: 'http://CANARY:CANARY@t'}}",
	"{oauth2: {client_id: a, token_url: 'http://t', proxy_url: 'http://u:CANARY@p'}}",
	"{proxy_url: 'http://u:CANARY@p:1'}",
	"{proxy_url: 'http://CANARY@p:1'}",
	"{proxy_url: http://p, proxy_connect_header: {X-A: [CANARY, CANARY]}}",
	"{http_headers: {X-A: {values: [CANARY]}}}",
	"{http_headers: {X-A: {secrets: [CANARY]}}}",
	"{http_headers: {Host: {secrets: [CANARY]}}}",
}

// invalidSecrets are invalid http_client sections with a secret.
var invalidSecrets = []string{
	"{basic_auth: {password:CANARY}}",
	"{basic_auth: {password: [CANARY]}}",
	"{basic_auth: {password: {CANARY}}}",
	"{basic_auth: {password: !!int CANARY}}",
	"{basic_auth: {password: !CANARY x}}",
	"{basic_auth: {password: !!binary CANARY}}",
	"{basic_auth: {password: *CANARY}}",
	"{basic_auth: {password: @CANARY}}",
	"{basic_auth: {password: \"\\CANARY\"}}",
	"{basic_auth: {password: \"CANARY}}",
	"{basic_auth: {password: CANARY, password: CANARY}}",
	"{basic_auth: {passwrod: CANARY}}",
	"{basic_auth: CANARY}",
	"{basic_auth: {CANARY, CANARY}}",
	"{basic_auth: [CANARY]}",
	"{follow_redirects: CANARY}",
	"{tls_config: {min_version: CANARY}}",
	"{tls_config: {key: CANARY}}",
	"{tls_config: {key: CANARY, cert: CANARY}}",
	"{tls_config: {ca: CANARY}}",
	"{proxy_url: 'CANARY'}",
	"{proxy_url: 'http://u:CANARY@%zz'}",
	"{proxy_url: 'ftp://u:CANARY@p'}",
	"{proxy_connect_header: {X-A: [CANARY]}}",
	"{proxy_connect_header: {X-A: CANARY}}",
	"{http_headers: {X-A:CANARY}}",
	"{http_headers: {X-A: CANARY}}",
	"{http_headers: {X-A: {values: CANARY}}}",
	"{http_headers: {Host: {values: [CANARY, CANARY]}}}",
	"{http_headers: {Host: {values: ['CANARY CANARY']}}}",
	"{http_headers: {'X A': {values: [CANARY]}}}",
	"{oauth2: {client_secret: CANARY}}",
	"{oauth2: {claims: {a:CANARY}}}",
	"{oauth2: {client_id: a, token_url: 'http://t', endpoint_params: {a:CANARY}}}",
	"{authorization: {type: basic, credentials: CANARY}}",
	"{authorization: {credentials: CANARY}, bearer_token: CANARY}",
	"{authorization: {credentials: CANARY, <<: CANARY}}",
	"CANARY",
	"[CANARY]",
}

// httpFiles are configuration files with the placeholder HTTP for each http_client.
var httpFiles = []string{
	"defaults:\n  http_client: HTTP\n",
	"upstreams:\n- url: http://a\n  http_client: HTTP\n",
	"upstreams:\n- replicas: [http://a, http://b]\n  http_client: HTTP\n  labels: {le: x}\n",
	"discovery:\n  files:\n  - paths: [a.json]\n    http_client: HTTP\n",
	"discovery:\n  http:\n  - url: http://a\n    http_client: HTTP\n    source_http_client: HTTP\n",
	"discovery:\n  dns:\n  - name: a\n    http_client: HTTP\n",
}

// output returns the text of err or, if err is nil, the printed configuration.
func output(t *testing.T, c *Config, err error) string {
	t.Helper()
	if err != nil {
		return err.Error()
	}
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSecretsAreNeverShown(t *testing.T) {
	for _, file := range httpFiles {
		for i, http := range append(validSecrets, invalidSecrets...) {
			text := strings.ReplaceAll(strings.ReplaceAll(file, "HTTP", http), "CANARY", canary)
			c, err := loadFile(t, text)
			got := output(t, c, err)
			if strings.Contains(got, canary) {
				t.Errorf("%s\nshows the secret in\n%s", text, got)
			}
			if valid := i < len(validSecrets) && !strings.Contains(file, "le:"); valid != (err == nil) {
				t.Errorf("%s\ngot %v, want valid: %v", text, err, valid)
			} else if valid && !strings.Contains(got, "<secret>") {
				t.Errorf("%s\nis printed without <secret>:\n%s", text, got)
			}
		}
	}
}

func TestPasswordsInURLsAreNeverShown(t *testing.T) {
	for _, text := range []string{
		"upstreams: [{url: 'http://u:CANARY@a'}]", "upstreams: [{url: 'http://CANARY@a'}]", "upstreams: [{replicas: ['u:CANARY@a']}]",
		"upstreams: [{url: 'http://u:CANARY/@a'}]", "discovery: {http: [{url: 'http://u:CANARY@a'}]}", "discovery: {http: [{url: 'http://u:CANARY?@a'}]}",
		"discovery: {http: [{url: 'http://u:CANARY#@a'}]}",
	} {
		c, err := loadFile(t, strings.ReplaceAll(text, "CANARY", canary))
		if got := output(t, c, err); err == nil || strings.Contains(got, canary) {
			t.Errorf("%s: got %s", text, got)
		}
	}
}

func TestTheContentOfFilesIsNeverShown(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "f", canary)
	for _, http := range []string{
		"{basic_auth: {password_file: f}}", "{authorization: {credentials_file: f}}", "{http_headers: {A: {files: [f]}}}",
		"{tls_config: {ca_file: f}}", "{tls_config: {cert_file: f, key_file: f}}",
	} {
		write(t, "c.yml", "upstreams: [{url: http://a, http_client: "+http+"}]")
		c, err := load([]string{"--config.file=c.yml"})
		if got := output(t, c, err); strings.Contains(got, canary) {
			t.Errorf("%s: got %s", http, got)
		}
	}
}

// FuzzFile checks that no file makes Load or Write panic or show a secret below
// http_client.
func FuzzFile(f *testing.F) {
	for _, file := range httpFiles {
		for _, http := range append(validSecrets, invalidSecrets...) {
			f.Add([]byte(strings.ReplaceAll(strings.ReplaceAll(file, "HTTP", http), "CANARY", canary)))
		}
	}
	f.Add([]byte(exampleFile))
	f.Add([]byte("upstreams:\n- &a {url: http://a, <<: [*a, *a], name: *a}\n- *a\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(dir, "c.yml")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := load([]string{"--config.file=" + name})
		if got := output(t, c, err); strings.Contains(got, canary) && !mayShow(text) {
			t.Errorf("the secret is shown in\n%s", got)
		}
	})
}

// mayShow reports whether the canary occurs in a file where it is not a secret: in a
// key or outside http_client.
func mayShow(text []byte) bool {
	root, second, err := schema.Parse(text)
	if err != nil || root == nil || second > 0 {
		return false // invalid YAML is never quoted
	}
	var public func(n *yaml.Node, secret bool, depth int) bool
	public = func(n *yaml.Node, secret bool, depth int) bool {
		if depth > 32 {
			return true
		}
		switch n.Kind {
		case yaml.AliasNode:
			return public(n.Alias, secret, depth+1)
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				key, below := n.Content[i].Value, secret
				below = below || key == "http_client" || key == "source_http_client"
				if below && (strings.HasSuffix(key, "_file") || key == "files") {
					below = false // names of files are shown
				}
				if n.Content[i].Kind != yaml.ScalarNode || strings.Contains(key, canary) && (!secret || schema.PlainKey.MatchString(key)) || public(n.Content[i+1], below, depth+1) {
					return true
				}
			}
			return false
		case yaml.SequenceNode, yaml.DocumentNode:
			for _, c := range n.Content {
				if public(c, secret, depth+1) {
					return true
				}
			}
			return false
		default:
			return !secret && strings.Contains(n.Value, canary)
		}
	}
	return public(root, false, 0)
}
