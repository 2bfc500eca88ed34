package discovery

import (
	"fmt"
	"strings"
	"testing"
)

// JSON is YAML, so that one document does for both.

func TestAGroupMakesATargetOfEachAddress(t *testing.T) {
	eachFormat(t, func(t *testing.T, parse func([]byte, *listing) error) {
		list, err := read(parse, `[
			{"targets": ["b:9000", "a:9000"], "labels": {"zone": "z", "region": "eu"}},
			{"labels": {"__scheme__": "https"}, "targets": ["[2001:db8::1]:443"]},
			{"targets": ["c:9000"]},
			{"targets": ["a:9000"]}
		]`)
		wantText(t, list, err, "b:9000=http://b:9000[{region eu} {zone z}] a:9000=http://a:9000[{region eu} {zone z}]"+
			" [2001:db8::1]:443=https://[2001:db8::1]:443 c:9000=http://c:9000 a:9000=http://a:9000")
	})
}

func TestTheLabelUpstreamNamesTheTarget(t *testing.T) {
	eachFormat(t, func(t *testing.T, parse func([]byte, *listing) error) {
		list, err := read(parse, `[{"targets": ["a:9000"], "labels": {"upstream": "edge-1", "zone": "z"}}]`)
		wantText(t, list, err, "edge-1=http://a:9000[{zone z}]")
	})
}

func TestLabelsOfDiscoveryAreDropped(t *testing.T) {
	eachFormat(t, func(t *testing.T, parse func([]byte, *listing) error) {
		list, err := read(parse, `[{"targets": ["a:9000"], "labels": {"__meta_pod": "x", "__address__": "b:1", "__metrics_path__": "/x", "_one": "1", "empty": ""}}]`)
		wantText(t, list, err, "a:9000=http://a:9000[{_one 1}]")
	})
}

func TestNothingIsAnEmptyList(t *testing.T) {
	eachFormat(t, func(t *testing.T, parse func([]byte, *listing) error) {
		for _, body := range []string{`[]`, ` [ ] `, `[{}]`, `[{"targets": [], "labels": {"upstream": "a"}}]`, `[{"targets": null, "labels": null}]`} {
			list, err := read(parse, body)
			wantText(t, list, err, "")
		}
	})
}

func TestABadGroupIsRefused(t *testing.T) {
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
		`[{"targets": [], "targets": []}]`:         "[0].targets (line 1): is given twice",
		`[{"labels": null, "labels": {}}]`:         "[0].labels (line 1): is given twice",
		`[{"targets": {}}]`:                        "[0].targets (line 1): is a map, want a list",
		`[{"targets": "a:1"}]`:                     "[0].targets (line 1): is a string, want a list",
		`[{"labels": []}]`:                         "[0].labels (line 1): is a list, want a map",
		`[{"labels": "a"}]`:                        "[0].labels (line 1): is a string, want a map",

		"[{\"targets\": [\"a:1\",\n\n\"b\"]}]": "[0].targets[1] (line 3): has no port, want host:port",
		`[{"targets": [["a:1"]]}]`:             "[0].targets[0] (line 1): is a list, want host:port",
		`[{"targets": ["a:1", null]}]`:         "[0].targets[1] (line 1): is null, want host:port",
		`[{"targets": ["http://a:1"]}]`:        "[0].targets[0] (line 1): is a URL, want host:port; the label __scheme__ asks for https",

		group(`"zone": null`):                                   "[1].labels.zone (line 3): is null, want a string",
		group(`"zone": {"a": "b"}`):                             "[1].labels.zone (line 3): is a map, want a string",
		group("\"zone\":\n [\"a\"]"):                            "[1].labels.zone (line 4): is a list, want a string",
		group(`"a-b": "x"`):                                     `[1].labels["a-b"] (line 3): a name of a label is letters, digits and _ and begins with no digit`,
		group(`"": "x"`):                                        `[1].labels[""] (line 3): a name of a label is letters, digits and _ and begins with no digit`,
		group(`"1a": "x"`):                                      `[1].labels["1a"] (line 3): a name of a label is letters, digits and _ and begins with no digit`,
		group(`"zöne": "x"`):                                    `[1].labels["zöne"] (line 3): a name of a label is letters, digits and _ and begins with no digit`,
		group("\"a\": \"x\",\n\"a\":\"\""):                      "[1].labels.a (line 4): is given twice",
		group(`"__a": "x", "__a":"x"`):                          "[1].labels.__a (line 3): is given twice",
		group(`"upstream": ""`):                                 "[1].labels.upstream (line 3): the name of an upstream has 1 to 256 bytes",
		group(`"upstream": "` + strings.Repeat("x", 257) + `"`): "[1].labels.upstream (line 3): the name of an upstream has 1 to 256 bytes",
		group(`"__scheme__": "ftp"`):                            "[1].labels.__scheme__ (line 3): want http or https",
		group(`"__scheme__": ""`):                               "[1].labels.__scheme__ (line 3): want http or https",
		group(`"zone": "` + strings.Repeat("x", 4097) + `"`):    "[1].labels.zone (line 3): want at most 4096 bytes of UTF-8",

		group(`"replica": ""`):   "[1].labels.replica (line 3): is a label of the exporter itself, want another name",
		group(`"mixnode": "x"`):  "[1].labels.mixnode (line 3): is a label of the exporter itself, want another name",
		group(`"endpoint": "x"`): "[1].labels.endpoint (line 3): is a label of the exporter itself, want another name",
		group(`"le": "x"`):       "[1].labels.le (line 3): is a label of the exporter itself, want another name",
		group(`"reason": "x"`):   "[1].labels.reason (line 3): is a label of the exporter itself, want another name",
		group(`"state": "x"`):    "[1].labels.state (line 3): is a label of the exporter itself, want another name",

		"[{\"targets\": [\"a:1\", \"b:1\"], \"labels\": {\n\"upstream\": \"x\"}}]": "[0].labels.upstream (line 2): names 2 targets, want one: no two upstreams have the same name",
	} {
		eachFormat(t, func(t *testing.T, parse func([]byte, *listing) error) {
			list, err := read(parse, body)
			wantText(t, list, err, want)
		})
	}
}

func TestALongKeyIsCutInTheMessage(t *testing.T) {
	eachFormat(t, func(t *testing.T, parse func([]byte, *listing) error) {
		list, err := read(parse, `[{"`+strings.Repeat("x", 500)+`": []}]`)
		wantText(t, list, err, `[0]["`+strings.Repeat("x", 60)+`"] (line 1): unknown key, want targets or labels`)
	})
}

func TestTheLongestValuesAreAccepted(t *testing.T) {
	eachFormat(t, func(t *testing.T, parse func([]byte, *listing) error) {
		name, zone := strings.Repeat("x", 256), strings.Repeat("x", 4096)
		list, err := read(parse, `[{"targets": ["a:1"], "labels": {"upstream": "`+name+`", "zone": "`+zone+`"}}]`)
		wantText(t, list, err, name+"=http://a:1[{zone "+zone+"}]")
	})
}

// document with n groups of k targets and j labels.
func big(n, k, j int) string {
	targets, labels := strings.Repeat(`"a:1",`, k), ""
	for i := range j {
		labels += fmt.Sprintf(`"z%d":"x",`, i)
	}
	group := fmt.Sprintf(`{"targets":[%s],"labels":{%s}},`, strings.TrimSuffix(targets, ","), strings.TrimSuffix(labels, ","))
	return "[" + strings.TrimSuffix(strings.Repeat(group, n), ",") + "]"
}

func TestTheSizeOfADocumentIsBounded(t *testing.T) {
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
		eachFormat(t, func(t *testing.T, parse func([]byte, *listing) error) {
			list, err := read(parse, big(c.n, c.k, c.j))
			if c.want != "" {
				wantText(t, list, err, c.want)
			} else if err != nil || len(list) != c.n*c.k || len(list[0].Labels) != c.j {
				t.Errorf("got %d targets and error %v, want %d", len(list), err, c.n*c.k)
			}
		})
	}
}

func TestDroppedLabelsCountAsWell(t *testing.T) {
	eachFormat(t, func(t *testing.T, parse func([]byte, *listing) error) {
		list, err := read(parse, strings.ReplaceAll(big(1, 1, 65), `"z`, `"__`))
		wantText(t, list, err, "[0].labels.__64 (line 1): at most 64 labels are accepted")
	})
}

func TestADocumentIsAtMost10MiB(t *testing.T) {
	anything := func([]byte, *listing) error { return nil }
	list, err := read(anything, strings.Repeat(" ", 10<<20))
	wantText(t, list, err, "")
	list, err = read(anything, strings.Repeat(" ", 10<<20+1))
	wantText(t, list, err, "is too large, at most 10485760 bytes are accepted")
}

func TestNoMessageQuotesAValue(t *testing.T) {
	const secret = "hunter2"
	for _, body := range []string{
		`"hunter2"`, `[hunter2`, `hunter2: *hunter2`, `["hunter2"]`, `[{"targets": "hunter2"}]`, `[{"targets": ["hunter2"]}]`, `[{"targets": ["u:hunter2@a:1"]}]`,
		`[{"targets": ["a:hunter2"]}]`, `[{"labels": {"__scheme__": "hunter2"}}]`, `[{"labels": {"le": "hunter2"}}]`, `[{"labels": {"a-b": "hunter2"}}]`,
		`[{"labels": {"a": !hunter2 b}}]`, `[{"labels": {"a": &hunter2 [b]}}]`,
		`[{"labels": {"a": "hunter2}}]`, "- labels:\n    a: `hunter2", "- labels:\n    a: @hunter2", "%hunter2 x", "--- !hunter2 x", "- a: b\n hunter2", "[] hunter2", "[]\n---\nhunter2",
	} {
		eachFormat(t, func(t *testing.T, parse func([]byte, *listing) error) {
			list, err := read(parse, body)
			if err == nil {
				t.Errorf("%s: got %v, want an error", body, text(list, err))
			} else if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: got %v, want no %s in it", body, err, secret)
			}
		})
	}
}
