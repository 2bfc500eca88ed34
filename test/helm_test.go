package test

import (
	"bytes"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// kubernetes maps each values file in testdata/helm to a version of Kubernetes: the oldest
// that the chart supports, or a recent one.
var kubernetes = map[string]string{"default": "1.25.0", "everything": "1.33.0", "probe": "1.33.0", "secured": "1.33.0"}

func values(name string) string { return filepath.Join("testdata", "helm", name+".values.yaml") }

// forEachRelease runs a subtest with the chart rendered for each values file.
func forEachRelease(t *testing.T, do func(t *testing.T, name string, r *rendered)) {
	helm := helm.path(t)
	for _, name := range slices.Sorted(maps.Keys(kubernetes)) {
		t.Run(name, func(t *testing.T) {
			do(t, name, renderChart(t, helm, kubernetes[name], "--values="+values(name)))
		})
	}
}

func TestHelmLintAcceptsTheChart(t *testing.T) {
	helm := helm.path(t)
	for name := range kubernetes {
		cmd := exec.CommandContext(t.Context(), helm, "lint", "--strict", chart, "--values="+values(name))
		if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("[WARNING]")) {
			t.Errorf("%s: %v\n%s", cmd, err, out)
		}
	}
}

// The golden files contain the names of the files of monitoring/ instead of their contents,
// which TestRulesAndDashboardsAreRenderedUnchanged compares.
func TestChartRendersTheGoldenFiles(t *testing.T) {
	forEachRelease(t, func(t *testing.T, name string, r *rendered) {
		got := r.text
		for _, file := range linkedFiles(t) {
			text := readFile(t, chart, file)
			for _, indent := range []string{"  ", "    "} {
				indented := indent + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+indent)
				got = strings.Replace(got, "\n"+indented, "\n"+indent+"("+file+")", 1)
			}
		}
		golden := filepath.Join("testdata", "helm", name+".yaml")
		if *update {
			writeFile(t, golden, got)
		}
		if got != readFile(t, golden) {
			t.Errorf("got\n%s\nwant %s; if the change is intended: go test -run %s -update", got, golden, t.Name())
		}
	})
}

func TestObjectsAreNamedAfterTheRelease(t *testing.T) {
	forEachRelease(t, func(t *testing.T, _ string, r *rendered) {
		name := r.only(t, "Deployment").get("metadata", "name").(string)
		for _, o := range r.objects {
			got := fmt.Sprint(o.get("metadata", "name"))
			if o["apiVersion"] == nil || o["kind"] == nil || !strings.HasPrefix(got, name) || len(got) > 63 {
				t.Errorf("%v %v has the name %q, want at most 63 characters that begin with %q", o["apiVersion"], o["kind"], got, name)
			}
			if o.get("metadata", "labels", "app.kubernetes.io/instance") != "betanet" {
				t.Errorf("%v %s has the labels %v", o["kind"], got, o.get("metadata", "labels"))
			}
		}
	})
}

func TestPodHasNoPrivileges(t *testing.T) {
	forEachRelease(t, func(t *testing.T, _ string, r *rendered) {
		pod := r.only(t, "Deployment").object("spec", "template", "spec")
		container := pod.object("containers", 0)
		for _, want := range []struct {
			of    object
			key   []any
			value any
		}{
			{r.only(t, "ServiceAccount"), []any{"automountServiceAccountToken"}, false},
			{pod, []any{"automountServiceAccountToken"}, false},
			{pod, []any{"enableServiceLinks"}, false},
			{pod, []any{"hostNetwork"}, nil},
			{pod, []any{"hostPID"}, nil},
			{pod, []any{"securityContext", "runAsNonRoot"}, true},
			{pod, []any{"securityContext", "runAsUser"}, 65532},
			{pod, []any{"securityContext", "seccompProfile", "type"}, "RuntimeDefault"},
			{pod, []any{"containers", 1}, nil},
			{container, []any{"securityContext", "readOnlyRootFilesystem"}, true},
			{container, []any{"securityContext", "allowPrivilegeEscalation"}, false},
			{container, []any{"securityContext", "privileged"}, nil},
			{container, []any{"securityContext", "capabilities", "drop", 0}, "ALL"},
			{container, []any{"securityContext", "capabilities", "add"}, nil},
		} {
			if got := want.of.get(want.key...); got != want.value {
				t.Errorf("%v is %v, want %v", want.key, got, want.value)
			}
		}
		for _, v := range pod.list("volumes") {
			if v.get("configMap") == nil && v.get("secret") == nil {
				t.Errorf("the pod has the volume %v, want only ConfigMaps and Secrets", v)
			}
		}
		for _, m := range pod.list("containers", 0, "volumeMounts") {
			if m.get("readOnly") != true {
				t.Errorf("%v is writable", m.get("mountPath"))
			}
		}
		if strings.Contains(r.text, "serviceAccountToken:") {
			t.Error("the pod has a token")
		}
	})
}

func TestSelectorsMatchThePodsAndTheService(t *testing.T) {
	forEachRelease(t, func(t *testing.T, _ string, r *rendered) {
		deployment, service := r.only(t, "Deployment"), r.only(t, "Service")
		pod, port := deployment.object("spec", "template"), service.object("spec", "ports", 0)
		labels := func(o object) object { return o.object("metadata", "labels") }
		checkSelector(t, "Deployment", deployment.object("spec", "selector", "matchLabels"), labels(pod))
		checkSelector(t, "Service", service.object("spec", "selector"), labels(pod))
		for _, c := range pod.list("spec", "topologySpreadConstraints") {
			checkSelector(t, "topologySpreadConstraints", c.object("labelSelector", "matchLabels"), labels(pod))
		}
		for _, o := range r.of("PodDisruptionBudget") {
			checkSelector(t, "PodDisruptionBudget", o.object("spec", "selector", "matchLabels"), labels(pod))
		}
		for _, o := range r.of("NetworkPolicy") {
			checkSelector(t, "NetworkPolicy", o.object("spec", "podSelector", "matchLabels"), labels(pod))
			if got := o.get("spec", "ingress", 0, "ports", 0, "port"); got != "metrics" {
				t.Errorf("the NetworkPolicy opens port %v, want metrics", got)
			}
		}
		for _, o := range r.of("ServiceMonitor") {
			checkSelector(t, "ServiceMonitor", o.object("spec", "selector", "matchLabels"), labels(service))
			if got := o.get("spec", "endpoints", 0, "port"); got != port.get("name") {
				t.Errorf("the ServiceMonitor scrapes the port %v, want the port of the Service", got)
			}
		}
		for _, o := range r.of("Probe") {
			want := fmt.Sprintf("%v.monitoring.svc:%v", service.get("metadata", "name"), port.get("port"))
			if got := o.get("spec", "prober", "url"); got != want {
				t.Errorf("the Probe uses %v, want %v", got, want)
			}
		}
		if got := pod.get("spec", "containers", 0, "ports", 0, "name"); got != port.get("targetPort") {
			t.Errorf("the port of the container is %v, the Service targets %v", got, port.get("targetPort"))
		}
	})
}

// checkSelector checks that a selector is not empty and matches labels.
func checkSelector(t *testing.T, what string, selector, labels object) {
	t.Helper()
	if len(selector) == 0 {
		t.Errorf("%s selects everything", what)
	}
	for key, value := range selector {
		if labels[key] != value {
			t.Errorf("%s selects %s=%v, the labels are %v", what, key, value, labels)
		}
	}
}

func TestImageTagIsTheChartsAppVersion(t *testing.T) {
	r := renderChart(t, helm.path(t), kubernetes["default"])
	var metadata struct {
		AppVersion string `yaml:"appVersion"`
	}
	readYAML(t, filepath.Join(chart, "Chart.yaml"), &metadata)
	image := fmt.Sprint(r.only(t, "Deployment").get("spec", "template", "spec", "containers", 0, "image"))
	if !strings.HasSuffix(image, "/betanet_exporter:"+metadata.AppVersion) {
		t.Errorf("the image is %s, want the version %s", image, metadata.AppVersion)
	}
}

func TestExporterAcceptsTheChartsConfiguration(t *testing.T) {
	forEachRelease(t, func(t *testing.T, name string, r *rendered) {
		if name == "secured" {
			t.Skip("the chart does not create its configuration")
		}
		runWithoutWarning(t, binary, append(r.writeVolumes(t), "--config.check")...)
	})
}

// The chart derives the targets of a Probe from the configuration, as the exporter does.
func TestProbeListsTheExportersUpstreams(t *testing.T) {
	r := renderChart(t, helm.path(t), kubernetes["probe"], "--values="+values("probe"))
	_, base := startExporter(t, r.writeVolumes(t)...)
	var groups []struct{ Targets []string }
	if err := getJSON(base+"/sd", &groups); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, g := range groups {
		want = append(want, g.Targets...)
	}
	got := r.only(t, "Probe").texts("spec", "targets", "staticConfig", "static")
	slices.Sort(got)
	slices.Sort(want)
	if len(got) != 3 || !slices.Equal(got, want) {
		t.Errorf("the Probe lists %q, the exporter %q", got, want)
	}
}

// Labels that the operator adds overwrite the exporter's labels, unless a rule drops them.
func TestOperatorLabelsDoNotOverwriteExporterLabels(t *testing.T) {
	r := renderChart(t, helm.path(t), kubernetes["everything"], "--values="+values("everything"))
	operator := []string{"container", "endpoint", "instance", "job", "namespace", "pod", "service"}
	for _, rule := range r.only(t, "ServiceMonitor").list("spec", "endpoints", 0, "relabelings") {
		if rule.get("action") == "labeldrop" {
			operator = slices.DeleteFunc(operator, regexp.MustCompile(fmt.Sprintf("^(?:%v)$", rule.get("regex"))).MatchString)
		}
	}
	metrics := mustGet(t, startExporterFor(t, 3, simulate(t, "mixnodes"))+"/metrics")
	if !strings.Contains(metrics, `endpoint="`) {
		t.Fatal("no series has the label endpoint, so this test would check nothing")
	}
	for _, label := range operator {
		if series := regexp.MustCompile(`(?m)^betanet_.*[{,]` + label + `=".*`).FindString(metrics); series != "" {
			t.Errorf("the operator overwrites the label %s of %s", label, series)
		}
	}
}

// The operator takes the job of a ServiceMonitor from a label of the Service, and the job
// of a Probe or ScrapeConfig from jobName.
func TestChartNamesItsJobsAsTheAlertsExpect(t *testing.T) {
	helm := helm.path(t)
	for _, name := range []string{"everything", "probe", "secured"} {
		r := renderChart(t, helm, kubernetes[name], "--values="+values(name))
		label := r.only(t, "ServiceMonitor").get("spec", "jobLabel")
		if got := r.only(t, "Service").get("metadata", "labels", fmt.Sprint(label)); got != "betanet-exporter" {
			t.Errorf("%s: the job of the ServiceMonitor is %v, want betanet-exporter", name, got)
		}
		probes := slices.Concat(r.of("Probe"), r.of("ScrapeConfig"))
		if len(probes) != 1 {
			t.Errorf("%s: %d objects scrape /probe, want 1", name, len(probes))
		}
		for _, o := range probes {
			if got := o.get("spec", "jobName"); got != "betanet-probe" {
				t.Errorf("%s: the job of the %v is %v, want betanet-probe", name, o["kind"], got)
			}
		}
	}
}
