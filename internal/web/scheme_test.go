package web

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheSchemeIsWhatTheConfigurationMakesIt(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "http",
		"basic_auth_users: {a: b}\n": "http",
		"tls_server_config: {}\n":    "http",
		"tls_server_config: {cert_file: a, key_file: b}\n": "https",
		"tls_server_config: {cert: a, key: b, min_version: TLS13, cipher_suites: [TLS_AES_128_GCM_SHA256]}\nhttp_server_config: {http2: false}\n": "https",
	} {
		file := filepath.Join(t.TempDir(), "web.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Scheme(file); err != nil || got != want {
			t.Errorf("Scheme of %q = %q, %v, want %s", text, got, err, want)
		}
	}
	if got, err := Scheme(""); err != nil || got != "http" {
		t.Errorf("Scheme without a file = %q, %v, want http", got, err)
	}
}
