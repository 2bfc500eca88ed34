package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// checkListening returns the errors that would keep the listeners from starting.
func (c *Config) checkListening() (all []error) {
	if c.Web.ConfigFile != "" {
		all = checkWebConfig(c.Web.ConfigFile, c.values["web.config.file"].where)
	}
	var seen []listenAddress
	add := func(text, option string) {
		a, ok := parseListenAddress(text)
		if !ok {
			return // already reported
		}
		a.where = c.values[option].where
		for _, b := range seen {
			if !a.overlaps(b) {
				continue
			}
			other := strconv.Quote(b.text)
			if b.where != a.where {
				other += " of " + b.where
			}
			problem := "is the same address as " + other
			switch {
			case a.ip == b.ip:
			case b.includes(a):
				problem = "is included in " + other
			default:
				problem = "includes " + other
			}
			all = append(all, fmt.Errorf("%s: %q %s, use each address once", a.where, text, problem))
			return
		}
		seen = append(seen, a)
	}
	if !c.Web.SystemdSocket {
		for _, text := range c.Web.ListenAddresses {
			add(text, "web.listen-address")
		}
	}
	if c.Web.HealthAddress != "" {
		add(c.Web.HealthAddress, "web.health-address")
	}
	return all
}

// listenAddress is an address to listen on. It has either a name or an ip: host names
// except localhost are not resolved.
type listenAddress struct {
	text, where string
	name        string
	ip          netip.Addr // [::] for no host, which also listens on IPv4
	port        int
}

// parseListenAddress parses an address. ok is false if it is not host:port with a valid
// port, which checkAddress rejects.
func parseListenAddress(text string) (a listenAddress, ok bool) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return a, false
	}
	a = listenAddress{text: text, name: fleet.NormalHost(host)}
	if a.port, err = net.LookupPort("tcp", port); err != nil {
		return a, false
	}
	switch a.name {
	case "":
		a.ip = netip.IPv6Unspecified()
	case "localhost":
		a.ip = netip.AddrFrom4([4]byte{127, 0, 0, 1}) // as net.Listen chooses
	default:
		if ip, err := netip.ParseAddr(a.name); err == nil {
			a.ip = ip.Unmap()
		}
	}
	if a.ip.IsValid() {
		a.name = ""
	}
	return a, true
}

// overlaps reports whether a and b cannot be listened on at the same time. Addresses with
// port 0 never overlap, because each listener gets its own port.
func (a listenAddress) overlaps(b listenAddress) bool {
	same := a.ip == b.ip && a.name == b.name
	return a.port == b.port && a.port != 0 && (same || a.includes(b) || b.includes(a))
}

// includes reports whether a is an unspecified address, [::] or 0.0.0.0, that includes b.
func (a listenAddress) includes(b listenAddress) bool {
	if !a.ip.IsValid() || !b.ip.IsValid() || !a.ip.IsUnspecified() {
		return false
	}
	return a.ip.Is6() || b.ip.Is4()
}
