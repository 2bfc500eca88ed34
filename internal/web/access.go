package web

import (
	"fmt"
	"net"
	"os"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

// Access is how a server with a configuration file of exporter-toolkit can be
// reached.
type Access struct {
	Scheme        string // http or https
	Authenticated bool   // only with a password or a client's certificate
}

// ReadAccess reads a configuration file, "" for none.
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
		return a, fmt.Errorf("is no YAML: %w", err)
	}
	if c.TLS.IsEnabled() {
		a.Scheme = "https"
	}
	// Of the five types, two ask for a certificate and verify it, one of them only
	// if there is one.
	a.Authenticated = len(c.Users) > 0 || c.TLS.ClientAuth == "RequireAndVerifyClientCert"
	return a, nil
}

// Open reports whether anybody on the network may ask at a listener's address.
func (a Access) Open(at net.Addr) bool {
	tcp, ok := at.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback() && !a.Authenticated
}
