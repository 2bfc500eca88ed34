package web

import (
	"fmt"
	"os"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

// Scheme is that of the URLs at which a server with a configuration file of
// exporter-toolkit, "" for none, can be reached: http or https.
func Scheme(configFile string) (string, error) {
	if configFile == "" {
		return "http", nil
	}
	text, err := os.ReadFile(configFile)
	if err != nil {
		return "", err
	}
	var c struct {
		TLS toolkit.TLSConfig `yaml:"tls_server_config"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return "", fmt.Errorf("is no YAML: %w", err)
	}
	if c.TLS.IsEnabled() {
		return "https", nil
	}
	return "http", nil
}
