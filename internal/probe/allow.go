package probe

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/schema"
)

// defaultPort is the port of a rule that does not set one.
const defaultPort = 9000

// ParseRule parses ADDRESS[:port], CIDR[:port] or NAME-GLOB[:port]. IPv6 addresses
// with a port are in brackets. The default port is 9000.
func ParseRule(text string) (Rule, error) {
	host, port, err := splitPort(text)
	if err != nil {
		return Rule{}, err
	}
	r := Rule{Port: port}
	if strings.ContainsAny(host, ":/") || addressLike.MatchString(host) {
		r.Prefix, err = parsePrefix(text, host)
		return r, err
	}
	r.Glob = fleet.NormalHost(host)
	if err := fleet.CheckHyphens(r.Glob); err != nil {
		return Rule{}, fmt.Errorf("%q %w", text, err)
	}
	if asName := strings.ReplaceAll(r.Glob, "*", "x"); strings.HasSuffix(r.Glob, ".") || !fleet.IsHostName(asName) {
		return Rule{}, invalidRule(text)
	}
	return r, nil
}

// String returns the rule in a form that ParseRule accepts.
func (r Rule) String() string {
	host := r.Glob
	if r.Prefix.IsValid() {
		if host = r.Prefix.String(); r.Prefix.IsSingleIP() {
			host = r.Prefix.Addr().String()
		}
	}
	if r.Port == defaultPort {
		return host
	}
	if strings.Count(host, ":") > 1 {
		host = "[" + host + "]"
	}
	return fmt.Sprintf("%s:%d", host, r.Port)
}

// addressLike matches numbers with dots, which are mistyped addresses, not names.
var addressLike = regexp.MustCompile(`^[0-9.*]*[0-9][0-9.*]*$`)

// The forms of a rule. The groups are the host, the prefix length and the rest.
var (
	bracketedIPv6 = regexp.MustCompile(`(?s)^\[([^]]*:[^]]*)](/[^:]*)?(.*)$`) // [fd00::]/8:9000
	bareIPv6      = regexp.MustCompile(`(?s)^([^/]*)(/[^:]*)?(.*)$`)          // fd00::/8:9000
	otherHost     = regexp.MustCompile(`(?s)^([^:]*)()(.*)$`)                 // 10.0.0.0/8:9000
)

// splitPort splits a rule into its host, without brackets, and port.
func splitPort(text string) (host string, port uint16, err error) {
	form := otherHost
	switch {
	case strings.HasPrefix(text, "["):
		form = bracketedIPv6
	case strings.Count(text, ":") > 1:
		form = bareIPv6
	}
	m := form.FindStringSubmatch(text)
	if m == nil {
		return "", 0, invalidRule(text)
	}
	host = m[1] + m[2]
	if m[3] == "" {
		return host, defaultPort, nil
	}
	number, ok := strings.CutPrefix(m[3], ":")
	if !ok {
		return "", 0, invalidRule(text)
	}
	if port, ok = fleet.ParsePort(number); !ok {
		return "", 0, fmt.Errorf("%q has no valid port, use a number from 1 to 65535", text)
	}
	return host, port, nil
}

func parsePrefix(text, host string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(host); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(host)
	switch {
	case err != nil:
		return netip.Prefix{}, invalidRule(text)
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is an IPv4-mapped IPv6 prefix, use the IPv4 form", text)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has address bits beyond its prefix length, use %s", text, p.Masked())
	}
	return p, nil
}

func invalidRule(text string) error {
	return fmt.Errorf("%q is not an address, CIDR or host name pattern with an optional port, use one such as 10.0.0.0/8, [fd00::1]:9000 or *.betanet.internal:9000", text)
}

// Config is the probe section of the configuration file.
type Config struct {
	Allow []Rule `yaml:"allow"`
}

// Section returns the schema of the probe section.
func Section() *schema.Schema {
	check := func(text string) error {
		_, err := ParseRule(text)
		return err
	}
	normal := func(text string) string {
		r, _ := ParseRule(text) // checked by the schema
		return r.String()
	}
	return &schema.Schema{Type: schema.Object, Keys: []schema.Key{
		{Name: "allow", Schema: &schema.Schema{
			Type: schema.Array, Elem: &schema.Schema{Check: check, Shown: normal},
			Doc: "Targets that `/probe` may collect in addition to the configured upstreams: `ADDRESS[:port]`, `CIDR[:port]` or `NAME-GLOB[:port]`, IPv6 with a port in brackets. The default port is 9000. Default: none.",
		}},
	}}
}

// UnmarshalText implements encoding.TextUnmarshaler with ParseRule.
func (r *Rule) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRule(string(text))
	return err
}
