package discovery

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/schema"
)

// Config is the discovery section of the configuration file.
type Config struct {
	Files []FileConfig `yaml:"files"`
	HTTP  []HTTPConfig `yaml:"http"`
	DNS   []DNSConfig  `yaml:"dns"`
}

// FileConfig describes files in Prometheus' file_sd format.
type FileConfig struct {
	Paths []string            `yaml:"paths"` // patterns; absolute, or relative to the working directory
	HTTP  *betanet.HTTPConfig `yaml:"-"`     // for the discovered upstreams; may be nil
}

// HTTPConfig describes a document in Prometheus' http_sd format.
type HTTPConfig struct {
	URL        *url.URL            `yaml:"-"`
	Refresh    time.Duration       `yaml:"refresh"`
	SourceHTTP *betanet.HTTPConfig `yaml:"-"` // for the document
	HTTP       *betanet.HTTPConfig `yaml:"-"` // for the discovered upstreams
}

// DNSConfig describes a name whose records are upstreams.
type DNSConfig struct {
	Name    string              `yaml:"name"`
	Type    string              `yaml:"type"` // A, AAAA or SRV
	Port    int                 `yaml:"port"` // for types A and AAAA; 0 for SRV
	Refresh time.Duration       `yaml:"refresh"`
	HTTP    *betanet.HTTPConfig `yaml:"-"` // for the discovered upstreams
}

// Any reports whether a source is configured.
func (c *Config) Any() bool { return len(c.Files)+len(c.HTTP)+len(c.DNS) > 0 }

const wantPath = "a path of discovery files, use one such as fleet/*.json; only the file name may contain *, and it must end in .json, .yml or .yaml"

var sdFile = regexp.MustCompile(`^[^*]*(\*[^/]*)?\.(json|yml|yaml)$`)

// Section returns the schema of the discovery section, given the schemas of http_client
// and of a document's URL.
func Section(client, url *schema.Schema) *schema.Schema {
	refresh := func(doc string) *schema.Schema {
		return &schema.Schema{Type: schema.Duration, MinDuration: time.Millisecond, Default: "30s", Doc: doc}
	}
	list := func(unique []string, keys ...schema.Key) *schema.Schema {
		keys = append(keys, schema.Key{Name: "http_client", Schema: client.With("Connections to the upstreams found there.")})
		return &schema.Schema{Type: schema.Array, Elem: &schema.Schema{
			Type: schema.Object, Keys: keys, ExactlyOneOf: unique[:1], NoDefault: portOfSRV, After: checkDNS,
		}, Unique: func(n *schema.Node) string { return n.Join(unique...) }}
	}
	return &schema.Schema{Type: schema.Object, Keys: []schema.Key{
		{Name: "files", Schema: list([]string{"paths"},
			schema.Key{Name: "paths", Schema: &schema.Schema{
				Type: schema.Array, AtLeastOne: "path", Elem: &schema.Schema{Type: schema.Path, Pattern: sdFile, Want: wantPath, Check: checkPattern},
				Doc: "Files in Prometheus' file_sd format, JSON or YAML, read again when they change. The file name may contain a `*`.",
			}})},
		{Name: "http", Schema: list([]string{"url"},
			schema.Key{Name: "url", Schema: url.With("Document in Prometheus' http_sd format. May have a query.")},
			schema.Key{Name: "refresh", Schema: refresh("Time between two requests.")},
			schema.Key{Name: "source_http_client", Schema: client.With("Connection to the document itself.")})},
		{Name: "dns", Schema: list([]string{"name", "type", "port"},
			schema.Key{Name: "name", Schema: &schema.Schema{Check: checkName, Doc: "Name to look up."}},
			schema.Key{Name: "type", Schema: &schema.Schema{Enum: []string{A, AAAA, SRV}, Default: A, Doc: "`A` (IPv4 addresses), `AAAA` (IPv6 addresses) or `SRV`."}},
			schema.Key{Name: "port", Schema: &schema.Schema{Type: schema.Integer, Min: 1, Max: 65535, Default: "9000", Doc: "Port of the upstreams, for type `A` and `AAAA` only."}},
			schema.Key{Name: "refresh", Schema: refresh("Time between two lookups.")})},
	}}
}

func checkPattern(text string) error {
	if _, err := filepath.Match(text, ""); err != nil {
		return fmt.Errorf("%q is not %s", text, wantPath)
	}
	return nil
}

const wantName = "a DNS name, use one such as betanet.svc"

func checkName(text string) error {
	if len(text) > 253 || !fleet.IsHostName(text) {
		return fmt.Errorf("%.253q is not %s", text, wantName)
	}
	return nil
}

// portOfSRV reports whether a key is the port of a DNS source of type SRV.
func portOfSRV(n *schema.Node, key string) bool { return key == "port" && n.Get("type").Text() == SRV }

func checkDNS(n *schema.Node) {
	if port := n.Get("port"); port != nil && portOfSRV(n, "port") {
		port.Fail("is not accepted with type SRV, whose records have a port")
	}
}
