package test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the golden files in testdata/helm")

var chart = filepath.Join("..", "deploy", "helm", "betanet-exporter")

var helm = moduleProgram{name: "helm", module: "helm.sh/helm/v3/cmd/helm@v3.22.0"}

// object is a Kubernetes object or a part of one.
type object map[string]any

// rendered is the output of helm template.
type rendered struct {
	text    string
	objects []object
}

// renderChart renders the chart for a version of Kubernetes, as the release "betanet" in
// the namespace "monitoring".
func renderChart(t *testing.T, helm, kubernetes string, args ...string) *rendered {
	t.Helper()
	out, err := helmTemplate(t, helm, kubernetes, args...)
	if err != nil {
		t.Fatalf("helm template %q: %v", args, err)
	}
	r := &rendered{text: out}
	for decoder := yaml.NewDecoder(strings.NewReader(out)); ; {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return r
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		r.objects = append(r.objects, o)
	}
}

func helmTemplate(t *testing.T, helm, kubernetes string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), helm, append([]string{
		"template", "betanet", chart, "--namespace=monitoring", "--kube-version=" + kubernetes,
	}, args...)...)
	var messages strings.Builder
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, messages.String())
	}
	return string(out), err
}

// of returns the objects of a kind.
func (r *rendered) of(kind string) []object {
	return slices.DeleteFunc(slices.Clone(r.objects), func(o object) bool { return o["kind"] != kind })
}

// only returns the only object of a kind.
func (r *rendered) only(t *testing.T, kind string) object {
	t.Helper()
	all := r.of(kind)
	if len(all) != 1 {
		t.Fatalf("got %d %s objects, want one", len(all), kind)
	}
	return all[0]
}

// named returns the object with the given kind and name.
func (r *rendered) named(t *testing.T, kind string, name any) object {
	t.Helper()
	for _, o := range r.of(kind) {
		if o.get("metadata", "name") == name {
			return o
		}
	}
	t.Fatalf("no %s %v", kind, name)
	return nil
}

// get returns the value at a path of map keys and list indices, or nil if there is none.
func (o object) get(keys ...any) any {
	at := any(map[string]any(o))
	for _, key := range keys {
		switch v := at.(type) {
		case map[string]any:
			at = v[key.(string)]
		case object: // yaml also uses it for maps within objects
			at = v[key.(string)]
		case []any:
			i := key.(int)
			if i >= len(v) {
				return nil
			}
			at = v[i]
		default:
			return nil
		}
	}
	return at
}

// object returns the value of get as an object.
func (o object) object(keys ...any) object {
	switch v := o.get(keys...).(type) {
	case object:
		return v
	case map[string]any:
		return v
	}
	return nil
}

// list returns the value of get as a list of objects.
func (o object) list(keys ...any) (all []object) {
	items, _ := o.get(keys...).([]any)
	for i := range items {
		all = append(all, o.object(append(slices.Clone(keys), i)...))
	}
	return all
}

// texts returns the value of get as a list of strings.
func (o object) texts(keys ...any) (all []string) {
	items, _ := o.get(keys...).([]any)
	for _, item := range items {
		all = append(all, fmt.Sprint(item))
	}
	return all
}

// writeVolumes writes the volumes of the pod to a temporary directory, and returns the
// arguments of the exporter with paths in that directory. Every Secret gets the same
// files: a password and a list of targets.
func (r *rendered) writeVolumes(t *testing.T) (args []string) {
	t.Helper()
	const inPod = "/etc/betanet-exporter"
	root := t.TempDir()
	pod := r.only(t, "Deployment").object("spec", "template", "spec")
	sources := make(map[any]object)
	for _, v := range pod.list("volumes") {
		sources[v.get("name")] = v
	}
	for _, m := range pod.list("containers", 0, "volumeMounts") {
		source, ok := sources[m.get("name")]
		if !ok {
			t.Fatalf("no volume %v", m.get("name"))
		}
		files := object{"password": "secret", "targets.json": "[]"}
		if name := source.get("configMap", "name"); name != nil {
			files = r.named(t, "ConfigMap", name).object("data")
		}
		dir := strings.Replace(m.get("mountPath").(string), inPod, root, 1)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, content := range files {
			writeFile(t, filepath.Join(dir, name), strings.ReplaceAll(content.(string), inPod, root))
		}
	}
	for _, arg := range pod.texts("containers", 0, "args") {
		args = append(args, strings.ReplaceAll(arg, inPod, root))
	}
	return args
}
