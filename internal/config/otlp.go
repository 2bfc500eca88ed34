package config

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OTLP is where and how series are pushed.
type OTLP struct {
	Endpoint *url.URL // with its path; nil to push nothing
	Interval time.Duration
	Timeout  time.Duration // of one request
	Gzip     bool
	CAFile   string // empty for the authorities of the system

	CertFile, KeyFile string // both or none

	headers     map[string]string // of the variable
	headersFile string
}

const (
	standardPrefix  = "OTEL_EXPORTER_OTLP_"
	ofMetrics       = "METRICS_" // comes between, and beats the one without
	defaultEndpoint = "http://localhost:4318"
	metricsPath     = "/v1/metrics"
	protocol        = "http/protobuf" // the only one that is spoken
	maxHeadersFile  = 64 << 10
)

func setEndpoint(c *Config, text string) error {
	u, err := parseURL(text, defaultEndpoint)
	if err != nil {
		return err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = metricsPath
	}
	c.OTLP.Endpoint = u
	return nil
}

func setHeadersFile(c *Config, text string) error {
	c.OTLP.headersFile = text
	_, err := c.OTLP.Headers()
	return err
}

// openTelemetry reads the standard variables. Without an endpoint they have no
// effect: they may be meant for other programs in the same environment.
func (c *Config) openTelemetry(getenv func(string) string) []error {
	if v := c.values["otlp.endpoint"]; v.bad {
		return nil
	}
	e := &environment{getenv: getenv}
	if c.OTLP.Endpoint == nil {
		if !c.standardPush(e) {
			return e.errs
		}
	} else if off := e.switchedOff(); off != "" {
		c.warn("%s does not switch off the push that %s configures", off, c.values["otlp.endpoint"].where)
	}
	c.OTLP.Timeout = 10 * time.Second
	for _, v := range []struct {
		name string
		set  func(*OTLP, string) error
	}{
		{"PROTOCOL", setProtocol},
		{"TIMEOUT", setTimeout},
		{"COMPRESSION", setCompression},
		{"CERTIFICATE", func(o *OTLP, text string) error { o.CAFile = text; return nil }},
		{"CLIENT_CERTIFICATE", func(o *OTLP, text string) error { o.CertFile = text; return nil }},
		{"CLIENT_KEY", func(o *OTLP, text string) error { o.KeyFile = text; return nil }},
	} {
		e.read(v.name, func(_, text string) (string, error) { return quote(text), v.set(&c.OTLP, text) })
	}
	e.read("HEADERS", func(_, text string) (string, error) { return hidden, setHeaders(&c.OTLP, text) })
	c.standard = e.known
	if err := c.OTLP.usableTLS(); err != nil {
		e.errs = append(e.errs, err)
	}
	return e.errs
}

func setProtocol(_ *OTLP, text string) error {
	if text != protocol {
		return fmt.Errorf("%q is not accepted, use %s", text, protocol)
	}
	return nil
}

func setTimeout(o *OTLP, text string) error {
	ms, err := strconv.Atoi(text)
	if err != nil || ms < 1 || ms > 3_600_000 {
		return fmt.Errorf("%q is not accepted, use milliseconds from 1 to 3600000", text)
	}
	o.Timeout = time.Duration(ms) * time.Millisecond
	return nil
}

func setCompression(o *OTLP, text string) error {
	if text != "gzip" && text != "none" {
		return fmt.Errorf("%q is not accepted, use gzip or none", text)
	}
	o.Gzip = text == "gzip"
	return nil
}

// setHeaders reads name=value, separated by commas, values percent-encoded. Its
// errors show nothing of a value.
func setHeaders(o *OTLP, text string) error {
	o.headers = make(map[string]string)
	for i, pair := range strings.Split(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !found || err != nil {
			return fmt.Errorf("header %d is not accepted, use name=value separated by commas, values percent-encoded", i+1)
		}
		if err := addHeader(o.headers, name, value); err != nil {
			return fmt.Errorf("header %d %w", i+1, err)
		}
	}
	return nil
}

// Headers are those of each push: of the variable, and of the file as it is now.
// Errors show nothing of the values.
func (o *OTLP) Headers() (map[string]string, error) {
	if o.headersFile == "" {
		return o.headers, nil
	}
	text, err := readHeadersFile(o.headersFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.headersFile, err)
	}
	all := make(map[string]string)
	maps.Copy(all, o.headers)
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) { // a byte order mark is no part of a name
		n++
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		if !found {
			return nil, fmt.Errorf("%s: line %d is no header, use Name: value", o.headersFile, n)
		}
		if err := addHeader(all, name, strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("%s: line %d %w", o.headersFile, n, err)
		}
	}
	return all, nil
}

// readHeadersFile never waits for a file, and reads no more than headers are.
func readHeadersFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, cause(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("is no regular file")
	case info.Size() > maxHeadersFile:
		return nil, fmt.Errorf("has more than %d bytes", maxHeadersFile)
	}
	text, err := os.ReadFile(path)
	return text, cause(err)
}

// ownHeaders are those that say what a push is.
var ownHeaders = []string{"Connection", "Content-Encoding", "Content-Length", "Content-Type", "Host", "Transfer-Encoding"}

func addHeader(to map[string]string, name, value string) error {
	name = http.CanonicalHeaderKey(strings.TrimSpace(name))
	switch {
	case !isToken(name):
		return errors.New("has a name that is no name of a header")
	case slices.Contains(ownHeaders, name):
		return fmt.Errorf("is %s, which the exporter sets itself", name)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return fmt.Errorf("(%s) has control characters in its value", name)
	}
	to[name] = value
	return nil
}

// usableTLS reports whether the certificates can be used.
func (o *OTLP) usableTLS() error {
	if (o.CertFile == "") != (o.KeyFile == "") {
		return errors.New(standardPrefix + "CLIENT_CERTIFICATE and " + standardPrefix + "CLIENT_KEY: one is no use without the other, set both")
	}
	s := newSource("", "")
	for _, f := range []struct{ name, path string }{{"CERTIFICATE", o.CAFile}, {"CLIENT_CERTIFICATE", o.CertFile}, {"CLIENT_KEY", o.KeyFile}} {
		if f.path == "" {
			continue
		}
		if err := s.readable(f.path); err != nil {
			return fmt.Errorf("%s%s: %w", standardPrefix, f.name, err)
		}
	}
	if err := s.usable(&tlsConfig{CAFile: o.CAFile, CertFile: o.CertFile, KeyFile: o.KeyFile}); err != nil {
		return fmt.Errorf("%sCERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY: %w", standardPrefix, err)
	}
	return nil
}
