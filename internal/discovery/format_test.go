package discovery

import (
	"strings"
	"testing"
)

func TestYAMLIsParsedAsInPrometheus(t *testing.T) {
	list := read(readYAML, `
# numbers and words are strings, anchors and aliases work
- &first
  targets: &both
    - 10.0.0.1:9000
    - 'b:9000'
  labels: &eu {shard: 1, up: true, load: 0.50, day: 2026-01-02}
- targets:
  labels: *eu
- targets: *both
  labels:
    note: |
      two
      lines
- *first
`)
	common := "[{day 2026-01-02} {load 0.50} {shard 1} {up true}]"
	note := "[{note two\nlines\n}]"
	first := "10.0.0.1:9000=http://10.0.0.1:9000" + common + " b:9000=http://b:9000" + common
	wantText(t, list, first+
		" 10.0.0.1:9000=http://10.0.0.1:9000"+note+" b:9000=http://b:9000"+note+" "+first)
}

func TestInvalidYAMLIsRefused(t *testing.T) {
	for body, want := range map[string]string{
		"# nothing\n":                            "line 1: the document is empty, want a list of groups, [] for none",
		"---\n":                                  "line 2: the document is null, want a list of groups, [] for none",
		"[":                                      "line 2: the document is not valid YAML: did not find expected node content",
		"- targets: [a:1]\n- targets: [b:1":      "line 2: the document is not valid YAML: did not find expected ',' or ']'",
		"- targets: *a":                          "the document is not valid YAML: unknown anchor",
		"- targets: []\n- a\n  b: c":             "line 3: the document is not valid YAML: mapping values are not allowed in this context",
		"-\n targets:\n  - a:1\n  b":             "line 4: the document is not valid YAML: could not find expected ':'",
		"- targets: [a:1]\nb":                    "line 2: the document is not valid YAML: could not find expected ':'",
		"- targets: []\n  labels: {a: b\n  c: d": "line 2: the document is not valid YAML: did not find expected ',' or '}'",
		"-\n targets: []\n labels:\n  a: \"b":    "line 4: the document is not valid YAML: found unexpected end of stream",
		"-\n targets: []\n labels:\n  a: `b":     "line 4: the document is not valid YAML: found character that cannot start any token",
		"-\n targets: []\n\tlabels: []":          "line 3: the document is not valid YAML: found character that cannot start any token",
		"[]\n---\n[]\n":                          "line 2: a second document, want one",
		"[]\n---\n]\n":                           "line 3: the document is not valid YAML: did not find expected node content",
		"- \x01":                                 "the document is not valid YAML: control characters are not allowed",
		"- targets: [\"a:1\xff\"]":               "the document is not valid YAML: invalid leading UTF-8 octet",
		"- &a [*a]":                              "[0] (line 1): is a list, want a map with targets and labels",
		"- &a\n  targets: *a":                    "[0].targets (line 2): is a map, want a list",
		"- labels: {<<: {a: b}}":                 `[0].labels["<<"] (line 1): is a map, want a string`,
		"- <<: {a: b}":                           `[0]["<<"] (line 1): unknown key, want targets or labels`,
		"- ? [a]\n  : b":                         `[0][""] (line 1): unknown key, want targets or labels`,
		"- labels: {a: !!binary aGk=}":           "[0].labels.a (line 1): is a value with a custom tag, want a string",
		"- labels: {a: !x b}":                    "[0].labels.a (line 1): is a value with a custom tag, want a string",
		"- !x {}":                                "[0] (line 1): is a value with a custom tag, want a map with targets and labels",
		"!x []":                                  "line 1: the document is a value with a custom tag, want a list of groups, [] for none",
		"- labels: {a: !!str [b]}":               "[0].labels.a (line 1): is a value with a custom tag, want a string",
		"- targets: [!!null a:1]":                "[0].targets[0] (line 1): is null, want host:port",
		"- labels: {a: ~}":                       "[0].labels.a (line 1): is null, want a string",
	} {
		if got := text(read(readYAML, body)); got != want {
			t.Errorf("%q\ngot  %v\nwant %v", body, got, want)
		}
	}
}

// A small document with many aliases must not use more memory than a large document does.
func TestTargetsOfAliasesCountTowardsTheLimit(t *testing.T) {
	body := "- targets: &a [a:1" + strings.Repeat(",a:1", 999) + "]\n" + strings.Repeat("- targets: *a\n", 20)
	wantText(t, read(readYAML, body), "[20].targets[0] (line 1): at most 20000 targets are accepted")
}

func TestInvalidJSONIsRefused(t *testing.T) {
	for body, want := range map[string]string{
		"[\n{\"targets\": [\"a:1\"],":          "line 2: the document is cut off, want JSON",
		"[{\"targets\": [\n\"a:":               "line 2: the document is cut off, want JSON",
		"[\n{},]":                              "line 2: the document is not valid JSON in UTF-8",
		"[]\n{}":                               "line 1: unexpected data after the list",
		"[] x":                                 "line 1: unexpected data after the list",
		"- targets: [a:1]":                     "line 1: the document is not valid JSON in UTF-8",
		"[{'targets': []}]":                    "line 1: the document is not valid JSON in UTF-8",
		"[{\"targets\": [\"\xff:1\"]}]":        "line 1: the document is not valid JSON in UTF-8",
		`[{"labels": {"a": "\ud800"}}]`:        "line 1: the document is not valid JSON in UTF-8",
		"\ufeff\ufeff[]":                       "line 1: the document is not valid JSON in UTF-8",
		"// none\n[]":                          "line 1: the document is not valid JSON in UTF-8",
		`[{"labels": {"a": 1}}]`:               "[0].labels.a (line 1): is a number, want a string",
		`[{"labels": {"a": true}}]`:            "[0].labels.a (line 1): is a boolean, want a string",
		`[{"targets": [9000]}]`:                "[0].targets[0] (line 1): is a number, want host:port",
		`[{"targets": false}]`:                 "[0].targets (line 1): is a boolean, want a list",
		"[\r\n{\r\n\"targets\": [\r\n\"a\"]}]": `rejected "a": [0].targets[0] (line 4): has no port, want host:port`,
	} {
		if got := text(read(readJSON, body)); got != want {
			t.Errorf("%q\ngot  %v\nwant %v", body, got, want)
		}
	}
}

func TestEscapesInJSONAreDecoded(t *testing.T) {
	list := read(readJSON, `[{"targets": ["\u0061:1"], "labels": {"zon\u0065": "\ud83d\ude00\n\/"}}]`)
	wantText(t, list, "a:1=http://a:1[{zone 😀\n/}]")
}
