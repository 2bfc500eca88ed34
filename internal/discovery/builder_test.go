package discovery

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Most documents in this file are JSON, which is also YAML.

func TestTargetsAndLabelsAreRead(t *testing.T) {
	name, zone, key := strings.Repeat("x", 256), strings.Repeat("x", 4096), strings.Repeat("x", 500)
	for _, c := range []struct{ name, body, want string }{
		{"each address of a group is a target", `[
			{"targets": ["b:9000", "a:9000"], "labels": {"zone": "z", "region": "eu"}},
			{"labels": {"__scheme__": "https"}, "targets": ["[2001:db8::1]:443"]},
			{"targets": ["c:9000"]},
			{"targets": ["a:9000"]}
		]`, "b:9000=http://b:9000[{region eu} {zone z}] a:9000=http://a:9000[{region eu} {zone z}]" +
			" [2001:db8::1]:443=https://[2001:db8::1]:443 c:9000=http://c:9000 a:9000=http://a:9000"},
		{"the label upstream is the name", `[{"targets": ["a:9000"], "labels": {"upstream": "edge-1", "zone": "z"}}]`, "edge-1=http://a:9000[{zone z}]"},
		{
			"internal and empty labels are dropped",
			`[{"targets": ["a:9000"], "labels": {"__meta_pod": "x", "__address__": "b:1", "__metrics_path__": "/x", "_one": "1", "empty": ""}}]`,
			"a:9000=http://a:9000[{_one 1}]",
		},
		{"an empty list", ` [ ] `, ""},
		{"an empty group", `[{}]`, ""},
		{"a group without targets", `[{"targets": [], "labels": {"upstream": "a"}}]`, ""},
		{"null targets and labels", `[{"targets": null, "labels": null}]`, ""},
		{"the case of a name is kept", `[{"targets": ["n2:9000"], "labels": {"upstream": "Edge"}}]`, "Edge=http://n2:9000"},
		{"a byte order mark", "\ufeff" + `[{"targets": ["a:1"]}]`, "a:1=http://a:1"},
		{"a long key is shortened in the error", `[{"` + key + `": []}]`, `[0]["` + key[:60] + `"] (line 1): unknown key, want targets or labels`},
		{"the longest values", `[{"targets": ["a:1"], "labels": {"upstream": "` + name + `", "zone": "` + zone + `"}}]`, name + "=http://a:1[{zone " + zone + "}]"},
		{"dropped labels count towards the limit", strings.ReplaceAll(big(1, 1, 65), `"z`, `"__`), "[0].labels.__64 (line 1): at most 64 labels are accepted"},
	} {
		t.Run(c.name, func(t *testing.T) { wantParsed(t, c.body, c.want) })
	}
}

func TestDefaultNamesHaveTheHostInLowerCase(t *testing.T) {
	wantParsed(t, `[{"targets": ["N1:9000", "[FE80::A%Eth0]:9000"]}]`, "n1:9000=http://N1:9000 [fe80::a%Eth0]:9000=http://[FE80::A%25Eth0]:9000")
}

func TestInvalidDocumentsAreRefused(t *testing.T) {
	group := func(labels string) string { return "[{},\n{\"labels\": {\n" + labels + `}, "targets": ["a:1"]}]` }
	for body, want := range map[string]string{
		`{}`:     "line 1: the document is a map, want a list of groups, [] for none",
		"\nnull": "line 2: the document is null, want a list of groups, [] for none",
		`"x"`:    "line 1: the document is a string, want a list of groups, [] for none",
		"":       "line 1: the document is empty, want a list of groups, [] for none",
		" \n ":   "line 1: the document is empty, want a list of groups, [] for none",

		"[\n\"a:1\"]": "[0] (line 2): is a string, want a map with targets and labels",
		`[null]`:      "[0] (line 1): is null, want a map with targets and labels",
		`[[]]`:        "[0] (line 1): is a list, want a map with targets and labels",
		"[{\"targets\": []},\n{\n\"lables\": {}}]": "[1].lables (line 3): unknown key, want targets or labels",
		`[{"Targets": []}]`:                        "[0].Targets (line 1): unknown key, want targets or labels",
		`[{"a b": []}]`:                            `[0]["a b"] (line 1): unknown key, want targets or labels`,
		`[{"targets": [], "targets": []}]`:         "[0].targets (line 1): duplicate key",
		`[{"labels": null, "labels": {}}]`:         "[0].labels (line 1): duplicate key",
		`[{"targets": {}}]`:                        "[0].targets (line 1): is a map, want a list",
		`[{"targets": "a:1"}]`:                     "[0].targets (line 1): is a string, want a list",
		`[{"labels": []}]`:                         "[0].labels (line 1): is a list, want a map",
		`[{"labels": "a"}]`:                        "[0].labels (line 1): is a string, want a map",

		`[{"targets": [["a:1"]]}]`:     "[0].targets[0] (line 1): is a list, want host:port",
		`[{"targets": ["a:1", null]}]`: "[0].targets[1] (line 1): is null, want host:port",

		group(`"zone": null`):              "[1].labels.zone (line 3): is null, want a string",
		group(`"zone": {"a": "b"}`):        "[1].labels.zone (line 3): is a map, want a string",
		group("\"zone\":\n [\"a\"]"):       "[1].labels.zone (line 4): is a list, want a string",
		group("\"a\": \"x\",\n\"a\":\"\""): "[1].labels.a (line 4): duplicate label",
		group(`"__a": "x", "__a":"x"`):     "[1].labels.__a (line 3): duplicate label",
	} {
		wantParsed(t, body, want)
	}
}

func TestInvalidTargetsAreRejected(t *testing.T) {
	const others = "x:1=http://x:1 y:1=http://y:1 rejected "
	group := func(labels string) string {
		return "[{\"targets\": [\"x:1\"]},\n{\"labels\": {\n" + labels + `}, "targets": ["a:1"]}, {"targets": ["y:1"]}]`
	}
	for body, want := range map[string]string{
		"[{\"targets\": [\"x:1\",\n\n\"b\", \"y:1\"]}]":              `"b": [0].targets[1] (line 3): has no port, want host:port`,
		`[{"targets": ["x:1", "web frontend:21001", "y:1"]}]`:        `"web frontend:21001": [0].targets[1] (line 1): has a bad host name, want labels of 1 to 63 letters, digits, - and _, with - neither first nor last`,
		`[{"targets": ["http://a:1", "x:1"]}, {"targets": ["y:1"]}]`: `"http://a:1": [0].targets[0] (line 1): is a URL, want host:port; for https, set the label __scheme__`,
		`[{"targets": ["x:1", "y:1", "u:p@a:1"]}]`:                   `[0].targets[2] (line 1): has userinfo, want host:port; credentials belong in the source's http_client`,

		group(`"a-b": "x"`):     `"a:1": [1].labels["a-b"] (line 3): is not a valid label name, want letters, digits and _, not beginning with a digit`,
		group(`"": "x"`):        `"a:1": [1].labels[""] (line 3): is not a valid label name, want letters, digits and _, not beginning with a digit`,
		group(`"1a": "x"`):      `"a:1": [1].labels["1a"] (line 3): is not a valid label name, want letters, digits and _, not beginning with a digit`,
		group(`"zöne": "x"`):    `"a:1": [1].labels["zöne"] (line 3): is not a valid label name, want letters, digits and _, not beginning with a digit`,
		group(`"upstream": ""`): `"a:1": [1].labels.upstream (line 3): want 1 to 256 bytes`,
		group(`"upstream": "` + strings.Repeat("x", 257) + `"`): `"a:1": [1].labels.upstream (line 3): want 1 to 256 bytes`,
		group(`"upstream": "."`):                                `"a:1": [1].labels.upstream (line 3): "." is not a valid name, because it would change the path of a URL`,
		group(`"upstream": ".."`):                               `"a:1": [1].labels.upstream (line 3): ".." is not a valid name, because it would change the path of a URL`,
		group(`"__scheme__": "ftp"`):                            `"a:1": [1].labels.__scheme__ (line 3): want http or https`,
		group(`"__scheme__": ""`):                               `"a:1": [1].labels.__scheme__ (line 3): want http or https`,
		group(`"zone": "` + strings.Repeat("x", 4097) + `"`):    `"a:1": [1].labels.zone (line 3): want at most 4096 bytes of UTF-8`,

		group(`"replica": ""`):   `"a:1": [1].labels.replica (line 3): is a label of the exporter itself, want another name`,
		group(`"mixnode": "x"`):  `"a:1": [1].labels.mixnode (line 3): is a label of the exporter itself, want another name`,
		group(`"endpoint": "x"`): `"a:1": [1].labels.endpoint (line 3): is a label of the exporter itself, want another name`,
		group(`"le": "x"`):       `"a:1": [1].labels.le (line 3): is a label of the exporter itself, want another name`,
		group(`"quantile": "x"`): `"a:1": [1].labels.quantile (line 3): is a label of the exporter itself, want another name`,
		group(`"reason": "x"`):   `"a:1": [1].labels.reason (line 3): is a label of the exporter itself, want another name`,
		group(`"state": "x"`):    `"a:1": [1].labels.state (line 3): is a label of the exporter itself, want another name`,

		"[{\"targets\": [\"x:1\", \"y:1\"]}, {\"targets\": [\"a:1\", \"b:1\"], \"labels\": {\n\"upstream\": \"z\"}}]": `"a:1": [1].labels.upstream (line 2): names 2 targets, want one: the name of an upstream must be unique` +
			` rejected "b:1": [1].labels.upstream (line 2): names 2 targets, want one: the name of an upstream must be unique`,
	} {
		wantParsed(t, body, others+want)
	}
}

func TestLabelsInstanceAndJobAreDropped(t *testing.T) {
	eachFormat(t, func(t *testing.T, parse parser) {
		list := read(parse, `[{"targets": ["a:1", "b:1"], "labels": {"instance": "x", "zone": "z"}}, {"targets": ["c:1"], "labels": {"job": "y", "upstream": "third"}}, {"targets": ["d:1"], "labels": {"job": ""}}]`)
		wantText(t, list, "a:1=http://a:1[{zone z}] b:1=http://b:1[{zone z}] third=http://c:1 d:1=http://d:1")
		if got := strings.Join(list.Stripped, " "); got != "a:1 b:1 third" {
			t.Errorf("stripped: got %q, want %q", got, "a:1 b:1 third")
		}
	})
}

func TestAnInvalidDocumentKeepsItsLastTargets(t *testing.T) {
	eachFormat(t, func(t *testing.T, parse parser) {
		d := new(document)
		if l := d.read(strings.NewReader(`[{"targets":["127.0.0.2:21001"`), parse); l.Err == nil || l.Partial || l.Targets != nil {
			t.Errorf("got %+v for the first document, which is invalid, want only an error", l)
		}
		d.read(strings.NewReader(`[{"targets": ["a:1", "b"]}]`), parse)
		for range 2 {
			l := d.read(strings.NewReader(`[{"targets": ["a:1"`), parse)
			if l.Err == nil || !l.Partial || len(l.Targets) != 1 || len(l.Rejected) != 1 {
				t.Errorf("got %+v for an incomplete document, want an error and the last target", l)
			}
		}
		if l := d.failed(errors.New("gone")); l.Err == nil || !l.Partial || len(l.Targets) != 1 {
			t.Errorf("got %+v for a missing document, want an error and the last target", l)
		}
		wantText(t, d.read(strings.NewReader(`[{"targets": ["c:1"]}]`), parse), "c:1=http://c:1")
	})
}

// big returns a document with n groups of k targets and j labels.
func big(n, k, j int) string {
	targets, labels := strings.Repeat(`"a:1",`, k), ""
	for i := range j {
		labels += fmt.Sprintf(`"z%d":"x",`, i)
	}
	group := fmt.Sprintf(`{"targets":[%s],"labels":{%s}},`, strings.TrimSuffix(targets, ","), strings.TrimSuffix(labels, ","))
	return "[" + strings.TrimSuffix(strings.Repeat(group, n), ",") + "]"
}

func TestADocumentHasLimits(t *testing.T) {
	for _, c := range []struct {
		n, k, j int
		want    string
	}{
		{1, 20_000, 0, ""},
		{20_000, 1, 0, ""},
		{1, 1, 64, ""},
		{1, 20_001, 0, "[0].targets[20000] (line 1): at most 20000 targets are accepted"},
		{3, 7000, 1, "[2].targets[6000] (line 1): at most 20000 targets are accepted"},
		{20_001, 0, 0, "[20000] (line 1): at most 20000 groups are accepted"},
		{1, 1, 65, "[0].labels.z64 (line 1): at most 64 labels are accepted"},
	} {
		eachFormat(t, func(t *testing.T, parse parser) {
			list := read(parse, big(c.n, c.k, c.j))
			if c.want != "" {
				wantText(t, list, c.want)
			} else if list.Err != nil || len(list.Targets) != c.n*c.k || len(list.Targets[0].Labels) != c.j {
				t.Errorf("got %d targets and error %v, want %d", len(list.Targets), list.Err, c.n*c.k)
			}
		})
	}
}

func TestADocumentIsAtMost10MiB(t *testing.T) {
	anything := func([]byte, *builder) error { return nil }
	wantText(t, read(anything, strings.Repeat(" ", 10<<20)), "")
	wantText(t, read(anything, strings.Repeat(" ", 10<<20+1)), "is too large, at most 10485760 bytes are accepted")
}

func TestErrorsDoNotQuoteValues(t *testing.T) {
	const secret = "hunter2"
	for _, body := range []string{
		`"hunter2"`, `[hunter2`, `hunter2: *hunter2`, `["hunter2"]`, `[{"targets": "hunter2"}]`, `[{"targets": ["u:hunter2@a:1"]}]`, `[{"targets": ["a b", "http://u:hunter2@a:1", "http://a:1/?token=hunter2"]}]`,
		`[{"targets": ["a:1"], "labels": {"__scheme__": "hunter2"}}]`, `[{"targets": ["a:1"], "labels": {"le": "hunter2"}}]`, `[{"targets": ["a:1"], "labels": {"a-b": "hunter2"}}]`,
		`[{"labels": {"a": !hunter2 b}}]`, `[{"labels": {"a": &hunter2 [b]}}]`,
		`[{"labels": {"a": "hunter2}}]`, "- labels:\n    a: `hunter2", "- labels:\n    a: @hunter2", "%hunter2 x", "--- !hunter2 x", "- a: b\n hunter2", "[] hunter2", "[]\n---\nhunter2",
	} {
		eachFormat(t, func(t *testing.T, parse parser) {
			list := read(parse, body)
			if list.Err == nil && len(list.Rejected) == 0 {
				t.Errorf("%s: got %v, want an error or a rejected target", body, text(list))
			} else if strings.Contains(text(list), secret) {
				t.Errorf("%s: got %v, want no %s in it", body, text(list), secret)
			}
		})
	}
}
