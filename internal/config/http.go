package config

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	promconfig "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

type tlsConfig = promconfig.TLSConfig

// httpClient is what stands under http_client: as a value, and as it is printed,
// without its secrets.
type httpClient struct {
	config  *betanet.HTTPConfig
	printed string
}

// readHTTPClient reads Prometheus' HTTPClientConfig. Its errors show nothing of
// its values but names of files.
func readHTTPClient(p *place, to **httpClient) {
	if p.null() {
		return
	}
	s := p.source
	p.secret = true
	before := len(s.errs) + s.more
	s.checkHTTP(p, httpShape)
	if len(s.errs)+s.more > before {
		return
	}
	c, err := decodeHTTP(p.node)
	if err != nil {
		p.fail("%s", harmless(err))
		return
	}
	// Decoding has set both; here they are always off.
	c.FollowRedirects, c.EnableHTTP2 = false, false
	c.SetDirectory(s.dir)
	if err := s.usable(&c.TLSConfig); err != nil {
		p.fail("tls_config: %w", err)
		return
	}
	if c.OAuth2 != nil {
		if err := s.usable(&c.OAuth2.TLSConfig); err != nil {
			p.fail("oauth2.tls_config: %w", err)
			return
		}
	}
	*to = &httpClient{config: c, printed: s.printHTTP(p, httpShape)}
}

// decodeHTTP decodes what common accepts, and a Host header, which common refuses
// because its own round tripper could not set it.
func decodeHTTP(n *yaml.Node) (*betanet.HTTPConfig, error) {
	type plain betanet.HTTPConfig // without the checks
	c := promconfig.DefaultHTTPClientConfig
	if err := n.Decode((*plain)(&c)); err != nil {
		return nil, err
	}
	if c.HTTPHeaders == nil {
		return &c, c.Validate()
	}
	all := c.HTTPHeaders.Headers
	others, hosts := make(map[string]promconfig.Header), 0
	for name, h := range all {
		if http.CanonicalHeaderKey(name) != betanet.HostHeader {
			others[name] = h
			continue
		}
		hosts += len(h.Values) + len(h.Secrets) + len(h.Files)
		if slices.ContainsFunc(append(h.Values, secrets(h.Secrets)...), func(v string) bool { return !hostHeader.MatchString(v) }) {
			return nil, errors.New("http_headers: Host is not a name or address with an optional port")
		}
	}
	if len(others) < len(all) && hosts != 1 {
		return nil, errors.New("http_headers: Host needs exactly one value")
	}
	c.HTTPHeaders.Headers = others
	err := c.Validate()
	c.HTTPHeaders.Headers = all
	return &c, err
}

var hostHeader = regexp.MustCompile(`^[^\s/@?#\\\x00-\x1f\x7f]+$`)

func secrets(all []promconfig.Secret) []string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = string(s)
	}
	return texts
}

// harmless is what a decoding error says, if it can be said: the checks of
// Prometheus name keys alone, everything else may quote values.
func harmless(err error) string {
	var te *yaml.TypeError
	var ue *url.Error
	if errors.As(err, &te) || errors.As(err, &ue) || strings.HasPrefix(err.Error(), "yaml: ") {
		return "holds a value that is not accepted"
	}
	return err.Error()
}

// checkHTTP checks a value below http_client: its kind, its keys, and what can
// be known of single values.
func (s *source) checkHTTP(p *place, want *shape) {
	switch want.kind {
	case record:
		for _, e := range p.entries() {
			if field := want.fields[e.key]; field != nil {
				s.checkHTTP(e, field)
			} else {
				p.unknown(e, sortedKeys(want.fields))
			}
		}
	case dict:
		for _, e := range p.entries() {
			switch {
			case want.header && !isToken(e.key):
				p.fail("a key in it is no name of a header")
			case e.null():
				e.fail("has no value")
			default:
				s.checkHTTP(e, want.elem)
			}
		}
	case list:
		for _, e := range p.items() {
			s.checkHTTP(e, want.elem)
		}
	case anything:
		s.checkAny(p)
	default:
		if text, ok := p.text(); ok {
			s.checkText(p, want, text)
		}
	}
}

// checkAny checks a value that may be of any kind.
func (s *source) checkAny(p *place) {
	switch p.node.Kind {
	case yaml.MappingNode:
		for _, e := range p.entries() {
			s.checkAny(e)
		}
	case yaml.SequenceNode:
		for _, e := range p.items() {
			s.checkAny(e)
		}
	default:
		p.text()
	}
}

func (s *source) checkText(p *place, want *shape, text string) {
	switch want.kind {
	case truth:
		if p.node.Tag != "!!bool" || text != "true" && text != "false" {
			p.fail("is not accepted, use true or false without quotes")
		} else if text == "true" && p.key == "follow_redirects" {
			p.fail("true is refused: redirects are refused always, leave it out")
		} else if text == "true" && p.key == "enable_http2" {
			p.fail("true is refused: HTTP/2 to upstreams is off always, leave it out")
		}
	case tlsVersion:
		if _, ok := promconfig.TLSVersions[text]; !ok {
			p.fail("is no TLS version, use %s", oneOfThese(sortedKeys(promconfig.TLSVersions)))
		}
	case webURL:
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" || !slices.Contains(want.schemes, u.Scheme) {
			p.fail("is no URL with scheme %s and a host", oneOfThese(want.schemes))
		}
	case file:
		if text == "" {
			p.fail("has no value")
		} else if err := s.readable(promconfig.JoinDir(s.dir, text)); err != nil {
			p.fail("%w", err)
		}
	}
}

// readable reports whether a file can be read. It never waits for one.
func (s *source) readable(path string) error {
	err, known := s.paths[path]
	if !known {
		if err = tryFile(path); err != nil {
			err = fmt.Errorf("%s: %w", path, cause(err))
		}
		s.paths[path] = err
	}
	return err
}

func tryFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("is a directory")
	case !info.Mode().IsRegular():
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// usable reports whether certificates and keys are such. What is wrong with
// them is told without their text.
func (s *source) usable(c *tlsConfig) error {
	err, known := s.tls[*c]
	if known {
		return err
	}
	if _, err = promconfig.NewTLSConfig(c); err != nil {
		switch text := err.Error(); {
		case strings.HasPrefix(text, "tls_config.max_version"):
			err = errors.New("max_version is less than min_version")
		case strings.HasPrefix(text, "unable to use specified CA"):
			err = errors.New("ca or ca_file holds no PEM certificate")
		default:
			err = errors.New("certificate and key are not a pair of PEM texts")
		}
	}
	s.tls[*c] = err
	return err
}
