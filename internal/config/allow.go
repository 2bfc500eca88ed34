package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// defaultPort is that of a Betanet service where none is said.
const defaultPort = 9000

// Allow is an entry of probe.allow: a range of addresses or a pattern of names,
// and a port.
type Allow struct {
	Prefix netip.Prefix // masked, IPv4 never in IPv6 form; not valid if Glob holds
	Glob   string       // in lower case, without a dot at the end; * stands for any letters, dots too
	Port   uint16
}

// ParseAllow reads ADDRESS[:port], CIDR[:port] or NAME-GLOB[:port]. IPv6 with a
// port is in brackets. Without a port, 9000 is meant.
func ParseAllow(text string) (Allow, error) {
	host, port, err := splitPort(text)
	if err != nil {
		return Allow{}, err
	}
	a := Allow{Port: port}
	if strings.ContainsAny(host, ":/") || addressLike.MatchString(host) {
		a.Prefix, err = parsePrefix(text, host)
		return a, err
	}
	a.Glob = fleet.NormalHost(host)
	if err := fleet.CheckHyphens(a.Glob); err != nil {
		return Allow{}, fmt.Errorf("%q %w", text, err)
	}
	if asName := strings.ReplaceAll(a.Glob, "*", "x"); strings.HasSuffix(a.Glob, ".") || !fleet.IsHostName(asName) {
		return Allow{}, notAllow(text)
	}
	return a, nil
}

// String is the entry as ParseAllow reads it.
func (a Allow) String() string {
	host := a.Glob
	if a.Prefix.IsValid() {
		if host = a.Prefix.String(); a.Prefix.IsSingleIP() {
			host = a.Prefix.Addr().String()
		}
	}
	if a.Port == defaultPort {
		return host
	}
	if strings.Count(host, ":") > 1 {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("%s:%d", host, a.Port)
}

// addressLike matches numbers with dots, which are not names but mistyped
// addresses.
var addressLike = regexp.MustCompile(`^[0-9.*]*[0-9][0-9.*]*$`)

// splitPort takes the port off an entry, and the brackets of IPv6.
func splitPort(text string) (host string, port uint16, err error) {
	host, rest := text, ""
	switch {
	case strings.HasPrefix(text, "["):
		inner, after, closed := strings.Cut(text[1:], "]")
		if !closed || !strings.Contains(inner, ":") {
			return "", 0, notAllow(text)
		}
		host, rest = inner, after
		if bits, ok := strings.CutPrefix(after, "/"); ok { // [fd00::]/8:9000
			bits, port, found := strings.Cut(bits, ":")
			host, rest = inner+"/"+bits, ""
			if found {
				rest = ":" + port
			}
		}
	case strings.Count(text, ":") > 1: // IPv6, which has a port only after a length
		if before, after, ok := strings.Cut(text, "/"); ok {
			bits, port, found := strings.Cut(after, ":")
			host = before + "/" + bits
			if found {
				rest = ":" + port
			}
		}
	default:
		if i := strings.IndexByte(text, ':'); i >= 0 {
			host, rest = text[:i], text[i:]
		}
	}
	if rest == "" {
		return host, defaultPort, nil
	}
	if number, ok := strings.CutPrefix(rest, ":"); ok {
		if port, ok := fleet.ParsePort(number); ok {
			return host, port, nil
		}
		return "", 0, fmt.Errorf("%q has no valid port, use a number from 1 to 65535", text)
	}
	return "", 0, notAllow(text)
}

func parsePrefix(text, host string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(host); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(host)
	switch {
	case err != nil:
		return netip.Prefix{}, notAllow(text)
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is IPv4 in the form of IPv6, use the IPv4 form", text)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has an address beyond its length, use %s", text, p.Masked())
	}
	return p, nil
}

func notAllow(text string) error {
	return fmt.Errorf("%q is no address, CIDR or pattern of names with an optional port, use one such as 10.0.0.0/8, [fd00::1]:9000 or *.betanet.internal:9000", text)
}

// Probe is what /probe may ask beside the configured upstreams.
type Probe struct{ Allow []Allow }

func readAllow(p *place, to *Probe) {
	for _, i := range p.items() {
		text, ok := i.text()
		if !ok {
			continue
		}
		a, err := ParseAllow(text)
		if err != nil {
			i.fail("%w", err)
			continue
		}
		to.Allow = append(to.Allow, a)
	}
}
