package web

import (
	"fmt"
	"net"
	"os"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

// Access describes who can reach a server.
type Access struct {
	Scheme        string // http or https
	Authenticated bool   // a password or a client certificate is required
}

// ReadAccess derives the access from a configuration file of exporter-toolkit; "" means
// no file.
func ReadAccess(configFile string) (Access, error) {
	a := Access{Scheme: "http"}
	if configFile == "" {
		return a, nil
	}
	text, err := os.ReadFile(configFile)
	if err != nil {
		return a, err
	}
	var c struct {
		TLS   toolkit.TLSConfig `yaml:"tls_server_config"`
		Users map[string]any    `yaml:"basic_auth_users"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return a, fmt.Errorf("invalid YAML: %w", err)
	}
	if c.TLS.IsEnabled() {
		a.Scheme = "https"
	}
	// All other values of client_auth_type accept clients without a verified certificate.
	a.Authenticated = len(c.Users) > 0 || c.TLS.ClientAuth == "RequireAndVerifyClientCert"
	return a, nil
}

// Open reports whether anyone on the network may read from a server that listens on an
// address.
func (a Access) Open(at net.Addr) bool {
	tcp, ok := at.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback() && !a.Authenticated
}
