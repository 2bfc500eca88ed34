// Package test holds the built program against the real components that its
// users have: promtool, Prometheus servers, Alertmanager, haproxy, vmagent,
// VictoriaMetrics, Chromium, systemd-analyze, dpkg, lintian, buildah and helm. It is a module of its own, so that nothing it needs enters the
// program's. It knows the program only as a process.
package test
