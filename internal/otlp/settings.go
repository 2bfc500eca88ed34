package otlp

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

	"github.com/betanet/betanet_exporter/internal/schema"
)

// Settings configure where and how series are pushed.
type Settings struct {
	Endpoint *url.URL // with its path; nil to push nothing
	Interval time.Duration
	Timeout  time.Duration // of one request
	Gzip     bool
	TLS      TLS

	HeadersFile string            // headers of each push, one per line; "" for none
	headers     map[string]string // from the environment variable
}

const (
	EnvPrefix      = "OTEL_EXPORTER_OTLP_" // begins the names of the standard variables
	metricsInfix   = "METRICS_"            // follows the prefix in the variables for metrics only, which take precedence
	metricsPath    = "/v1/metrics"
	protocol       = "http/protobuf" // the only supported one
	maxHeadersFile = 64 << 10
)

// WithPath sets the standard path in u if u has no path, and returns u.
func WithPath(u *url.URL) *url.URL {
	if u.Path == "" || u.Path == "/" {
		u.Path = metricsPath
	}
	return u
}

func setProtocol(_ *Settings, text string) error {
	if text != protocol {
		return fmt.Errorf("%q is not valid, use %s", text, protocol)
	}
	return nil
}

func setTimeout(s *Settings, text string) error {
	ms, err := strconv.Atoi(text)
	if err != nil || ms < 1 || ms > 3_600_000 {
		return fmt.Errorf("%q is not valid, use a number of milliseconds from 1 to 3600000", text)
	}
	s.Timeout = time.Duration(ms) * time.Millisecond
	return nil
}

func setCompression(s *Settings, text string) error {
	if text != "gzip" && text != "none" {
		return fmt.Errorf("%q is not valid, use gzip or none", text)
	}
	s.Gzip = text == "gzip"
	return nil
}

// setHeaders parses comma-separated name=value pairs with percent-encoded values. Its
// errors do not contain values.
func setHeaders(s *Settings, text string) error {
	s.headers = make(map[string]string)
	for i, pair := range strings.Split(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !found || err != nil {
			return fmt.Errorf("header %d is not valid, use name=value separated by commas, values percent-encoded", i+1)
		}
		if err := addHeader(s.headers, name, value); err != nil {
			return fmt.Errorf("header %d %w", i+1, err)
		}
	}
	return nil
}

// Headers returns the headers from the variable and the file, which takes precedence. It
// reads the file on each call. Its errors do not contain values.
func (s *Settings) Headers() (map[string]string, error) {
	if s.HeadersFile == "" {
		return s.headers, nil
	}
	text, err := readHeadersFile(s.HeadersFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.HeadersFile, err)
	}
	all := make(map[string]string)
	maps.Copy(all, s.headers)
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) { // a byte order mark is not part of a name
		n++
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		if !found {
			return nil, fmt.Errorf("%s: line %d is not a header, use Name: value", s.HeadersFile, n)
		}
		if err := addHeader(all, name, strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("%s: line %d %w", s.HeadersFile, n, err)
		}
	}
	return all, nil
}

// readHeadersFile reads a regular file of limited size. It does not open other kinds of
// files, because opening a pipe may block.
func readHeadersFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, schema.Cause(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file")
	case info.Size() > maxHeadersFile:
		return nil, fmt.Errorf("is larger than %d bytes", maxHeadersFile)
	}
	text, err := os.ReadFile(path)
	return text, schema.Cause(err)
}

// ownHeaders are the headers that the exporter sets itself.
var ownHeaders = []string{"Connection", "Content-Encoding", "Content-Length", "Content-Type", "Host", "Transfer-Encoding"}

// addHeader adds a header. Its errors do not contain the value; the caller prefixes them
// with the position of the header.
func addHeader(to map[string]string, name, value string) error {
	name = http.CanonicalHeaderKey(strings.TrimSpace(name))
	switch {
	case !schema.HeaderName.MatchString(name):
		return errors.New("has a name that is not a valid header name")
	case slices.Contains(ownHeaders, name):
		return fmt.Errorf("is %s, which the exporter sets itself", name)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return fmt.Errorf("(%s) has control characters in its value", name)
	}
	to[name] = value
	return nil
}
