package web

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

func TestAccessFollowsTheConfigurationFile(t *testing.T) {
	const pair = "cert_file: a, key_file: b"
	for text, want := range map[string]Access{
		"":                                    {"http", false},
		"basic_auth_users: {a: b}\n":          {"http", true},
		"basic_auth_users: {}\n":              {"http", false},
		"tls_server_config: {}\n":             {"http", false},
		"tls_server_config: {" + pair + "}\n": {"https", false},
		"tls_server_config: {" + pair + ", client_auth_type: RequireAnyClientCert}\n":                                                             {"https", false},
		"tls_server_config: {" + pair + ", client_auth_type: VerifyClientCertIfGiven, client_ca_file: c}\n":                                       {"https", false},
		"tls_server_config: {" + pair + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: c}\n":                                    {"https", true},
		"tls_server_config: {cert: a, key: b, min_version: TLS13, cipher_suites: [TLS_AES_128_GCM_SHA256]}\nhttp_server_config: {http2: false}\n": {"https", false},
	} {
		file := filepath.Join(t.TempDir(), "web.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadAccess(file); err != nil || got != want {
			t.Errorf("ReadAccess of %q = %+v, %v, want %+v", text, got, err, want)
		}
	}
	if got, err := ReadAccess(""); err != nil || got != (Access{Scheme: "http"}) {
		t.Errorf("ReadAccess without a file = %+v, %v, want http", got, err)
	}
}

func TestNonLoopbackAddressIsOpenWithoutAuthentication(t *testing.T) {
	for _, c := range []struct {
		at            net.Addr
		authenticated bool
		want          bool
	}{
		{&net.TCPAddr{IP: net.IPv6unspecified}, false, true},
		{&net.TCPAddr{IP: net.IPv4zero}, false, true},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, false, true},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, true, false},
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}, false, false},
		{&net.TCPAddr{IP: net.IPv6loopback}, false, false},
		{&net.UnixAddr{Name: "/run/x"}, false, false},
	} {
		if got := (Access{Authenticated: c.authenticated}).Open(c.at); got != c.want {
			t.Errorf("Open(%v) with authentication %v = %v, want %v", c.at, c.authenticated, got, c.want)
		}
	}
}
