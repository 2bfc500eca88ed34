package discovery

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of one source.
const (
	maxBody       = 10 << 20 // bytes of a document
	maxFiles      = 20_000
	maxTargets    = 20_000
	maxLabels     = 64 // of a group, dropped ones included
	maxLabelValue = 4096
	maxName       = 256 // bytes of an upstream's
)

// reserved are the names of labels that the exporter sets itself. (The label
// upstream is its own, too: it names the target.)
var reserved = [...]string{"replica", "mixnode", "endpoint", "le", "quantile", "reason", "state"}

// ofScraper are the labels that Prometheus sets on every series that it scrapes.
var ofScraper = [...]string{"instance", "job"}

func isLabelName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && c != '_' && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return s != ""
}

func isLabelValue(s string) bool { return len(s) <= maxLabelValue && utf8.ValidString(s) }

// checkAddress accepts host:port, where host is a name, an IPv4 address or an
// IPv6 address in brackets. The address is not in the error.
func checkAddress(a string) error {
	switch {
	case len(a) > maxName:
		return errors.New("is too long, want host:port of at most 256 bytes")
	case strings.Contains(a, "://"):
		return errors.New("is a URL, want host:port; the label __scheme__ asks for https")
	case strings.Contains(a, "@"):
		return errors.New("has userinfo, want host:port; credentials belong in the source's http_client")
	case strings.ContainsAny(a, "/?#"):
		return errors.New("has a path, want host:port")
	case strings.Count(a, ":") > 1 && a[0] != '[':
		return errors.New("has too many colons, want host:port, an IPv6 address in brackets")
	case !strings.Contains(a, ":") || a[0] == '[' && strings.HasSuffix(a, "]"):
		return errors.New("has no port, want host:port")
	}
	host, port, err := net.SplitHostPort(a)
	if _, bad := strconv.ParseUint(port, 10, 16); err == nil && (bad != nil || port[0] == '0') {
		return errors.New("has a bad port, want host:port with a port from 1 to 65535")
	}
	if err != nil || a[0] == '[' && !isIPv6(host) || a[0] != '[' && !isHost(host) {
		return errors.New("has a bad host, want host:port")
	}
	return nil
}

func isIPv6(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && (a.Zone() == "" || isHostLabel(a.Zone()))
}

// isHost accepts names of hosts, a dot at the end included, and IPv4 addresses.
func isHost(s string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if !isHostLabel(label) {
			return false
		}
	}
	return true
}

func isHostLabel(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
