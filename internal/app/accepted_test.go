package app

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/discovery"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/probe"
)

var update = flag.Bool("update", false, "write the golden file")

// TestAcceptedInputsMatchTheGoldenFile compares the names, labels and addresses that
// each input accepts, and how it reads them, with a golden file. The file shows where
// two inputs differ, so that each difference is intentional.
func TestAcceptedInputsMatchTheGoldenFile(t *testing.T) {
	got := table("address", addresses(), []input{
		{"url", inURL},
		{"listen", inListenAddress},
		{"allow", inAllow},
		{"dns", inConfig(t, `{"discovery": {"dns": [{"name": %s}]}}`, func(c *config.Config) string { return c.Discovery.DNS[0].Name })},
		{"discovered", inDiscovery(t, `[{"targets": [%s]}]`, func(target discovery.Target, text string) string {
			if target.URL.Host != text {
				t.Errorf("%q: got the host %q", text, target.URL.Host)
			}
			return target.Name
		})},
		{"probe", inProbe(t)},
	}) + table("name", names, []input{
		{"file", inConfig(t, `{"upstreams": [{"url": "http://u", "name": %s}]}`, func(c *config.Config) string { return c.Upstreams()[0].Name })},
		{"discovered", inDiscovery(t, `[{"targets": ["h:9000"], "labels": {"upstream": %s}}]`, func(t discovery.Target, _ string) string { return t.Name })},
	}) + table("label", labels, []input{
		{"file", inConfig(t, `{"upstreams": [{"url": "http://u", "labels": {%s: "v"}}]}`, func(c *config.Config) string { return firstName(c.Upstreams()[0].Labels) })},
		{"discovered", inDiscovery(t, `[{"targets": ["h:9000"], "labels": {%s: "http"}}]`, func(t discovery.Target, _ string) string { return firstName(t.Labels) })},
	})
	const golden = "testdata/accepted.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Fatalf("update the file with -update and review the changes (-want +got):\n%s", diff)
	}
}

// input is a setting, file or parameter that takes a text from an operator. accept
// returns how the text is read; ok is false if it is rejected.
type input struct {
	name   string
	accept func(text string) (read string, ok bool)
}

// table returns a line for each text with a column for each input: how the input
// reads the text, "=" if unchanged, "-" if rejected.
func table(what string, texts []string, inputs []input) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s", what)
	for _, in := range inputs {
		fmt.Fprintf(&b, "\t%s", in.name)
	}
	for _, text := range texts {
		fmt.Fprintf(&b, "\n%s", shorten(text))
		for _, in := range inputs {
			switch read, ok := in.accept(text); {
			case !ok:
				b.WriteString("\t-")
			case read == text:
				b.WriteString("\t=")
			default:
				b.WriteString("\t" + shorten(read))
			}
		}
	}
	b.WriteString("\n\n")
	return b.String()
}

// shorten quotes a text, and abbreviates runs of the same letter.
func shorten(text string) string {
	for _, n := range []int{254, 253, 252, 251, 250, 64, 63, 62} {
		text = strings.ReplaceAll(text, strings.Repeat("x", n), fmt.Sprintf("<x*%d>", n))
	}
	text = strings.ReplaceAll(text, strings.Repeat("yy.", 84), "<yy.*84>")
	return strconv.QuoteToASCII(text)
}

func addresses() (all []string) {
	hosts := []string{
		"a", "A.Example", "a.", "a..", "a..b", ".a", ".", "", "localhost", "LOCALHOST.", "a-b", "a--b", "-a", "a-", "-", "--", "-a.b", "a-.b", "a.-b", "a.b-", "a.b-.", "a.-.b",
		"_a", "a_", "_", "a_b", "_a._tcp.b", "a_.b", "_-", "-_", "xn--bcher-kva.example", "b\u00fccher.example", "a\u3002b", "a b", " a", "a\x00", "a\x7f", "a,b", "a~b", "(a)", "a+b", "a%41", "a%2d", "a\\b", "a'b",
		"*", "*.a", "a.*", "node-*.a", "-*", "*-", "*-.a", "*.-a", "a*-b", "[ab]*", "a?", "u@a", "u:p@a", "a/b", "a/", "a?b", "a#b", "http://a", "//a",
		"127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "0X7F000001", "2130706433", "0177.0.0.1", "127.0.0.01", "256.0.0.1", "1.2.3.4.5", "0", "0x", "1.example", "node.1", "0xy", "1and1.example", "1-", "-1",
		"[::1]", "[::]", "[FE80::1]", "[fe80::1%eth0]", "[fe80::1%Eth-0]", "[fe80::1%-x]", "[fe80::1%x-]", "[fe80::1%25Eth0]", "[fe80::1%]", "[fe80::1% ]", "[::ffff:10.0.0.1]", "[10.0.0.1]", "[a]", "[::g]", "[]", "[", "]", "[::1", "::1]", "[[::1]]", "[::1]x", "x[::1]", "::1", "fe80::1", "::ffff:10.0.0.1",
		"10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/33", "fd00::/8", "[fd00::]/8", "[fd00::/8]", "::ffff:10.0.0.0/104",
		strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 63) + ".a", strings.Repeat("x", 64) + ".a", strings.Repeat("x", 62) + "-",
		strings.Repeat("yy.", 84) + "z", strings.Repeat("yy.", 84) + "zz", strings.Repeat("yy.", 84) + "zzz",
	}
	for _, h := range hosts {
		all = append(all, h, h+":9000")
	}
	for _, h := range []string{"a", "A-b.C.", "127.0.0.1", "[::1]", "-a", "a-"} {
		for _, port := range []string{"", "0", "1", "01", "080", "65535", "65536", "99999999999", "+1", "-1", " 1", "1 ", "0x50", "http", "1_0", "\u0663", "1:2", "1/", "1?"} {
			all = append(all, h+":"+port)
		}
	}
	return all
}

var names = []string{
	"a", "A b", "", ".", "..", "...", ".a", "a.", "-a", "a-", "-", "a/b", "../a", "a?b#c", "a:9000", "b\u00fccher", " a", "a ", "\u00a0a", "a\nb", "a\x7f", "a\u0085b", "\u200b",
	strings.Repeat("x", 63), strings.Repeat("x", 200), strings.Repeat("x", 201), strings.Repeat("x", 250) + "zzzzzz", strings.Repeat("x", 250) + "zzzzzzz",
}

var labels = []string{
	"a", "A", "_", "_a", "a1", "1a", "a-b", "a.b", "a b", "", "\u00e4", "__a", "__", "__scheme__", "upstream", "Upstream", "replica", "mixnode", "endpoint", "le", "LE", "quantile", "reason", "state", "instance", "job", "region", "a\nb", strings.Repeat("x", 250),
}

func load(args ...string) (*config.Config, bool) {
	c, err := config.Load(args, nil, io.Discard)
	return c, err == nil
}

func inURL(text string) (string, bool) {
	c, ok := load("--betanet.url=http://" + text)
	if !ok {
		return "", false
	}
	return c.Upstreams()[0].DisplayName() + c.Upstreams()[0].URLs[0].Path, true
}

func inListenAddress(text string) (string, bool) {
	_, ok := load("--web.listen-address=" + text)
	return text, ok
}

func inAllow(text string) (string, bool) {
	a, err := probe.ParseRule(text)
	return a.String(), err == nil
}

// writeText writes a file from a template with a text in it, as a JSON string.
func writeText(t *testing.T, path, template, text string) {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err == nil {
		err = os.WriteFile(path, fmt.Appendf(nil, template, quoted), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// inConfig reads a text in a configuration file. The file may be JSON, which is a
// subset of YAML.
func inConfig(t *testing.T, template string, read func(*config.Config) string) func(string) (string, bool) {
	path := filepath.Join(t.TempDir(), "c.yml")
	return func(text string) (string, bool) {
		writeText(t, path, template, text)
		c, ok := load("--config.file=" + path)
		if !ok {
			return "", false
		}
		return read(c), true
	}
}

// inDiscovery reads a text in a discovery file with one target.
func inDiscovery(t *testing.T, template string, read func(target discovery.Target, text string) string) func(string) (string, bool) {
	path := filepath.Join(t.TempDir(), "sd.json")
	return func(text string) (string, bool) {
		writeText(t, path, template, text)
		found := readOnce(path)
		if found.Err != nil || len(found.Targets) != 1 {
			return "", false
		}
		return read(found.Targets[0], text), true
	}
}

// firstName returns the name of the first label, or "(none)".
func firstName(all []fleet.Label) string {
	if len(all) == 0 {
		return "(none)"
	}
	return all[0].Name
}

// inProbe reads a target of /probe, with no target allowed. The rules are checked
// after parsing, so the error contains the parsed target.
func inProbe(t *testing.T) func(string) (string, bool) {
	targets := probe.New(t.Context(), probe.Options{Lookup: func(string) *fleet.Upstream { return nil }})
	return func(text string) (string, bool) {
		_, _, err := targets.Collect(t.Context(), text, 0)
		if !errors.Is(err, probe.ErrForbidden) {
			return "", false
		}
		_, rest, _ := strings.Cut(err.Error(), probe.ErrForbidden.Error()+": ")
		read, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return rest, true // an address over 100 bytes is truncated
		}
		read, _ = strconv.Unquote(read)
		return read, true
	}
}
