// Package httpclient reads the http_client sections of the configuration file, which have
// the HTTP settings of Prometheus.
package httpclient

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	promconfig "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/schema"
)

// FromNode returns the settings of a section, or nil if it is not set or not valid.
func FromNode(n *schema.Node) *betanet.HTTPConfig {
	if n == nil || n.Bad() || n.Null() {
		return nil
	}
	return n.Value.(*betanet.HTTPConfig)
}

// Section returns the schema of Prometheus' HTTPClientConfig. Its errors show no values
// except file names.
func Section() *schema.Schema {
	s := SchemaOf(reflect.TypeFor[betanet.HTTPConfig](), "")
	s.Name, s.Secret = "http_client", true
	for key, reason := range map[string]string{"follow_redirects": "redirects are never followed", "enable_http2": "HTTP/2 to upstreams is always off"} {
		s.Key(key).Check = func(text string) error {
			if text == "true" {
				return fmt.Errorf("must not be true, %s", reason)
			}
			return nil
		}
	}
	checks := make(TLSChecks)
	s.After = func(n *schema.Node) {
		if n.Bad() {
			return
		}
		c, err := decode(n)
		if err != nil {
			n.Fail("%s", redact(err))
			return
		}
		// Prometheus enables both by default.
		c.FollowRedirects, c.EnableHTTP2 = false, false
		if err := checks.Check(&c.TLSConfig); err != nil {
			n.Fail("tls_config: %w", err)
			return
		}
		if c.OAuth2 != nil {
			if err := checks.Check(&c.OAuth2.TLSConfig); err != nil {
				n.Fail("oauth2.tls_config: %w", err)
				return
			}
		}
		n.Value = c
	}
	return s
}

// SchemaOf derives the schema of a key from the type into which Prometheus decodes its
// value.
func SchemaOf(t reflect.Type, key string) *schema.Schema {
	switch {
	case t.Kind() == reflect.Pointer:
		return SchemaOf(t.Elem(), key)
	case t == reflect.TypeFor[promconfig.Secret]():
		return &schema.Schema{Hidden: true}
	case t == reflect.TypeFor[promconfig.TLSVersion]():
		return &schema.Schema{Enum: slices.Sorted(maps.Keys(promconfig.TLSVersions))}
	case t == reflect.TypeFor[promconfig.URL]():
		return urlSchema("http", "https", "socks5", "socks5h")
	case key == "token_url":
		return urlSchema("http", "https")
	case strings.HasSuffix(key, "_file"), key == "files" && t.Kind() == reflect.String:
		return &schema.Schema{Type: schema.File}
	}
	switch t.Kind() {
	case reflect.Bool:
		return &schema.Schema{Type: schema.Boolean}
	case reflect.Slice:
		return &schema.Schema{Type: schema.Array, Elem: SchemaOf(t.Elem(), key)}
	case reflect.Map:
		s := &schema.Schema{Type: schema.Map, Elem: SchemaOf(t.Elem(), key)}
		if strings.HasSuffix(key, "_headers") || strings.HasSuffix(key, "_header") {
			s.MapKey = &schema.Schema{Pattern: schema.HeaderName, Want: "a valid header name"}
		}
		return s
	case reflect.Interface:
		return &schema.Schema{Type: schema.Any, Hidden: true}
	case reflect.Struct:
		s := &schema.Schema{Type: schema.Object}
		if key == "tls_config" {
			s.Name = key
		}
		return structSchema(s, t, key)
	default:
		// Headers and parameters often contain credentials.
		return &schema.Schema{Hidden: key == "values" || key == "endpoint_params"}
	}
}

// structSchema adds keys to s for the fields of a struct that YAML decodes, and returns s.
// For a struct with an inline map, it returns the schema of the map instead. It skips
// references to a secret manager, which the exporter does not support.
func structSchema(s *schema.Schema, t reflect.Type, key string) *schema.Schema {
	for i := range t.NumField() {
		f := t.Field(i)
		name, flags, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case flags == "inline" && f.Type.Kind() == reflect.Map:
			return SchemaOf(f.Type, key)
		case flags == "inline":
			structSchema(s, f.Type, key)
		case name != "" && !strings.HasSuffix(name, "_ref"):
			s.Keys = append(s.Keys, schema.Key{Name: name, Schema: SchemaOf(f.Type, name)})
		}
	}
	return s
}

// urlSchema returns the schema of a URL with a host and one of the given schemes.
func urlSchema(schemes ...string) *schema.Schema {
	return &schema.Schema{Shown: withoutUser, Check: func(text string) error {
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
			return fmt.Errorf("is not a URL with scheme %s and a host", schema.OneOf(schemes))
		}
		return nil
	}}
}

var userInfo = regexp.MustCompile(`//.*@`)

// withoutUser returns the text of a URL with user and password redacted.
func withoutUser(text string) string {
	return userInfo.ReplaceAllString(text, "//"+schema.Redacted+"@")
}

// decode decodes and validates the settings. It also accepts a Host header, which
// Prometheus rejects because its round tripper cannot set it.
func decode(n *schema.Node) (*betanet.HTTPConfig, error) {
	type plain betanet.HTTPConfig // without UnmarshalYAML, which validates
	c := promconfig.DefaultHTTPClientConfig
	if err := n.TryDecode((*plain)(&c)); err != nil {
		return nil, err
	}
	if c.HTTPHeaders == nil {
		return &c, c.Validate()
	}
	all := c.HTTPHeaders.Headers
	others, hostValues := make(map[string]promconfig.Header), 0
	for name, h := range all {
		if http.CanonicalHeaderKey(name) != betanet.HostHeader {
			others[name] = h
			continue
		}
		hostValues += len(h.Values) + len(h.Secrets) + len(h.Files)
		if slices.ContainsFunc(h.Values, isInvalidHost) || slices.ContainsFunc(h.Secrets, isInvalidHost) {
			return nil, errors.New("http_headers: Host must be a name or address with an optional port")
		}
	}
	if len(others) < len(all) && hostValues != 1 {
		return nil, errors.New("http_headers: Host must have exactly one value")
	}
	c.HTTPHeaders.Headers = others
	err := c.Validate()
	c.HTTPHeaders.Headers = all
	return &c, err
}

var hostHeader = regexp.MustCompile(`^[^\s/@?#\\\x00-\x1f\x7f]+$`)

func isInvalidHost[T ~string](text T) bool { return !hostHeader.MatchString(string(text)) }

// redact returns the text of a decoding error without values. Errors of Prometheus' own
// checks are safe to show, because they only name keys.
func redact(err error) string {
	var te *yaml.TypeError
	var ue *url.Error
	if errors.As(err, &te) || errors.As(err, &ue) || strings.HasPrefix(err.Error(), "yaml: ") {
		return "has an invalid value"
	}
	return err.Error()
}

// TLSChecks caches the results of Check, because many upstreams often have the same TLS
// settings. It is not safe for concurrent use.
type TLSChecks map[promconfig.TLSConfig]error

// Check returns an error if certificates or keys cannot be used. The error does not show
// their content.
func (t TLSChecks) Check(c *promconfig.TLSConfig) error {
	err, known := t[*c]
	if known {
		return err
	}
	if _, err = promconfig.NewTLSConfig(c); err != nil {
		switch text := err.Error(); {
		case strings.HasPrefix(text, "tls_config.max_version"):
			err = errors.New("max_version is less than min_version")
		case strings.HasPrefix(text, "unable to use specified CA"):
			err = errors.New("ca or ca_file has no PEM certificate")
		default:
			err = errors.New("certificate and key are not a matching pair in PEM format")
		}
	}
	t[*c] = err
	return err
}
