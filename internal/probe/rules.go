package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Rule allows targets that are not configured: the addresses in a prefix, or the
// names that match a pattern, on one port. Exactly one of Prefix and Glob is set.
type Rule struct {
	Prefix netip.Prefix
	Glob   string // matches whole names; * matches any characters, including dots
	Port   uint16
}

type rules []Rule

// normalize returns a copy with patterns in the form of target.name.
func normalize(allow []Rule) rules {
	rs := slices.Clone(allow)
	for i := range rs {
		rs[i].Glob = fleet.NormalHost(rs[i].Glob)
	}
	return rs
}

// contain reports whether a prefix with the port contains an address.
func (rs rules) contain(ip netip.Addr, port uint16) bool {
	return slices.ContainsFunc(rs, func(r Rule) bool { return r.Port == port && r.Prefix.Contains(ip) })
}

// match reports whether a pattern with the port matches a name.
func (rs rules) match(name string, port uint16) bool {
	return slices.ContainsFunc(rs, func(r Rule) bool { return r.Port == port && r.Glob != "" && matchGlob(r.Glob, name) })
}

// check returns an error unless a target with these addresses is allowed.
//
// A prefix allows addresses. A name is allowed if prefixes contain all of its
// addresses. It is also allowed if a pattern matches it and none of its addresses
// is special-purpose, except loopback addresses in a prefix. A name without
// addresses needs a pattern.
func (rs rules) check(a target, resolved []netip.Addr) error {
	outside := func(ip netip.Addr) bool { return !rs.contain(ip, a.port) }
	switch {
	case a.name == "" && outside(a.ip):
		return errors.New("probe.allow has no entry for this address and port")
	case a.name == "", len(resolved) > 0 && !slices.ContainsFunc(resolved, outside):
		return nil
	case !rs.match(a.name, a.port):
		return errors.New("probe.allow has no entry for this name and port, or for all of its addresses")
	}
	for _, ip := range resolved {
		if kind := specialPurpose(ip); kind != "" && (!ip.IsLoopback() || outside(ip)) {
			return fmt.Errorf("its name resolves to the %s address %s", kind, ip)
		}
	}
	return nil
}

// couldMatch reports whether a target could be allowed once its name is resolved.
// Other names are not sent to a name server.
func (rs rules) couldMatch(a target) bool {
	if a.name == "" {
		return rs.contain(a.ip, a.port)
	}
	return slices.ContainsFunc(rs, func(r Rule) bool { return r.Port == a.port && r.Prefix.IsValid() }) || rs.match(a.name, a.port)
}

// specialPurpose returns the kind of an address that patterns do not allow, or "" for
// other addresses. It looks at the embedded IPv4 address if there is one.
func specialPurpose(ip netip.Addr) string {
	ip = embeddedIPv4(ip)
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

// embeddedIPv4 returns the IPv4 address that a translator or a tunnel extracts from
// an IPv6 address: NAT64 (RFC 6052), 6to4 (RFC 3056) and IPv4-compatible addresses.
// It returns other addresses unchanged.
func embeddedIPv4(ip netip.Addr) netip.Addr {
	b, bare := ip.As16(), ip.WithZone("") // a Prefix contains no zones
	switch {
	case ip.IsLoopback() || ip.IsUnspecified():
		return ip
	case nat64.Contains(bare) || compatible.Contains(bare):
		return netip.AddrFrom4([4]byte(b[12:]))
	case sixToFour.Contains(bare):
		return netip.AddrFrom4([4]byte(b[2:6]))
	default:
		return ip
	}
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	compatible = netip.MustParsePrefix("::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
)

// matchGlob reports whether a pattern matches a whole name.
func matchGlob(glob, name string) bool {
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
