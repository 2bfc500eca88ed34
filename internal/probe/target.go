package probe

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Limits of names (RFC 1035), and of a name with a dot and a port.
const (
	maxName  = 253
	maxLabel = 63
	maxText  = maxName + len(".:65535")
)

// maxQuoted bounds in bytes what an error holds of a target.
const maxQuoted = 100

// target is an address that is asked for: a name or an address in numbers, and a
// port.
type target struct {
	name string     // in lower case, without a dot at the end; "" where ip holds
	ip   netip.Addr // IPv4 never in the form of IPv6
	port uint16
}

func (a target) String() string {
	if a.name == "" {
		return netip.AddrPortFrom(a.ip, a.port).String()
	}
	return a.name + ":" + strconv.Itoa(int(a.port))
}

// parse reads host:port. It is strict: what another program could read as
// another host is refused.
func parse(text string) (target, error) {
	a, why := split(text)
	if why != "" {
		return target{}, fmt.Errorf("%w %s: it %s; accepted are names of configured upstreams and host:port, such as node.example:9000, 10.0.0.1:9000 or [fd00::1]:9000",
			ErrMalformed, quote(text), why)
	}
	return a, nil
}

// split does the work of parse, and tells why it cannot.
func split(text string) (a target, why string) {
	if len(text) > maxText {
		return a, "is too long"
	}
	for _, c := range []byte(text) {
		switch {
		case c <= ' ' || c == 0x7f:
			return a, "has white space or control characters"
		case c > 0x7f:
			return a, "has characters that are not ASCII"
		case strings.IndexByte(`/\?#`, c) >= 0:
			return a, "has a scheme, a path, a query or a fragment"
		case c == '@':
			return a, "has userinfo"
		case c == '%':
			return a, "has an escape or a zone"
		}
	}
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return a, "has no port"
	}
	if a.port, why = port(text[i+1:]); why != "" {
		return a, why
	}
	if inner, ok := strings.CutPrefix(text[:i], "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		ip, err := netip.ParseAddr(inner)
		if !closed || err != nil || !ip.Is6() {
			return a, "has no IPv6 address between its brackets"
		}
		a.ip = ip.Unmap()
		return a, ""
	}
	if ip, err := netip.ParseAddr(text[:i]); err == nil && ip.Is4() {
		a.ip = ip
		return a, ""
	}
	a.name = strings.ToLower(strings.TrimSuffix(text[:i], "."))
	return a, checkName(a.name)
}

func port(text string) (uint16, string) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || text[0] == '0' { // ParseUint takes no sign
		return 0, "has a bad port, use a number from 1 to 65535"
	}
	return uint16(n), ""
}

// checkName tells why a name is not one of a host.
func checkName(name string) string {
	if len(name) > maxName {
		return "has too long a name"
	}
	last := ""
	for last = range strings.SplitSeq(name, ".") {
		if !isLabel(last) {
			return "has no valid name"
		}
	}
	if isNumber(last) {
		return "has a host that could be read as a number, use four decimal numbers for IPv4"
	}
	return ""
}

func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxLabel && s[0] != '-' && s[len(s)-1] != '-'
}

// isNumber reports whether the last label of a host is a number, decimal, octal
// or hexadecimal. So ends whatever inet_aton takes for an address, 127.1 and
// 0x7f000001 as well, and no name of the public DNS.
func isNumber(label string) bool {
	digits, set := label, "0123456789"
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		digits, set = hex, "0123456789abcdef"
	}
	return strings.Trim(digits, set) == ""
}

// quote makes a target fit for a line of text, and bounds it.
func quote(text string) string {
	cut := len(text) > maxQuoted
	q := strconv.QuoteToASCII(text[:min(len(text), maxQuoted)])
	if cut || len(q) > maxQuoted {
		const end = `…"`
		q = q[:min(len(q), maxQuoted)-len(end)] + end
	}
	return q
}
