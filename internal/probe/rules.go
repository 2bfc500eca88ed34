package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Rule allows targets that are not configured: the addresses of a prefix, or the
// names of a pattern, on one port. Exactly one of Prefix and Glob is set.
type Rule struct {
	Prefix netip.Prefix
	Glob   string // * stands for any characters, dots too; matches whole names
	Port   uint16
}

type rules []Rule

// normal is a copy with patterns as names of targets are: in lower case and
// without a dot at the end.
func normal(allow []Rule) rules {
	rs := slices.Clone(allow)
	for i := range rs {
		rs[i].Glob = fleet.NormalHost(rs[i].Glob)
	}
	return rs
}

// contain reports whether a prefix of the port holds an address.
func (rs rules) contain(ip netip.Addr, port uint16) bool {
	return slices.ContainsFunc(rs, func(r Rule) bool { return r.Port == port && r.Prefix.Contains(ip) })
}

// match reports whether a pattern of the port matches a name.
func (rs rules) match(name string, port uint16) bool {
	return slices.ContainsFunc(rs, func(r Rule) bool { return r.Port == port && r.Glob != "" && matches(r.Glob, name) })
}

// check tells why a target with these addresses is not allowed, nil if it is.
//
// An address is allowed by a prefix. A name is allowed by prefixes, if they hold
// all of its addresses, or by a pattern: then none of its addresses may be one
// that belongs to no other machine, but for loopback where a prefix holds it. A
// name without addresses needs a pattern.
func (rs rules) check(a target, resolved []netip.Addr) error {
	held := func(ip netip.Addr) bool { return rs.contain(ip, a.port) }
	switch {
	case a.name == "" && held(a.ip):
		return nil
	case a.name == "":
		return errors.New("probe.allow has no entry for this address and port")
	case len(resolved) > 0 && !slices.ContainsFunc(resolved, func(ip netip.Addr) bool { return !held(ip) }):
		return nil
	case !rs.match(a.name, a.port):
		return errors.New("probe.allow has no entry for this name and port, or for all of its addresses")
	}
	for _, ip := range resolved {
		if kind := special(ip); kind != "" && !(ip.IsLoopback() && held(ip)) {
			return fmt.Errorf("its name resolves to the %s address %s", kind, ip)
		}
	}
	return nil
}

// mayAllow reports whether a target that is not yet looked up could be allowed:
// else its name is not worth asking a name server.
func (rs rules) mayAllow(a target) bool {
	if a.name == "" {
		return rs.contain(a.ip, a.port)
	}
	return slices.ContainsFunc(rs, func(r Rule) bool { return r.Port == a.port && r.Prefix.IsValid() }) || rs.match(a.name, a.port)
}

// special names the kind of an address that a pattern of names does not open, ""
// of all others. An IPv4 address within an IPv6 one counts as itself.
func special(ip netip.Addr) string {
	if v4, ok := within6(ip); ok {
		ip = v4
	}
	switch {
	case ip.IsLoopback():
		return "loopback"
	case ip.IsUnspecified():
		return "unspecified"
	case ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast():
		return "link-local"
	case ip.IsMulticast():
		return "multicast"
	default:
		return ""
	}
}

// within6 is the IPv4 address that a translator or a tunnel would take out of an
// IPv6 one: NAT64 (RFC 6052), 6to4 (RFC 3056), and the old IPv4-compatible form.
func within6(ip netip.Addr) (netip.Addr, bool) {
	b := ip.As16()
	switch {
	case !ip.Is6() || ip.IsLoopback() || ip.IsUnspecified():
		return ip, false
	case nat64.Contains(ip.WithZone("")) || compatible.Contains(ip.WithZone("")):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case sixToFour.Contains(ip.WithZone("")):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	default:
		return ip, false
	}
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	compatible = netip.MustParsePrefix("::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
)

// matches reports whether a pattern matches all of a name.
func matches(glob, name string) bool {
	first, rest, stars := strings.Cut(glob, "*")
	if !stars {
		return glob == name
	}
	name, ok := strings.CutPrefix(name, first)
	for ok && stars {
		var part string
		part, rest, stars = strings.Cut(rest, "*")
		if !stars {
			return strings.HasSuffix(name, part)
		}
		_, name, ok = strings.Cut(name, part)
	}
	return false
}
