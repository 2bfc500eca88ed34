package fleet

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxHostLabel is the maximum length of a host label in bytes (RFC 1035).
const maxHostLabel = 63

// IsHostName reports whether s consists of host labels separated by dots. A trailing
// dot is accepted. The length is not checked.
func IsHostName(s string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if !isHostText(label) || hasOuterHyphen(label) {
			return false
		}
	}
	return true
}

// isHostText reports whether s is not empty and has only characters that are allowed in
// the ASCII form of a host label.
func isHostText(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isLetter(c) && !isDigit(c) && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// hasOuterHyphen reports whether a host label begins or ends with a hyphen.
func hasOuterHyphen(label string) bool {
	return strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-")
}

// CheckHyphens returns an error for a host with a label that begins or ends with a
// hyphen. It checks nothing else, and accepts an IPv6 address with any zone.
func CheckHyphens(host string) error {
	if strings.Contains(host, ":") {
		return nil
	}
	for label := range strings.SplitSeq(host, ".") {
		if hasOuterHyphen(label) {
			return errors.New("has a host label that begins or ends with a hyphen, use hyphens only between letters, digits and _")
		}
	}
	return nil
}

// NormalHost returns the form in which hosts are compared: lower case, without a
// trailing dot.
func NormalHost(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// EndsInNumber reports whether the last label of a host, as NormalHost returns it, is a
// decimal, octal or hexadecimal number. This is true of everything that inet_aton accepts
// as an address, such as 127.1 and 0x7f000001, and of no name in the public DNS.
func EndsInNumber(host string) bool {
	digits, set := host[strings.LastIndexByte(host, '.')+1:], "0123456789"
	if hex, ok := strings.CutPrefix(digits, "0x"); ok {
		digits, set = hex, "0123456789abcdef"
	}
	return strings.Trim(digits, set) == ""
}

// ParsePort parses a port from 1 to 65535 in decimal digits.
func ParsePort(text string) (port uint16, ok bool) {
	n, err := strconv.ParseUint(text, 10, 16) // rejects a sign
	return uint16(n), err == nil && n > 0
}

// Address is a host and a port. Exactly one of Name and IP is set.
type Address struct {
	Name string     // as it was written
	IP   netip.Addr // with its zone; may be an IPv4-mapped IPv6 address
	Port uint16
}

// ParseAddress parses host:port. The host is a name, an IPv4 address or an IPv6
// address in brackets; the port has no leading zero. Errors begin with a verb and do
// not contain the text.
func ParseAddress(text string) (a Address, err error) {
	bracketed := strings.HasPrefix(text, "[")
	switch {
	case strings.Count(text, ":") > 1 && !bracketed:
		return a, errors.New("has too many colons, want host:port, where host is a name, an IPv4 address or an IPv6 address in brackets")
	case !strings.Contains(text, ":") || bracketed && strings.HasSuffix(text, "]"):
		return a, errors.New("has no port, want host:port")
	}
	i := strings.LastIndexByte(text, ':')
	host, port := text[:i], text[i+1:]
	var ok bool
	if a.Port, ok = ParsePort(port); !ok || port[0] == '0' {
		return a, errors.New("has a bad port, want host:port with a port from 1 to 65535")
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	switch {
	case bracketed:
		if err != nil || !ip.Is6() || !strings.HasSuffix(host, "]") || ip.Zone() != "" && (!isHostText(ip.Zone()) || len(ip.Zone()) > maxHostLabel) {
			return a, errors.New("has a bad host, want an IPv6 address between the brackets")
		}
		a.IP = ip
	case err == nil && ip.Is4():
		a.IP = ip
	default:
		a.Name = host
		return a, checkHostName(host)
	}
	return a, nil
}

// checkHostName returns an error unless host is a host name with labels of valid length.
func checkHostName(host string) error {
	long := false
	for label := range strings.SplitSeq(host, ".") {
		long = long || len(label) > maxHostLabel
	}
	if long || !IsHostName(host) {
		return errors.New("has a bad host name, want labels of 1 to 63 letters, digits, - and _, with - neither first nor last")
	}
	return nil
}

// HostPort returns host:port for a URL: the host in lower case, and the URL's port or the
// default port of its scheme.
func HostPort(u *url.URL) string {
	host, zone, zoned := strings.Cut(u.Host, "%") // zones are interface names, which are case sensitive
	host = strings.ToLower(host)
	if zoned {
		host += "%" + zone
	}
	switch {
	case u.Port() != "":
		return host
	case u.Scheme == "https":
		return host + ":443"
	default:
		return host + ":80"
	}
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
