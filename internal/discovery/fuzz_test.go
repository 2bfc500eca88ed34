package discovery

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

var errorText = regexp.MustCompile(`^(\[\d+\][^\n]* \(line \d+\): |line \d+: |the document is not valid YAML: )[^\n]+$`)

// FuzzDocument checks that the list of any document is within the limits and survives a
// round trip, and that an error is one line with a position.
func FuzzDocument(f *testing.F) {
	for _, body := range []string{
		one, two, two[:20], "", "null", "[]", "{}", "- targets: [a:1]\n  labels: {a: b}\n", "- &a\n  targets: [*a]", "[]\n---\n[]", "- labels: {<<: {a: b}}", "- !!map {}",
		`[{"targets": ["a:1", "[::1]:2"], "labels": {"zone": "z", "__scheme__": "https", "__x": "", "empty": ""}}, {"targets": ["b:1"], "labels": {"upstream": "\u00fc"}}]`,
		big(3, 3, 3), "- targets: &a [a:1]\n- targets: *a", "- [[]]: x", "%YAML 1.1\n---\n[]\n...\n", "- ? targets\n  : - a:1", "# x",
	} {
		f.Add(false, []byte(body))
		f.Add(true, []byte(body))
	}
	f.Fuzz(func(t *testing.T, isYAML bool, body []byte) {
		parse := readJSON
		if isYAML {
			parse = readYAML
		}
		before := slices.Clone(body)
		list := read(parse, string(body))
		if !slices.Equal(before, body) {
			t.Fatalf("the body was changed to %q, want %q", body, before)
		}
		if err := list.Err; err != nil {
			if list.Targets != nil || !errorText.MatchString(err.Error()) || !utf8.ValidString(err.Error()) {
				t.Fatalf("got %d targets and the error %q, want no targets, and one line with a position", len(list.Targets), err)
			}
			return
		}
		for _, r := range list.Rejected {
			if strings.ContainsAny(r, "\n\x00") || !utf8.ValidString(r) {
				t.Fatalf("got the rejected target %q, want one line", r)
			}
		}
		if !isYAML && !json.Valid(bytes.TrimPrefix(body, byteOrderMark)) {
			t.Fatalf("got no error for %q, which is not JSON", body)
		}
		for _, x := range list.Targets {
			checkTarget(t, x)
		}
		again := read(readJSON, encode(t, list.Targets))
		wantText(t, again, text(List{Targets: list.Targets}))
	})
}

// checkTarget checks that a target is within the limits and has only accepted labels.
func checkTarget(t *testing.T, x Target) {
	if err := checkAddress(x.URL.Host); err != nil || x.URL.Scheme != "http" && x.URL.Scheme != "https" {
		t.Fatalf("got the URL %v, want http or https and host:port", x.URL)
	}
	if x.Name == "" || len(x.Name) > maxName || !utf8.ValidString(x.Name) {
		t.Fatalf("got the name %q, want 1 to %d bytes of UTF-8", x.Name, maxName)
	}
	if len(x.Labels) > maxLabels || x.Labels != nil && len(x.Labels) == 0 {
		t.Fatalf("got %d labels %v, want at most %d, and nil for none", len(x.Labels), x.Labels, maxLabels)
	}
	for i, l := range x.Labels {
		if !fleet.IsLabelName(l.Name) || strings.HasPrefix(l.Name, "__") || l.Name == "upstream" || fleet.IsExporterLabel(l.Name) {
			t.Fatalf("got the label %q, want it rejected or dropped", l.Name)
		}
		if l.Value == "" || len(l.Value) > maxLabelValue || !utf8.ValidString(l.Value) {
			t.Fatalf("got %s=%q, want 1 to %d bytes of UTF-8", l.Name, l.Value, maxLabelValue)
		}
		if i > 0 && x.Labels[i-1].Name >= l.Name {
			t.Fatalf("got labels %v, want them unique and sorted", x.Labels)
		}
	}
}

// encode formats each target as a group.
func encode(t *testing.T, list []Target) string {
	groups := []any{}
	for _, x := range list {
		labels := map[string]string{"upstream": x.Name, "__scheme__": x.URL.Scheme}
		for _, l := range x.Labels {
			labels[l.Name] = l.Value
		}
		groups = append(groups, map[string]any{"labels": labels, "targets": []string{x.URL.Host}})
	}
	b, err := json.Marshal(groups)
	must(t, err)
	return string(b)
}
