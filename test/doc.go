// Package test tests the built program with the components that its users run:
// promtool, Prometheus, Alertmanager, HAProxy, vmagent, VictoriaMetrics, Chromium,
// systemd-analyze, dpkg, lintian, buildah and Helm. It runs the program only as a process,
// and is a separate module, so that its dependencies are not the program's.
package test
