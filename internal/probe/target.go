package probe

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Limits of a name (RFC 1035), and of one with a dot and a port.
const (
	maxName = 253
	maxText = maxName + len(".:65535")
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
		return a, "has too long a name"
	case fleet.EndsInNumber(a.name):
		return a, "has a host that could be read as a number, use four decimal numbers for IPv4"
	}
	return a, ""
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
