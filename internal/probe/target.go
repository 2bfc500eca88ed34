package probe

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

const (
	maxName   = 253 // bytes, RFC 1035
	maxText   = maxName + len(".:65535")
	maxQuoted = 100 // bytes of a target in an error
)

// target is a host name or an IP address, and a port.
type target struct {
	name string     // in lower case, without a trailing dot; "" if ip is set
	ip   netip.Addr // unmapped
	port uint16
}

func (a target) String() string {
	if a.name == "" {
		return netip.AddrPortFrom(a.ip, a.port).String()
	}
	return a.name + ":" + strconv.Itoa(int(a.port))
}

// parse parses host:port. It rejects text that other programs could parse as another
// host.
func parse(text string) (target, error) {
	a, why := split(text)
	if why != "" {
		return target{}, fmt.Errorf("%w %s: it %s; want the name of a configured upstream or host:port, such as node.example:9000, 10.0.0.1:9000 or [fd00::1]:9000",
			ErrMalformed, quote(text), why)
	}
	return a, nil
}

// split is like parse, but returns the reason for rejecting a text, "" if it is accepted.
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
	parsed, err := fleet.ParseAddress(text)
	if err != nil {
		return a, err.Error()
	}
	a.port = parsed.Port
	if parsed.IP.IsValid() {
		a.ip = parsed.IP.Unmap()
		return a, ""
	}
	switch a.name = fleet.NormalHost(parsed.Name); {
	case len(a.name) > maxName:
		return a, "has a name that is too long"
	case fleet.EndsInNumber(a.name):
		return a, "has a host that could be read as a number, use four decimal numbers for IPv4"
	}
	return a, ""
}

// quote quotes a target in ASCII. It cuts the result to at most maxQuoted bytes, including
// an ellipsis.
func quote(text string) string {
	cut := len(text) > maxQuoted
	q := strconv.QuoteToASCII(text[:min(len(text), maxQuoted)])
	if cut || len(q) > maxQuoted {
		const end = `…"`
		q = q[:min(len(q), maxQuoted)-len(end)] + end
	}
	return q
}
