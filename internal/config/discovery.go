package config

import (
	"errors"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Discovery is where upstreams that are not in the configuration come from.
type Discovery struct {
	Files []FileSource
	HTTP  []HTTPSource
	DNS   []DNSSource
}

// FileSource is files in Prometheus' file_sd format.
type FileSource struct {
	Paths []string            // patterns; absolute, or relative to the working directory
	HTTP  *betanet.HTTPConfig // of the upstreams found there, nil for none
}

// HTTPSource is a document in Prometheus' http_sd format.
type HTTPSource struct {
	URL        *url.URL
	Refresh    time.Duration
	SourceHTTP *betanet.HTTPConfig // for the document
	HTTP       *betanet.HTTPConfig // of the upstreams found there
}

// DNSSource is a name whose records are upstreams.
type DNSSource struct {
	Name    string
	Type    string // A, AAAA or SRV
	Port    int    // of the upstreams of type A and AAAA; 0 for SRV, whose records have one
	Refresh time.Duration
	HTTP    *betanet.HTTPConfig // of the upstreams found there
}

// Types of DNS records.
const (
	TypeA    = "A"
	TypeAAAA = "AAAA"
	TypeSRV  = "SRV"
)

// HasDiscovery reports whether upstreams are discovered.
func (c *Config) HasDiscovery() bool {
	d := &c.Discovery
	return len(d.Files)+len(d.HTTP)+len(d.DNS) > 0
}

const defaultRefresh = 30 * time.Second

// discovery is the section of that name as it is read: what is printed of it
// beside what holds.
type discovery struct {
	Discovery
	files, http, dns []sourceText
}

// sourceText is what is printed of a source beside what holds.
type sourceText struct {
	keys              []string    // that stand in the file
	source, upstreams *httpClient // for its document, and of the upstreams found there
}

// origin is where the value of a key of the source comes from.
func (t *sourceText) origin(key string) string {
	if slices.Contains(t.keys, key) {
		return "file"
	}
	return "default"
}

// used returns the settings themselves.
func (h *httpClient) used() *betanet.HTTPConfig {
	if h == nil {
		return nil
	}
	return h.config
}

func discoveryKeys() keys[discovery] {
	seen := make(map[string]bool)
	// once refuses a source that is there twice.
	once := func(p *place, what string) bool {
		if seen[what] {
			p.fail("is there twice")
			return false
		}
		seen[what] = true
		return true
	}
	return keys[discovery]{
		"files": func(p *place, d *discovery) {
			for _, i := range p.items() {
				if s, t := readFiles(i); len(s.Paths) > 0 && once(i, "files "+strings.Join(s.Paths, "\x00")) {
					d.Files, d.files = append(d.Files, s), append(d.files, t)
				}
			}
		},
		"http": func(p *place, d *discovery) {
			for _, i := range p.items() {
				if s, t := readHTTPSource(i); s.URL != nil && once(i, s.URL.String()) {
					d.HTTP, d.http = append(d.HTTP, s), append(d.http, t)
				}
			}
		},
		"dns": func(p *place, d *discovery) {
			for _, i := range p.items() {
				if s, t := readDNS(i); s.Name != "" && once(i, s.Type+" "+s.Name+" "+strconv.Itoa(s.Port)) {
					d.DNS, d.dns = append(d.DNS, s), append(d.dns, t)
				}
			}
		},
	}
}

var sdFile = regexp.MustCompile(`^[^*]*(\*[^/]*)?\.(json|yml|yaml)$`)

func readFiles(p *place) (s FileSource, t sourceText) {
	t.keys = mapping(p, keys[FileSource]{
		"paths": func(p *place, s *FileSource) {
			for _, i := range p.items() {
				text, ok := i.text()
				switch _, err := filepath.Match(text, ""); {
				case !ok:
				case err != nil || !sdFile.MatchString(text):
					i.fail("%q is no path of discovery files, use one such as fleet/*.json; * stands in the last part alone, the end is .json, .yml or .yaml", text)
				default:
					s.Paths = append(s.Paths, promconfig.JoinDir(p.source.dir, text))
				}
			}
			p.notEmpty("path")
		},
		"http_client": func(p *place, s *FileSource) { readHTTPClient(p, &t.upstreams) },
	}, &s)
	p.needs(t.keys, "paths")
	s.HTTP = t.upstreams.used()
	return s, t
}

func readHTTPSource(p *place) (s HTTPSource, t sourceText) {
	s.Refresh = defaultRefresh
	t.keys = mapping(p, keys[HTTPSource]{
		"url": func(p *place, s *HTTPSource) {
			text, ok := p.text()
			if !ok {
				return
			}
			u, err := parseSourceURL(text)
			if err != nil {
				p.fail("%w", err)
				return
			}
			s.URL = u
		},
		"refresh":            func(p *place, s *HTTPSource) { readDuration(p, &s.Refresh) },
		"source_http_client": func(p *place, s *HTTPSource) { readHTTPClient(p, &t.source) },
		"http_client":        func(p *place, s *HTTPSource) { readHTTPClient(p, &t.upstreams) },
	}, &s)
	p.needs(t.keys, "url")
	s.SourceHTTP, s.HTTP = t.source.used(), t.upstreams.used()
	return s, t
}

// parseSourceURL reads the URL of a document, which may have a query.
func parseSourceURL(text string) (*url.URL, error) {
	base, query, _ := strings.Cut(text, "?")
	if strings.ContainsAny(query, "@#") {
		return nil, errors.New("the query of the URL has a @ or # in it, write %40 or %23")
	}
	u, err := ParseURL(base)
	if err == nil {
		u.RawQuery = query
	}
	return u, err
}

func readDNS(p *place) (s DNSSource, t sourceText) {
	s.Type, s.Refresh = TypeA, defaultRefresh
	var port *place
	t.keys = mapping(p, keys[DNSSource]{
		"name": func(p *place, s *DNSSource) {
			if text, ok := p.text(); ok && (len(text) > 253 || !fleet.IsHostName(text)) {
				p.fail("%.253q is no DNS name, use one such as betanet.svc", text)
			} else if ok {
				s.Name = text
			}
		},
		"type": func(p *place, s *DNSSource) {
			if text, ok := p.text(); ok && text != TypeA && text != TypeAAAA && text != TypeSRV {
				p.fail("%q is not accepted, use A, AAAA or SRV", text)
			} else if ok {
				s.Type = text
			}
		},
		"port": func(p *place, s *DNSSource) {
			port = p
			if text, ok := p.text(); ok && !validPort(text) {
				p.fail("%q is no port, use a number from 1 to 65535", text)
			} else if ok {
				s.Port, _ = strconv.Atoi(text)
			}
		},
		"refresh":     func(p *place, s *DNSSource) { readDuration(p, &s.Refresh) },
		"http_client": func(p *place, s *DNSSource) { readHTTPClient(p, &t.upstreams) },
	}, &s)
	p.needs(t.keys, "name")
	switch {
	case s.Type != TypeSRV && s.Port == 0:
		s.Port = defaultPort
	case s.Type == TypeSRV && port != nil:
		port.fail("is not accepted with type SRV, whose records have a port")
	}
	s.HTTP = t.upstreams.used()
	return s, t
}

func readDuration(p *place, to *time.Duration) {
	text, ok := p.text()
	if !ok {
		return
	}
	if err := interval(func(*Config) *dur { return to })(nil, text); err != nil {
		p.fail("%w", err)
	}
}
