package test

import (
	"reflect"
	"strings"
	"testing"
)

func TestOnlyAChangedConfigurationReplacesThePods(t *testing.T) {
	helm := helm.path(t)
	pod := func(args ...string) any {
		return plain(t, renderChart(t, helm, kubernetes["default"], append(args, "--set=targets[0].targets[0]=a:9000")...).
			only(t, "Deployment").get("spec", "template"))
	}
	before := pod()
	if reflect.DeepEqual(before, pod("--set=config.upstreams[0].url=http://other:9000")) {
		t.Error("a changed URL does not replace the pods")
	}
	if reflect.DeepEqual(pod("--set=web.config.http_server_config.http2=true"), pod("--set=web.config.http_server_config.http2=false")) {
		t.Error("a changed web configuration does not replace the pods")
	}
	if !reflect.DeepEqual(before, pod("--set=targets[0].targets[1]=b:9000")) {
		t.Error("a changed target replaces the pods")
	}
}

func TestInvalidValuesAreRejected(t *testing.T) {
	helm := helm.path(t)
	for _, test := range []struct{ set, want string }{
		{"mode=pull", "mode"},
		{"replica=2", "replica"},
		{"image.tga=1", "tga"},
		{"image.digest=abc", "digest"},
		{"service.port=0", "port"},
		{"serviceMonitor.interval=15", "interval"},
		{"probe.enabled=true", "probe.enabled needs mode: probe"},
		{"scrapeConfig.enabled=true", "scrapeConfig.enabled needs mode: probe"},
		{"mode=probe,probe.enabled=true,scrapeConfig.enabled=true", "enable one of them"},
		{"mode=probe,probe.enabled=true,existingConfigSecret=s", "probe.targets"},
		{"existingConfigSecret=s,targets[0].targets[0]=a:9000", "targets needs config"},
		{"web.tlsSecret=s", "web.tlsSecret needs web.config"},
		{"web.config.basic_auth_users.a=b", "web.scrape.basicAuthSecret"},
		{"existingConfigSecret=s,networkPolicy.enabled=true", "networkPolicy.ports"},
	} {
		_, err := helmTemplate(t, helm, kubernetes["default"], "--set="+test.set)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got the error %v, want %q in it", test.set, err, test.want)
		}
	}
}

func TestChartRefusesOldKubernetes(t *testing.T) {
	if _, err := helmTemplate(t, helm.path(t), "1.24.9"); err == nil || !strings.Contains(err.Error(), "kubeVersion") {
		t.Errorf("got the error %v, want one about kubeVersion", err)
	}
}
