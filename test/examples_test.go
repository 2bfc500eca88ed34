package test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// examples returns the files in examples/ by their path, except examples/config, which
// the tests of the exporter's configuration load.
func examples(t *testing.T) map[string]string {
	t.Helper()
	root, files := filepath.Join("..", "examples"), make(map[string]string)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "config":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		text, err := os.ReadFile(path)
		files[filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))] = string(text)
		return err
	})
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d files in %s (%v), want at least 10", len(files), root, err)
	}
	return files
}

func TestPromtoolAcceptsTheExamples(t *testing.T) {
	promtool := component(t, "promtool", "prometheus")
	for name, text := range examples(t) {
		config := ""
		switch {
		case filepath.Dir(name) == "prometheus", filepath.Dir(name) == "vmagent":
			config = text
		case filepath.Dir(name) == "opentelemetry":
			config = collectorScrapeConfig(t, text)
		default:
			continue
		}
		t.Run(name, func(t *testing.T) {
			runWithoutWarning(t, promtool, "check", "config", tempFile(t, "prometheus.yml", config))
		})
	}
}

// collectorScrapeConfig returns the Prometheus configuration in the configuration of an
// OpenTelemetry collector.
func collectorScrapeConfig(t *testing.T, text string) string {
	var object struct {
		Spec struct {
			Config struct {
				Receivers struct{ Prometheus struct{ Config yaml.Node } }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	config, err := yaml.Marshal(&object.Spec.Config.Receivers.Prometheus.Config)
	if err != nil {
		t.Fatal(err)
	}
	return string(config)
}

func TestProgramsAcceptTheExamples(t *testing.T) {
	examples := filepath.Join("..", "examples")
	for _, test := range []struct {
		program, debianPackage string
		args                   []string
	}{
		{"haproxy", "haproxy", []string{"-c", "-f", filepath.Join(examples, "haproxy", "haproxy.cfg")}},
		{"haproxy", "haproxy", []string{"-c", "-f", filepath.Join(examples, "haproxy", "fog-compute.cfg")}},
		{"vmagent", "victoria-metrics", []string{"-dryRun", "-promscrape.config=" + filepath.Join(examples, "vmagent", "scrape.yml")}},
		{"amtool", "prometheus-alertmanager", []string{"check-config", filepath.Join("..", "monitoring", "alertmanager.yml")}},
	} {
		t.Run(filepath.Base(test.args[len(test.args)-1]), func(t *testing.T) {
			runWithoutWarning(t, component(t, test.program, test.debianPackage), test.args...)
		})
	}
}

// Examples must be valid YAML, and Kubernetes objects must be complete.
func TestExamplesAreYAML(t *testing.T) {
	for name, text := range examples(t) {
		if ext := filepath.Ext(name); ext != ".yml" && ext != ".yaml" {
			continue
		}
		decoder := yaml.NewDecoder(strings.NewReader(text))
		for {
			var object struct {
				APIVersion string `yaml:"apiVersion"`
				Kind       string
				Metadata   struct{ Name string }
				Spec       map[string]any
			}
			err := decoder.Decode(&object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			if strings.HasSuffix(name, ".yaml") && (object.APIVersion == "" || object.Kind == "" || object.Metadata.Name == "" || object.Spec == nil) {
				t.Errorf("%s has an object without apiVersion, kind, name or spec", name)
			}
		}
	}
}

// relabelRule is a relabeling rule.
type relabelRule struct{ Source, Action, Regex, Target, Replacement string }

// In all examples the name of the upstream becomes the parameter target and the label
// instance, and the address becomes the proxy's. vmagent and Alloy hash all labels, including
// instance; for the others, the examples select the name. The target allocator must not hash,
// because it would hash the address.
func TestExamplesShardByTheNameOfTheUpstream(t *testing.T) {
	const proxy = "betanet-exporter.example:9200"
	byName := func(proxy string, hash ...relabelRule) []relabelRule {
		return slices.Concat([]relabelRule{
			{Source: "__address__", Target: "__param_target"},
			{Source: "__param_target", Target: "instance"},
		}, hash, []relabelRule{{Target: "__address__", Replacement: proxy}})
	}
	shard := func(n string) []relabelRule {
		return byName(proxy, relabelRule{Source: "__param_target", Action: "hashmod", Target: "__tmp_hash"}, relabelRule{Source: "__tmp_hash", Action: "keep", Regex: n})
	}
	files := examples(t)
	for name, want := range map[string][]relabelRule{
		"prometheus/shard-0.yml":       shard("0"),
		"prometheus/shard-1.yml":       shard("1"),
		"vmagent/scrape.yml":           byName(proxy),
		"alloy/config.alloy":           byName(proxy),
		"opentelemetry/collector.yaml": byName(proxy),
		"prometheus-operator/scrapeconfig.yaml": byName("betanet-exporter.monitoring.svc:9200",
			relabelRule{Source: "__param_target", Target: "__tmp_hash"}),
	} {
		if got := relabelRules(t, files[name]); !slices.Equal(got, want) {
			t.Errorf("%s: got the rules\n%+v\nwant\n%+v", name, got, want)
		}
	}
	if !strings.Contains(files["opentelemetry/collector.yaml"], "allocationStrategy: least-weighted") {
		t.Error("opentelemetry/collector.yaml lets the target allocator hash the address, which is the same for all targets")
	}
	if zero := strings.NewReplacer(`"1"`, `"0"`, "Server 1 of", "Server 0 of").Replace(files["prometheus/shard-1.yml"]); zero != files["prometheus/shard-0.yml"] {
		t.Error("prometheus/shard-0.yml and shard-1.yml differ in more than the number")
	}
}

// relabelRules returns the first list of relabeling rules in a text in YAML or Alloy's syntax.
func relabelRules(t *testing.T, text string) (all []relabelRule) {
	t.Helper()
	for _, block := range regexp.MustCompile(`(?s)\n  rule \{(.*?)\n  \}`).FindAllStringSubmatch(text, -1) {
		all = append(all, newRelabelRule(func(key, _ string) string {
			found := regexp.MustCompile(key + `\s*= \[?"(.*?)"\]?\n`).FindStringSubmatch(block[1] + "\n")
			return strings.Join(found[min(1, len(found)):], "")
		}))
	}
	if all != nil {
		return all
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	list := find(&document, "relabel_configs", "relabelings")
	if list == nil {
		t.Fatal("no relabeling rules")
	}
	for _, n := range list.Content {
		all = append(all, newRelabelRule(func(snake, camel string) string {
			value := find(n, snake, camel)
			switch {
			case value == nil:
				return ""
			case value.Kind == yaml.SequenceNode:
				return value.Content[0].Value
			default:
				return value.Value
			}
		}))
	}
	return all
}

func newRelabelRule(value func(snake, camel string) string) relabelRule {
	return relabelRule{
		Source: value("source_labels", "sourceLabels"), Action: value("action", "action"), Regex: value("regex", "regex"),
		Target: value("target_label", "targetLabel"), Replacement: value("replacement", "replacement"),
	}
}

// find returns the first value of one of several keys, anywhere in a document.
func find(n *yaml.Node, keys ...string) *yaml.Node {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && slices.Contains(keys, child.Value) {
			return n.Content[i+1]
		}
		if found := find(child, keys...); found != nil {
			return found
		}
	}
	return nil
}

// foreignFlags lists the flags in the examples that belong to other programs.
var foreignFlags = []string{"--cluster.enabled"}

func TestExamplesUseOnlyExistingFlagsAndPaths(t *testing.T) {
	help := runCommand(t, "", binary, "--help")
	service := startServices(t, 1)[0]
	_, base := startExporter(t, "--collect.mode=probe", "--betanet.url="+service.url)
	flag := regexp.MustCompile(`--[a-z]+\.[a-z.-]*[a-z]`)
	path := regexp.MustCompile(`(?:metrics_path|metricsPath| path)\s*[:=]\s*"?(/\S*[a-z])|GET (/\S+)|:9200(/[a-z/-]+)|` + "`(/[a-z/-]+)")
	flags, paths := 0, make(map[string]string)
	for file, text := range examples(t) {
		for _, f := range flag.FindAllString(text, -1) {
			if flags++; !slices.Contains(foreignFlags, f) && !regexp.MustCompile(regexp.QuoteMeta(f)+`[=\s]`).MatchString(help) {
				t.Errorf("%s: the exporter has no flag %s", file, f)
			}
		}
		for _, p := range path.FindAllStringSubmatch(text, -1) {
			paths[strings.Join(p[1:], "")] = file
		}
	}
	for _, p := range []string{"/probe", "/sd", "/metrics", "/-/ready"} {
		if paths[p] == "" {
			t.Errorf("no example has %s, only %v", p, paths)
		}
	}
	if flags == 0 {
		t.Error("no example has a flag")
	}
	for p, file := range paths {
		if err := checkStatus(base + p + "?target=" + url.QueryEscape(host(service.url))); err != nil {
			t.Errorf("%s has the path %s: %v", file, p, err)
		}
	}
}

// checkStatus returns an error unless a URL responds 200.
func checkStatus(url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", response.Status)
	}
	return nil
}

func TestExamplesReadmeLinksToEveryExample(t *testing.T) {
	files := examples(t)
	for name := range files {
		if name != "README.md" && !strings.Contains(files["README.md"], "]("+name+")") {
			t.Errorf("README.md does not link to %s", name)
		}
	}
}
