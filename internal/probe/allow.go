package probe

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/schema"
)

// defaultPort is the port of a Betanet service where none is set.
const defaultPort = 9000

// ParseRule reads ADDRESS[:port], CIDR[:port] or NAME-GLOB[:port]. IPv6 with a
// port is in brackets. Without a port, 9000 is meant.
func ParseRule(text string) (Rule, error) {
	host, port, err := splitPort(text)
	if err != nil {
		return Rule{}, err
	}
	a := Rule{Port: port}
	if strings.ContainsAny(host, ":/") || addressLike.MatchString(host) {
		a.Prefix, err = parsePrefix(text, host)
		return a, err
	}
	a.Glob = fleet.NormalHost(host)
	if err := fleet.CheckHyphens(a.Glob); err != nil {
		return Rule{}, fmt.Errorf("%q %w", text, err)
	}
	if asName := strings.ReplaceAll(a.Glob, "*", "x"); strings.HasSuffix(a.Glob, ".") || !fleet.IsHostName(asName) {
		return Rule{}, notAllow(text)
	}
	return a, nil
}

// String returns the rule as ParseRule reads it.
func (a Rule) String() string {
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
	return fmt.Errorf("%q is not an address, CIDR or pattern of names with an optional port, use one such as 10.0.0.0/8, [fd00::1]:9000 or *.betanet.internal:9000", text)
}

// Config is the section probe of the configuration file: what /probe may collect
// in addition to the configured upstreams.
type Config struct {
	Allow []Rule `yaml:"allow"`
}

// Section describes the section probe.
func Section() *schema.Schema {
	check := func(text string) error {
		_, err := ParseRule(text)
		return err
	}
	normal := func(text string) string {
		r, _ := ParseRule(text) // it has been checked
		return r.String()
	}
	return &schema.Schema{Kind: schema.Object, Keys: []schema.Key{
		{Name: "allow", Schema: &schema.Schema{
			Kind: schema.Array, Elem: &schema.Schema{Check: check, Shown: normal},
			Doc: "What `/probe` may collect in addition to the configured upstreams: `ADDRESS[:port]`, `CIDR[:port]` or `NAME-GLOB[:port]`, IPv6 with a port in brackets. Without a port, 9000. Default: nothing.",
		}},
	}}
}

// UnmarshalText reads a rule as ParseRule does.
func (r *Rule) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRule(string(text))
	return err
}
