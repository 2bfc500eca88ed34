package probe

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseAcceptsHostAndPort(t *testing.T) {
	long := strings.Repeat("a", 63)
	for text, want := range map[string]string{
		"10.0.0.1:9000":                    "10.0.0.1:9000",
		"node.example:1":                   "node.example:1",
		"localhost:65535":                  "localhost:65535",
		"Node.EXAMPLE.:9000":               "node.example:9000",
		"my_service-1:9000":                "my_service-1:9000",
		"[fd00::1]:9000":                   "[fd00::1]:9000",
		"[FD00:0::0001]:9000":              "[fd00::1]:9000",
		"[::ffff:127.0.0.1]:9000":          "127.0.0.1:9000",
		"[0:0:0:0:0:FFFF:7f00:1]:9000":     "127.0.0.1:9000",
		"0xy.example:9000":                 "0xy.example:9000",
		"1.example:9000":                   "1.example:9000",
		long + ".example:9000":             long + ".example:9000",
		strings.Repeat("a.", 126) + "a:80": strings.Repeat("a.", 126) + "a:80",
	} {
		if got, err := parse(text); err != nil || got.String() != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
}

func TestParseRejectsAmbiguousTargets(t *testing.T) {
	for text, why := range map[string]string{
		"":                         "no port",
		"node.example":             "no port",
		"http://node.example:9000": "scheme",
		"//node.example:9000":      "scheme",
		"node.example:9000/":       "path",
		"node.example:9000/a:1":    "path",
		"node.example\\:9000":      "path",
		"node.example:9000?a=b":    "query",
		"node.example#:9000":       "fragment",
		"a@node.example:9000":      "userinfo",
		"a:b@node.example:9000":    "userinfo",
		"127.0.0.%31:9000":         "escape",
		"[fe80::1%lo]:9000":        "zone",
		"[::1%25lo]:9000":          "zone",
		" node.example:9000":       "white space",
		"node.example:9000\n":      "white space",
		"node\x00.example:9000":    "control",
		"node.example:9000\x7f":    "control",
		"nöde.example:9000":        "ASCII",
		"127。0。0。1:9000":           "ASCII",
		"①27.0.0.1:9000":           "ASCII",
		"node.example:":            "port",
		"node.example:0":           "port",
		"node.example:09000":       "port",
		"node.example:+9000":       "port",
		"node.example:-1":          "port",
		"node.example:65536":       "port",
		"node.example:0x2328":      "port",
		"node.example:http":        "port",
		"node.example:9000:":       "port",
		":9000":                    "name",
		".:9000":                   "name",
		"node..example:9000":       "name",
		".node.example:9000":       "name",
		"node.example..:9000":      "name",
		"-node.example:9000":       "name",
		"node-.example:9000":       "name",
		"*.example:9000":           "name",
		"node.example:9000:9000":   "name",
		"a,b:9000":                 "name",
		"::1:9000":                 "name",
		"::ffff:127.0.0.1:9000":    "name",
		"[::1]":                    "port",
		"[::1:9000":                "brackets",
		"[::1]x:9000":              "brackets",
		"[127.0.0.1]:9000":         "brackets",
		"[node.example]:9000":      "brackets",
		"[[::1]]:9000":             "brackets",
		"[]:9000":                  "brackets",
		"2130706433:9000":          "number",
		"0x7f000001:9000":          "number",
		"0X7F000001:9000":          "number",
		"0x7f.0.0.0x1:9000":        "number",
		"0x7f.1:9000":              "number",
		"0177.0.0.1:9000":          "number",
		"127.0.0.01:9000":          "number",
		"017700000001:9000":        "number",
		"127.1:9000":               "number",
		"127.0.1:9000":             "number",
		"127.0.0.1.:9000":          "number",
		"127.0.0.1.1:9000":         "number",
		"256.0.0.1:9000":           "number",
		"0:9000":                   "number",
		"0x:9000":                  "number",
		"node.1:9000":              "number",
		strings.Repeat("a", 64) + ".example:9000":       "name",
		strings.Repeat("a.", 127) + "a:9000":            "too long",
		strings.Repeat("a", 1000) + ".example:9000":     "too long",
		strings.Repeat("\x01", 200) + "node:9000":       "control",
		strings.Repeat("b", 10) + ".exa mple:9000":      "white space",
		strings.Repeat("\U0001F600", 50) + ".test:9000": "ASCII",
	} {
		_, err := parse(text)
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: got %v, want malformed: %s", text, err, why)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\x00\x7f") {
			t.Errorf("%q: got %q, want one clean line", text, err)
		}
	}
}

func TestAnErrorQuotesAtMost100BytesOfTheTarget(t *testing.T) {
	for _, text := range []string{strings.Repeat("a", 98), strings.Repeat("a", 99), strings.Repeat("\x01", 60), strings.Repeat("ü", 3000), "a" + strings.Repeat("ü", 48), "ab" + strings.Repeat("ü", 48), strings.Repeat(`"`, 101)} {
		q := quote(text)
		if len(q) > 100 || q[0] != '"' || q[len(q)-1] != '"' || !utf8.ValidString(q) || strings.Contains(q, "ü") {
			t.Errorf("got %d bytes %s, want at most 100 bytes of quoted ASCII", len(q), q)
		}
		if cut := strings.HasSuffix(q, `…"`); text[:2] == "aa" && cut != (len(text) > 98) {
			t.Errorf("%s: got cut %v, want %v", text, cut, !cut)
		}
	}
}

// FuzzTarget checks that an accepted target survives a round trip, and is only a host
// and a port.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"node.example:9000", "[::1]:9000", "[::ffff:1.2.3.4]:1", "127.1:9000", "a@b:1", "0x7f.1:9000", "[fe80::1%lo]:1", "A.:65535"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parse(text)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%q: got %v, want malformed", text, err)
			}
			return
		}
		if again, err := parse(a.String()); err != nil || again != a {
			t.Errorf("%q: got %v and parsed again %v, %v, want the same", text, a, again, err)
		}
		if (a.name == "") != a.ip.IsValid() || a.port == 0 || a.ip.Zone() != "" || a.ip.Is4In6() {
			t.Errorf("%q: got %+v, want a name or an unmapped address without a zone, and a port", text, a)
		}
		if strings.ContainsAny(a.String(), "@/%?# ") {
			t.Errorf("%q: got %s, want only a host and a port", text, a)
		}
	})
}
