package probe

import (
	"net/netip"
	"testing"
)

func TestParseRuleAcceptsAddressesCIDRsAndPatterns(t *testing.T) {
	for text, want := range map[string]Rule{
		"10.0.0.1":             {Prefix: netip.MustParsePrefix("10.0.0.1/32"), Port: 9000},
		"10.0.0.1:80":          {Prefix: netip.MustParsePrefix("10.0.0.1/32"), Port: 80},
		"10.0.0.0/8":           {Prefix: netip.MustParsePrefix("10.0.0.0/8"), Port: 9000},
		"10.0.0.0/8:9001":      {Prefix: netip.MustParsePrefix("10.0.0.0/8"), Port: 9001},
		"0.0.0.0/0":            {Prefix: netip.MustParsePrefix("0.0.0.0/0"), Port: 9000},
		"fd00::1":              {Prefix: netip.MustParsePrefix("fd00::1/128"), Port: 9000},
		"[fd00::1]":            {Prefix: netip.MustParsePrefix("fd00::1/128"), Port: 9000},
		"[fd00::1]:9001":       {Prefix: netip.MustParsePrefix("fd00::1/128"), Port: 9001},
		"fd00::/8":             {Prefix: netip.MustParsePrefix("fd00::/8"), Port: 9000},
		"fd00::/8:9001":        {Prefix: netip.MustParsePrefix("fd00::/8"), Port: 9001},
		"[fd00::/8]:9001":      {Prefix: netip.MustParsePrefix("fd00::/8"), Port: 9001},
		"[fd00::]/8:9001":      {Prefix: netip.MustParsePrefix("fd00::/8"), Port: 9001},
		"::ffff:10.0.0.1":      {Prefix: netip.MustParsePrefix("10.0.0.1/32"), Port: 9000},
		"localhost":            {Glob: "localhost", Port: 9000},
		"*.Betanet.internal.":  {Glob: "*.betanet.internal", Port: 9000},
		"*.betanet.internal:1": {Glob: "*.betanet.internal", Port: 1},
		"node-*.a_b.svc:65535": {Glob: "node-*.a_b.svc", Port: 65535},
		"*":                    {Glob: "*", Port: 9000},
		"1and1.example":        {Glob: "1and1.example", Port: 9000},
	} {
		got, err := ParseRule(text)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestParseRuleRejectsOtherForms(t *testing.T) {
	const invalid = " is not an address, CIDR or host name pattern with an optional port, use one such as 10.0.0.0/8, [fd00::1]:9000 or *.betanet.internal:9000"
	for text, want := range map[string]string{
		"": invalid, "10.0.0.0/33": invalid, "10.0.*": invalid, "300.1.1.1": invalid, "10.0.0.1:": " has no valid port, use a number from 1 to 65535",
		"a:0": " has no valid port, use a number from 1 to 65535", "a:65536": " has no valid port, use a number from 1 to 65535", "a:+1": " has no valid port, use a number from 1 to 65535",
		"a:http": " has no valid port, use a number from 1 to 65535", "[a]:1": invalid, "[fd00::1": invalid, "[fd00::1]x": invalid, "[10.0.0.1]:1": invalid,
		"fe80::1%eth0": invalid, "a b": invalid, "a..b": invalid, ".": invalid, "http://a": " has no valid port, use a number from 1 to 65535", "a/b": invalid, "a?": invalid, "[ab]*": invalid,
		"10.0.0.1/8": " has address bits beyond its prefix length, use 10.0.0.0/8", "::ffff:10.0.0.0/104": " is an IPv4-mapped IPv6 prefix, use the IPv4 form",
		"-a": " has a host label that begins or ends with a hyphen, use hyphens only between letters, digits and _",
	} {
		got, err := ParseRule(text)
		if err == nil || err.Error() != `"`+text+`"`+want {
			t.Errorf("%s: got %+v, %v, want %s", text, got, err, want)
		}
	}
}

func FuzzParseRule(f *testing.F) {
	for _, text := range []string{"10.0.0.0/8:1", "[fd00::/8]:1", "*.a:1", "[fd00::]/8", "::1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		if err != nil {
			return
		}
		if r.Port == 0 || r.Prefix.IsValid() == (r.Glob != "") {
			t.Errorf("%q: got %+v, want a port and either a prefix or a pattern", text, r)
		}
		if again, err := ParseRule(r.String()); err != nil || again != r {
			t.Errorf("%q: printed as %q: got %+v, %v, want %+v", text, r.String(), again, err, r)
		}
	})
}
