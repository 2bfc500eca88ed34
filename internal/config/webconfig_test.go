package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"testing"
)

const bcryptOfTest = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"

// loadWebFile loads a configuration with the given web configuration file. Its directory
// also has the files cert.pem and key.pem.
func loadWebFile(t *testing.T, text string) error {
	t.Helper()
	t.Chdir(t.TempDir())
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	writePair(t, s.TLS.Certificates[0])
	write(t, "web.yml", text)
	_, err := load([]string{"--web.config.file=web.yml"})
	return err
}

// writePair writes a certificate to cert.pem and its key to key.pem.
func writePair(t *testing.T, pair tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})))
	write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
}

func TestAnInvalidWebConfigurationIsRejected(t *testing.T) {
	tlsWith := func(more string) string {
		return "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n  " + more
	}
	for _, c := range []struct{ text, want string }{
		{"tls_servr_config: {}", `web.yml: tls_servr_config (line 1): unknown key, did you mean "tls_server_config"?`},
		{"hunter2: x", `web.yml (line 1): has an unknown key, use basic_auth_users, http_server_config, rate_limit or tls_server_config`},
		{"tls_server_config:\n  cert_file: nowhere.pem\n  key_file: key.pem", "web.yml: tls_server_config.cert_file (line 2): nowhere.pem: no such file or directory"},
		{"tls_server_config:\n  cert_file: cert.pem", "--web.config.file: web.yml: missing one of key or key_file"},
		{"tls_server_config:\n  cert_file: key.pem\n  key_file: cert.pem", "--web.config.file: web.yml: failed to load X509KeyPair: tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched"},
		{tlsWith("client_auth_type: Always"), "--web.config.file: web.yml: invalid ClientAuth: Always"},
		{tlsWith("client_ca_file: nowhere.pem"), "web.yml: tls_server_config.client_ca_file (line 4): nowhere.pem: no such file or directory"},
		{tlsWith("cipher_suites: [hunter2]"), "--web.config.file: web.yml: unknown cipher: hunter2"},
		{tlsWith("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA]"), "--web.config.file: web.yml: http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher (need at least one of TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)"},
		{"http_server_config: {headers: {X-A: b}}", `--web.config.file: web.yml: HTTP header "X-A" can not be configured`},
		{"basic_auth_users:\n  alice: " + bcryptOfTest + "\n  bob: hunter2", "web.yml: basic_auth_users.bob (line 3): is not a bcrypt hash of the password, generate one with: htpasswd -nBC 10 NAME"},
		{"basic_auth_users:\n  bob: ''", "web.yml: basic_auth_users.bob (line 2): is not a bcrypt hash of the password, generate one with: htpasswd -nBC 10 NAME"},
		{"basic_auth_users: hunter2", "web.yml: basic_auth_users (line 1): is a single value, use a mapping"},
		{"basic_auth_users: {bob:hunter2}", "web.yml: basic_auth_users.? (line 1): has no value"},
		{"basic_auth_users:\n\tbob: hunter2", "web.yml (line 2): is not valid YAML: a tab where spaces are needed, indent with spaces only"},
		{"rate_limit: {interval: hunter2}", "--web.config.file: web.yml: contains an invalid value"},
	} {
		checkError(t, c.text, loadWebFile(t, c.text), c.want)
	}
}

func TestAValidWebConfigurationIsAccepted(t *testing.T) {
	for _, text := range []string{
		"", "# nothing", "\ufeffbasic_auth_users: {bob: " + bcryptOfTest + "}",
		"tls_server_config: {cert_file: cert.pem, key_file: key.pem}",
		"http_server_config: {http2: yes}", // a boolean in YAML 1.1
	} {
		checkError(t, text, loadWebFile(t, text), "")
	}
}

func TestAMissingWebConfigurationIsNamedOnce(t *testing.T) {
	_, err := load(nil, "BETANET_EXPORTER_WEB_CONFIG_FILE=nowhere.yml")
	checkError(t, "nowhere.yml", err, "BETANET_EXPORTER_WEB_CONFIG_FILE: nowhere.yml: no such file or directory")
}
