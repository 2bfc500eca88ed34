package schema

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// item is an element of the list in the files of the tests.
type item struct {
	Name     string
	URL      string
	Port     int
	Interval time.Duration
	On       bool
	Dir      string
	Labels   map[string]string
	Auth     map[string]any
}

// itemsSchema returns the schema of a file with a list of items. It uses every type.
func itemsSchema() *Schema {
	element := &Schema{
		Type: Object, ExactlyOneOf: []string{"url", "urls"},
		Keys: []Key{
			{"name", &Schema{}},
			{"url", &Schema{}},
			{"urls", &Schema{Type: Array, AtLeastOne: "URL", Elem: &Schema{}, Unique: (*Node).Text}},
			{"api", &Schema{Enum: []string{"v1", "v2"}}},
			{"port", &Schema{Type: Integer, Min: 1, Max: 100}},
			{"interval", &Schema{Type: Duration, MinDuration: time.Millisecond, Default: "15s"}},
			{"on", &Schema{Type: Boolean}},
			{"flag", &Schema{Type: Flag}},
			{"dir", &Schema{Type: Path}},
			{"labels", &Schema{Type: Map, Elem: &Schema{}, MapKey: &Schema{Pattern: regexp.MustCompile("^[a-z0-9]+$"), Want: "a label name"}}},
			{"auth", &Schema{Type: Object, Secret: true, Keys: []Key{
				{"password", &Schema{Hidden: true}}, {"key_file", &Schema{Type: File}}, {"claims", &Schema{Type: Any, Hidden: true}},
			}}},
		},
	}
	return &Schema{Type: Object, Keys: []Key{{"items", &Schema{Type: Array, Max: 2000, Elem: element}}, {"labels", &Schema{Type: Map, Elem: &Schema{}}}}}
}

// read writes a file c.yml to a new working directory and reads it. It returns the
// document and its errors, one per line.
func read(t *testing.T, text string) (*Document, string) {
	t.Helper()
	t.Chdir(t.TempDir())
	write(t, "c.yml", text)
	d := Read("c.yml", "--file", itemsSchema())
	errs, _ := d.Errors()
	if len(errs) == 0 {
		return d, ""
	}
	return d, errors.Join(errs...).Error()
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestEachErrorHasKeyPathLineAndReason reads a small file for each error.
func TestEachErrorHasKeyPathLineAndReason(t *testing.T) {
	one := func(key string) string { return "items:\n- url: http://a\n  " + key }
	const tab = " (line %d): is not valid YAML: a tab where spaces are needed, indent with spaces only"
	for _, c := range []struct {
		text string
		want string // without c.yml at the beginning
	}{
		// Keys.
		{"items:\n- nmae: a\n  url: http://a", `: items[0].nmae (line 2): unknown key, did you mean "name"?`},
		{"itmes:", `: itmes (line 1): unknown key, did you mean "items"?`},
		{"web: {}", `: web (line 1): unknown key, use items or labels`},
		{one("url: http://b"), `: items[0].url (line 3): duplicate key`},
		{"\"a\\nb c\": 1", `: "a\nb c" (line 1): unknown key, use items or labels`},
		{"[a]: 1", " (line 1): has a key that is not a string"},
		{"items:\n- ulr: http://a", `: items[0].ulr (line 2): unknown key, did you mean "url"?`},
		{"items:\n- name: a", ": items[0] (line 2): has no url, use url or urls"},
		{one("urls: [http://b]"), ": items[0].urls (line 3): must not be set together with url, use one of the two"},
		{one("labels: {a-b: x}"), `: items[0].labels.a-b (line 3): "a-b" is not a label name`},

		// Types.
		{"- a", " (line 1): is a list, use a mapping"},
		{"items: {a: b}", ": items (line 1): is a mapping, use a list"},
		{"items: a", ": items (line 1): is a single value, use a list"},
		{"items: [a]", ": items[0] (line 1): is a single value, use a mapping"},
		{"items:\n- ", ": items[0] (line 2): has no value, use a mapping with url or urls"},
		{one("name: [a]"), ": items[0].name (line 3): is a list, use a single value"},
		{one("name:"), ": items[0].name (line 3): has no value"},
		{one("auth: 15s"), ": items[0].auth (line 3): is a single value, use a mapping"},
		{one("name: !!str a"), ": items[0].name (line 3): a YAML tag (!) is not supported, use the value without it, in quotes if necessary"},
		{one("labels: {a: {b: c}}"), ": items[0].labels.a (line 3): is a mapping, use a single value"},
		{one("name: " + strings.Repeat("x", 4097)), ": items[0].name (line 3): is longer than 4096 bytes"},

		// Values.
		{one("interval: soon"), `: items[0].interval (line 3): "soon" is not a valid duration, use a number with a unit such as 500ms, 15s or 5m`},
		{one("interval: -3s"), `: items[0].interval (line 3): "-3s" is out of range, use at least 1ms`},
		{one("api: v3"), `: items[0].api (line 3): "v3" is not valid, use v1 or v2`},
		{one("port: 0"), `: items[0].port (line 3): "0" is not valid, use a whole number from 1 to 100`},
		{one("port: 101"), `: items[0].port (line 3): "101" is not valid, use a whole number from 1 to 100`},
		{one("on: 'true'"), `: items[0].on (line 3): is not valid, use true or false without quotes`},
		{one("flag: yes"), `: items[0].flag (line 3): "yes" is not valid, use true or false`},
		{"items:\n- urls: []", ": items[0].urls (line 2): is empty, use at least one URL"},
		{"items:\n- urls: [a, b, a]", ": items[0].urls[2] (line 2): duplicate of items[0].urls[0] (line 2)"},

		// Secrets.
		{one("auth: {pasword: x1x2x3}"), `: items[0].auth.pasword (line 3): unknown key, did you mean "password"?`},
		{one("auth: {password:x1x2x3}"), ": items[0].auth (line 3): has an unknown key, use claims, key_file or password"},
		{one("auth: {password: a, password: b}"), ": items[0].auth (line 3): has a duplicate key"},
		{one("auth: {claims: {'a:x1x2x3': }}"), ": items[0].auth.claims.? (line 3): has no value"},
		{one("auth: {key_file: nowhere}"), ": items[0].auth.key_file (line 3): nowhere: no such file or directory"},
		{one("auth: {key_file: .}"), ": items[0].auth.key_file (line 3): .: is a directory"},

		// YAML.
		{"a: b: c", " (line 1): is not valid YAML: mapping values are not allowed in this context"},
		{"items:\n- name: a\n url: x", " (line 3): is not valid YAML: did not find expected key"},
		{"items:\n  - url: x\n    name: y\n   foo: z\n# end", " (line 4): is not valid YAML: did not find expected '-' indicator"},
		{"items: [\n  a\nb: c", " (line 2): is not valid YAML: did not find expected ',' or ']'"},
		{"items:\n- name: *s3cret", " (line 2): is not valid YAML: a value that starts with * refers to an anchor (&) that is not defined before it, put the value in quotes"},
		{"items:\n- name: \"a", " (line 2): is not valid YAML: found unexpected end of stream"},
		{"items:\n\t- url: http://a", fmt.Sprintf(tab, 2)},
		{"items:\n- url: http://a\n\tname: b", fmt.Sprintf(tab, 3)},
		{"items:\n- url: http://a\n \tname: b\n", fmt.Sprintf(tab, 3)},
		{"items:\n-\turl: http://a\n\tname: b\n", fmt.Sprintf(tab, 2)},
		{"\titems: []", fmt.Sprintf(tab, 1)},
		{"items:\n- url: http://a\n  labels:\n\t\ta: b\n", fmt.Sprintf(tab, 4)},
		{"items:\n- name: @s3cret", " (line 2): is not valid YAML: a value that starts with @ or ` must be in quotes"},
		{"items: []\n---\n{}", " (line 2): contains a second document, use one document per file"},
		{"a: b\nc: \x01", " (line 2): is not UTF-8 text, or contains control characters"},
		{"a: b\n\xff", " (line 2): is not UTF-8 text, or contains control characters"},
		{"items: [{url: http://a, <<: b}]", ": items[0] (line 1): << merges a single value, use an alias of a mapping"},
	} {
		if _, got := read(t, c.text); got != "c.yml"+c.want {
			t.Errorf("%s\ngot  %s\nwant c.yml%s", c.text, got, c.want)
		}
	}
}

// A value may be on a different line from its key, and an alias on a different line from
// its anchor. Users look for the key, or for the element of a list.
func TestAnErrorHasTheLineOfItsKey(t *testing.T) {
	for text, want := range map[string]string{
		"items:\n- url: http://a\n  port:\n\n    x":                                     `c.yml: items[0].port (line 3): "x" is not valid, use a whole number from 1 to 100`,
		"items:\n- url: http://a\n  labels: {x: &x {}}\n  name:\n    *x":                "c.yml: items[0].labels.x (line 3): is a mapping, use a single value\nc.yml: items[0].name (line 4): is a mapping, use a single value",
		"items:\n- urls:\n  - a\n  -\n    {}":                                           "c.yml: items[0].urls[1] (line 5): is a mapping, use a single value",
		"items:\n- url: http://a\n  labels: {x: &x {}}\n- urls:\n  - *x":                "c.yml: items[0].labels.x (line 3): is a mapping, use a single value\nc.yml: items[1].urls[0] (line 5): is a mapping, use a single value",
		"items:\n- {url: http://a, labels: &l {A: x}}\n- url: http://a\n  labels: *l\n": `c.yml: items[0].labels.A (line 2): "A" is not a label name` + "\n" + `c.yml: items[1].labels.A (line 2): "A" is not a label name`,
	} {
		if _, got := read(t, text); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	labels := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "l%d: 1, ", i)
		}
		return "{" + b.String() + "}"
	}
	const tooLarge = "is too large: more than 500000 values in the file, including the values of each alias"
	for name, c := range map[string]struct{ text, want string }{
		"depth":                           {"items: [{url: http://a, auth: {claims: &c {x: *c}}}]", "items[0].auth.claims" + strings.Repeat(".x", 28) + " (line 1): is nested more than 32 levels deep"},
		"elements":                        {"items: [" + strings.Repeat("{},", 2001) + "]", "items (line 1): has 2001 elements, use at most 2000"},
		"values of aliases":               {"labels: &l " + labels(100_000) + "\nitems:\n" + strings.Repeat("- {url: http://a, labels: *l}\n", 5), "items[3].labels.l99984 (line 1): " + tooLarge},
		"merges without new values":       {"labels: &l " + labels(50_000) + "\nitems:\n- {url: http://a, labels: {<<: [" + strings.Repeat("*l, ", 100) + "]}}", "items[0].labels (line 3): " + tooLarge},
		"merges that contain themselves":  {"items:\n- &x {url: http://a, <<: [*x, *x, *x, *x]}", "items[0] (line 2): " + tooLarge},
		"length of a secret has no limit": {"items: [{url: http://a, auth: {password: " + strings.Repeat("x", 4097) + "}}]", ""}, // an error would show the length
	} {
		want := c.want
		if want != "" {
			want = "c.yml: " + want
		}
		if _, got := read(t, c.text); got != want {
			t.Errorf("%s: got %.300s, want %s", name, got, want)
		}
	}
}

func TestErrorsBeyondTheLimitAreCounted(t *testing.T) {
	d, _ := read(t, "items:\n"+strings.Repeat("- x\n", MaxErrors+500))
	if errs, more := d.Errors(); len(errs) != MaxErrors || more != 500 {
		t.Errorf("got %d errors and %d more, want %d and 500", len(errs), more, MaxErrors)
	}
}

func TestAnUnreadableFileIsNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("directory", 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, "large.yml", "#"+strings.Repeat("x", maxFile))
	write(t, "empty.yml", "\ufeff\n")
	for name, want := range map[string]string{
		"nowhere.yml": "no such file or directory", "directory": "is a directory", "large.yml": "is larger than 8 MiB, use a smaller file or discovery",
		"empty.yml": "is empty, use a file with at least a comment",
	} {
		errs, _ := Read(name, "--file", itemsSchema()).Errors()
		if want := "--file: " + name + ": " + want; len(errs) != 1 || errs[0].Error() != want {
			t.Errorf("got %v, want %s", errs, want)
		}
	}
}

func TestValuesAreDecoded(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "c.yml")
	write(t, name, "\ufeff"+`
items:
- &a {name: 0x1f, url: http://a, port: 0010, interval: 1m, on: true, dir: d, labels: {a: 1, b: yes}, auth: {password: 12345, claims: [1, {b: c}]}}
- {<<: *a, name: b, dir: /etc}
- {url: http://c, labels: &l {a: x}, port: 1}
- {url: http://d, labels: {<<: [*l, {a: y, b: z}]}, port: 2, name: }
`)
	d := Read(name, "--file", itemsSchema())
	var got []item
	d.Root.Get("items").Decode(&got)
	auth := map[string]any{"password": "12345", "claims": []any{1, map[string]any{"b": "c"}}}
	labels := map[string]string{"a": "1", "b": "yes"}
	want := []item{
		{Name: "0x1f", URL: "http://a", Port: 10, Interval: time.Minute, On: true, Dir: filepath.Join(dir, "d"), Labels: labels, Auth: auth},
		{Name: "b", URL: "http://a", Port: 10, Interval: time.Minute, On: true, Dir: "/etc", Labels: labels, Auth: auth},
		{URL: "http://c", Port: 1, Interval: 15 * time.Second, Labels: map[string]string{"a": "x"}},
		{URL: "http://d", Port: 2, Interval: 15 * time.Second, Labels: map[string]string{"a": "x", "b": "z"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if errs, _ := d.Errors(); len(errs) != 1 || errs[0].Error() != name+": items[3].name (line 6): has no value" {
		t.Errorf("got %v, want only an error for the missing value", errs)
	}
}

func TestValuesArePrintedWithOriginAndWithoutSecrets(t *testing.T) {
	d, errs := read(t, `items: [{url: "http://a", port: 007, on: true, dir: d, labels: {a: "1", b: c d}, auth: {password: p, claims: {q: r}}}, {urls: [b], interval: 90s}]`)
	if errs != "" {
		t.Fatal(errs)
	}
	var got []string
	for _, l := range d.Root.Get("items").Lines(0, "items") {
		got = append(got, fmt.Sprintf("%d %s # %s", l.Depth, l.Text, l.Origin))
	}
	want := []string{
		"0 items: # ", `1 - url: "http://a" # file`, "1   port: 7 # file", "1   interval: 15s # default", "1   on: true # file", "1   dir: d # file",
		`1   labels: {a: "1", b: "c d"} # file`, "1   auth: {password: <secret>, claims: <secret>} # file", "1 - urls: [b] # file", "1   interval: 1m30s # file",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
