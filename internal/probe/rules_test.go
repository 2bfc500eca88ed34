package probe

import (
	"net/netip"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAPatternMatchesWholeNames(t *testing.T) {
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"*.betanet.internal", "a.betanet.internal", true},
		{"*.betanet.internal", "b.a.betanet.internal", true},
		{"*.BETANET.internal.", "a.betanet.internal", true},
		{"*.betanet.internal", "evil.betanet.internal.example", false},
		{"*.betanet.internal", "betanet.internal", false},
		{"*.betanet.internal", "evilbetanet.internal", false},
		{"*.betanet.internal", "a.betanetxinternal", false},
		{"node-*.internal", "node-1.internal", true},
		{"node-*.internal", "evil.node-1.internal", false},
		{"a*a", "a", false},
		{"a*b*c", "axbyc", true},
		{"a*b*c", "acb", false},
		{"*", "anything.at.all", true},
		{"node", "node", true},
		{"node", "node.evil", false},
		{"n[o]de", "node", false},
		{"nod?", "node", false},
	} {
		rs := normalize([]Rule{glob(c.glob, 9000)})
		if got := rs.match(c.name, 9000); got != c.want {
			t.Errorf("%s on %s: got %v, want %v", c.glob, c.name, got, c.want)
		}
		if rs.match(c.name, 9001) {
			t.Errorf("%s on %s: got a match on another port", c.glob, c.name)
		}
	}
}

func TestPatternsMatchLikePathMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.StringMatching(`[ab*]{1,8}`).Draw(t, "glob")
		name := rapid.StringMatching(`[ab]{1,10}`).Draw(t, "name")
		want, err := path.Match(g, name)
		if got := matchGlob(g, name); err != nil || got != want {
			t.Errorf("%s on %s: got %v, want %v", g, name, got, want)
		}
	})
}

func TestRulesDecideWhichAddressesAreAllowed(t *testing.T) {
	rs := normalize([]Rule{
		prefix("10.0.0.0/8", 9000), prefix("fd00::/8", 9000), prefix("127.0.0.2/32", 9000), prefix("169.254.7.0/24", 9000),
		prefix("192.0.2.1/32", 9001), glob("*.internal", 9000), glob("*.other", 9001),
	})
	for _, c := range []struct {
		target, resolved string
		want             bool
	}{
		{"10.1.2.3:9000", "", true},
		{"10.1.2.3:9001", "", false},
		{"11.0.0.1:9000", "", false},
		{"[::ffff:10.1.2.3]:9000", "", true},
		{"[::ffff:11.0.0.1]:9000", "", false},
		{"[fd00::1]:9000", "", true},
		{"[fe80::1]:9000", "", false},
		{"127.0.0.1:9000", "", false},
		{"169.254.7.1:9000", "", true}, // an explicit prefix allows it
		{"192.0.2.1:9001", "", true},
		{"192.0.2.1:9000", "", false},

		{"a.internal:9000", "203.0.113.1", true},
		{"a.internal:9000", "203.0.113.1 2001:db8::1", true},
		{"a.internal:9000", "", true},
		{"a.internal:9001", "203.0.113.1", false},
		{"a.internal:9000", "169.254.169.254", false},
		{"a.internal:9000", "203.0.113.1 169.254.169.254", false},
		{"a.internal:9000", "169.254.7.1 203.0.113.1", false},
		{"a.internal:9000", "169.254.7.1", true}, // by its prefix
		{"a.internal:9000", "fe80::1", false},
		{"a.internal:9000", "fe80::1%eth0", false},
		{"a.internal:9000", "224.0.0.1", false},
		{"a.internal:9000", "239.1.1.1", false},
		{"a.internal:9000", "ff02::1", false},
		{"a.internal:9000", "ff05::1", false},
		{"a.internal:9000", "0.0.0.0", false},
		{"a.internal:9000", "::", false},
		{"a.internal:9000", "127.0.0.1", false},
		{"a.internal:9000", "127.0.0.2", true},
		{"a.internal:9000", "127.0.0.2 203.0.113.1", true},
		{"a.internal:9000", "127.0.0.2 127.0.0.1", false},
		{"a.internal:9000", "::1", false},
		{"a.other:9001", "127.0.0.2", false},             // the prefix has another port
		{"a.internal:9000", "64:ff9b::a9fe:a9fe", false}, // NAT64 of 169.254.169.254
		{"a.internal:9000", "64:ff9b::cb00:7101", true},
		{"a.internal:9000", "2002:7f00:1::1", false}, // 6to4 of 127.0.0.1
		{"a.internal:9000", "::127.0.0.1", false},

		{"a.example:9000", "10.0.0.1", true},
		{"a.example:9000", "10.0.0.1 fd00::1", true},
		{"a.example:9000", "10.0.0.1 203.0.113.1", false},
		{"a.example:9000", "fd00::1%eth0", false},
		{"a.example:9000", "", false},
		{"a.example:9001", "10.0.0.1", false},
		{"a.example:9001", "192.0.2.1", true},
	} {
		a, err := parse(c.target)
		if err != nil {
			t.Fatal(err)
		}
		var resolved []netip.Addr
		for _, s := range strings.Fields(c.resolved) {
			resolved = append(resolved, netip.MustParseAddr(s))
		}
		err = rs.check(a, resolved)
		if got := err == nil; got != c.want {
			t.Errorf("%s at %q: got %v, want allowed %v", c.target, c.resolved, err, c.want)
		}
		if err == nil && !rs.couldMatch(a) {
			t.Errorf("%s is allowed, but would not be resolved", c.target)
		}
	}
}
