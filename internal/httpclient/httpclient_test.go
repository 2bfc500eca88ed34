package httpclient

import (
	"errors"
	"net/url"
	"os"
	"reflect"
	"strings"
	"testing"

	promconfig "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/schema"
)

// read reads a section from a file c.yml, next to an invalid certificate file ca. It
// returns the settings, or the text of the errors.
func read(t *testing.T, text string) (*betanet.HTTPConfig, string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"ca": "x1x2x3", "c.yml": "http_client: " + text} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := schema.Read("c.yml", "--config.file", &schema.Schema{Type: schema.Object, Keys: []schema.Key{{Name: "http_client", Schema: Section()}}})
	errs, _ := d.Errors()
	if len(errs) > 0 {
		return nil, errors.Join(errs...).Error()
	}
	return FromNode(d.Root.Get("http_client")), ""
}

// mustRead is like read, for settings that must be valid.
func mustRead(t *testing.T, text string) *betanet.HTTPConfig {
	t.Helper()
	h, errs := read(t, text)
	if h == nil {
		t.Fatalf("%s: got no settings: %s", text, errs)
	}
	return h
}

func TestSettingsAreDecoded(t *testing.T) {
	h := mustRead(t, "{basic_auth: {username: me, password_file: ca}, proxy_url: 'http://proxy:3128', http_headers: {X-A: {values: [b]}}, "+
		"tls_config: {server_name: s, min_version: TLS12, insecure_skip_verify: true}}")
	if h.BasicAuth.Username != "me" || h.BasicAuth.PasswordFile != "ca" || h.ProxyURL.Host != "proxy:3128" ||
		h.HTTPHeaders.Headers["X-A"].Values[0] != "b" || h.TLSConfig.ServerName != "s" || h.TLSConfig.MinVersion == 0 || !h.TLSConfig.InsecureSkipVerify {
		t.Errorf("got %+v", h)
	}
}

func TestASecretMayLookLikeANumber(t *testing.T) {
	for _, password := range []string{"12345", "0x1f", "1e3", "true", "on", "2026-01-02", "~x", "<<"} {
		h := mustRead(t, "{basic_auth: {username: u, password: "+password+"}}")
		if got := string(h.BasicAuth.Password); got != password {
			t.Errorf("got %q, want %q", got, password)
		}
	}
}

func TestRedirectsAndHTTP2AreOff(t *testing.T) {
	for _, text := range []string{"{}", "{basic_auth: {username: a}}", "{follow_redirects: false, enable_http2: false}"} {
		if h := mustRead(t, text); h.FollowRedirects || h.EnableHTTP2 {
			t.Errorf("%s: got %+v, want both off", text, h)
		}
	}
}

func TestAHostHeaderIsAccepted(t *testing.T) {
	h := mustRead(t, "{http_headers: {host: {values: ['b:80']}, X-A: {values: [c]}}}")
	if got := h.HTTPHeaders.Headers; len(got) != 2 || got["host"].Values[0] != "b:80" {
		t.Errorf("got %+v, want host and X-A", got)
	}
}

func TestEachErrorHasKeyPathLineAndReason(t *testing.T) {
	for text, want := range map[string]string{
		"basic_auht: {}":                                                   `.basic_auht (line 1): unknown key, did you mean "basic_auth"?`,
		"basic_auth: {pasword: x}":                                         `.basic_auth.pasword (line 1): unknown key, did you mean "password"?`,
		"basic_auth: {password:x1x2x3}":                                    `.basic_auth (line 1): has an unknown key, use password, password_file, username or username_file`,
		"tls_config: {cert_ref: x1x2x3}":                                   `.tls_config (line 1): has an unknown key, use ca, ca_file, cert, cert_file, insecure_skip_verify, key, key_file, max_version, min_version or server_name`,
		"oauth2: {tls_config: {ca_fil: x}}":                                `.oauth2.tls_config.ca_fil (line 1): unknown key, did you mean "ca_file"?`,
		"basic_auth: x1x2x3":                                               `.basic_auth (line 1): is a single value, use a mapping`,
		"basic_auth: {password: [x1x2x3]}":                                 `.basic_auth.password (line 1): is a list, use a single value`,
		"basic_auth: {password: }":                                         `.basic_auth.password (line 1): has no value`,
		"basic_auth: {password: !!int x1x}":                                `.basic_auth.password (line 1): a YAML tag (!) is not supported, use the value without it, in quotes if necessary`,
		"basic_auth: {password: a, password: b}":                           `.basic_auth (line 1): has a duplicate key`,
		"follow_redirects: true":                                           `.follow_redirects (line 1): must not be true, redirects are never followed`,
		"enable_http2: true":                                               `.enable_http2 (line 1): must not be true, HTTP/2 to upstreams is always off`,
		"proxy_from_environment: x1x2x3":                                   `.proxy_from_environment (line 1): is not valid, use true or false without quotes`,
		`tls_config: {insecure_skip_verify: "true"}`:                       `.tls_config.insecure_skip_verify (line 1): is not valid, use true or false without quotes`,
		"tls_config: {min_version: x1x2x3}":                                `.tls_config.min_version (line 1): is not valid, use TLS10, TLS11, TLS12 or TLS13`,
		"proxy_url: x1x2x3":                                                `.proxy_url (line 1): is not a URL with scheme http, https, socks5 or socks5h and a host`,
		"proxy_url: 'http://x1:%zz'":                                       `.proxy_url (line 1): is not a URL with scheme http, https, socks5 or socks5h and a host`,
		"oauth2: {client_id: a, token_url: x1x2x3}":                        `.oauth2.token_url (line 1): is not a URL with scheme http or https and a host`,
		"http_headers: {X-A:x1x2x3}":                                       `.http_headers (line 1): has a key that is not a valid header name`,
		"http_headers: {X-A: {value: [a]}}":                                `.http_headers.X-A.value (line 1): unknown key, did you mean "values"?`,
		"http_headers: {X-A: }":                                            `.http_headers.X-A (line 1): has no value`,
		"http_headers: {Cookie: {values: [a]}, User-Agent: {values: [a]}}": ` (line 1): setting header "User-Agent" is not allowed`,
		"http_headers: {Host: {}}":                                         ` (line 1): http_headers: Host must have exactly one value`,
		"http_headers: {Host: {values: [x1, x2]}}":                         ` (line 1): http_headers: Host must have exactly one value`,
		"http_headers: {Host: {values: [x1]}, host: {secrets: [x2]}}":      ` (line 1): http_headers: Host must have exactly one value`,
		"http_headers: {Host: {secrets: ['x1 x2']}}":                       ` (line 1): http_headers: Host must be a name or address with an optional port`,
		"http_headers: {Host: {values: ['http://x1']}}":                    ` (line 1): http_headers: Host must be a name or address with an optional port`,
		"oauth2: {client_id: a, token_url: 'http://t', endpoint_params: {'a:x1x2x3': }}": `.oauth2.endpoint_params.? (line 1): has no value`,
		"basic_auth: {password_file: nowhere}":                                           `.basic_auth.password_file (line 1): nowhere: no such file or directory`,
		"basic_auth: {password_file: .}":                                                 `.basic_auth.password_file (line 1): .: is a directory`,
		"basic_auth: {password_file: ''}":                                                `.basic_auth.password_file (line 1): has no value`,
		"http_headers: {X-A: {files: [nowhere]}}":                                        `.http_headers.X-A.files[0] (line 1): nowhere: no such file or directory`,
		"{basic_auth: {password: x1x2x3}, bearer_token: x1x2x3}":                         ` (line 1): at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured`,
		"{basic_auth: {}, authorization: {}}":                                            ` (line 1): at most one of basic_auth, oauth2 & authorization must be configured`,
		"tls_config: {cert: x1x2x3}":                                                     ` (line 1): exactly one of key or key_file must be configured when a client certificate is configured`,
		"tls_config: {cert: x1x2x3, key: x1x2x3}":                                        ` (line 1): tls_config: certificate and key are not a matching pair in PEM format`,
		"tls_config: {ca: x1x2x3}":                                                       ` (line 1): tls_config: ca or ca_file has no PEM certificate`,
		"tls_config: {ca_file: ca}":                                                      ` (line 1): tls_config: ca or ca_file has no PEM certificate`,
		"tls_config: {min_version: TLS13, max_version: TLS12}":                           ` (line 1): tls_config: max_version is less than min_version`,
		"oauth2: {client_id: a, token_url: 'http://t', tls_config: {ca: x1x2x3}}":        ` (line 1): oauth2.tls_config: ca or ca_file has no PEM certificate`,
		"x1x2x3": ` (line 1): is a single value, use a mapping`,
	} {
		if !strings.HasPrefix(text, "{") && strings.Contains(text, ":") {
			text = "{" + text + "}"
		}
		if _, got := read(t, text); got != "c.yml: http_client"+want {
			t.Errorf("%s\ngot  %s\nwant c.yml: http_client%s", text, got, want)
		}
	}
}

func TestSectionHasTheKeysOfPrometheusExceptSecretManagers(t *testing.T) {
	var walk func(path string, s *schema.Schema)
	walk = func(path string, s *schema.Schema) {
		for _, k := range s.Keys {
			key := k.Name
			if strings.HasSuffix(key, "_ref") {
				t.Errorf("%s.%s is a key, but secret managers are not supported", path, key)
			}
			walk(path+"."+key, k.Schema)
		}
	}
	section := Section()
	walk("http_client", section)
	yamlText, err := yaml.Marshal(promconfig.DefaultHTTPClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	var known map[string]any
	if err := yaml.Unmarshal(yamlText, &known); err != nil {
		t.Fatal(err)
	}
	for key := range known {
		if section.Key(key) == nil {
			t.Errorf("%s is missing", key)
		}
	}
	for path, want := range map[string]schema.Type{
		"basic_auth.password": schema.Text, "basic_auth.password_file": schema.File, "oauth2.tls_config.key": schema.Text, "oauth2.proxy_url": schema.Text,
		"proxy_url": schema.Text, "proxy_connect_header": schema.Map, "http_headers": schema.Map, "oauth2.claims": schema.Map, "oauth2.scopes": schema.Array,
		"tls_config.min_version": schema.Text, "proxy_from_environment": schema.Boolean, "bearer_token": schema.Text, "bearer_token_file": schema.File,
	} {
		s := section
		for _, key := range strings.Split(path, ".") {
			if s = s.Key(key); s == nil {
				t.Fatalf("%s is missing", path)
			}
		}
		if s.Type != want {
			t.Errorf("%s: got type %v, want %v", path, s.Type, want)
		}
	}
}

func TestEverySecretOfPrometheusIsHidden(t *testing.T) {
	secrets := 0
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		switch {
		case t == reflect.TypeFor[promconfig.Secret]():
			secrets++
		case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
			walk(t.Elem())
		case t.Kind() == reflect.Struct && t != reflect.TypeFor[promconfig.URL]():
			for i := range t.NumField() {
				walk(t.Field(i).Type)
			}
		}
	}
	walk(reflect.TypeFor[promconfig.HTTPClientConfig]())
	var count func(s *schema.Schema) int
	count = func(s *schema.Schema) (n int) {
		if s == nil {
			return 0
		}
		if s.Hidden && s.Type == schema.Text {
			n = 1
		}
		for _, k := range s.Keys {
			n += count(k.Schema)
		}
		return n + count(s.Elem)
	}
	// Header values and endpoint parameters are also hidden. Claims have type Any.
	if got, want := count(Section()), secrets+2; got != want {
		t.Errorf("got %d secrets, want %d", got, want)
	}
}

const canary = "s3cr3t-canary"

func TestDecodingErrorsAreNotQuoted(t *testing.T) {
	for _, err := range []error{&yaml.TypeError{Errors: []string{canary}}, &url.Error{Op: "parse", URL: canary, Err: os.ErrInvalid}, errors.New("yaml: " + canary)} {
		if got := redact(err); strings.Contains(got, canary) {
			t.Errorf("%T: got %s", err, got)
		}
	}
}
