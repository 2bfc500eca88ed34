package app

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowedImports lists the packages of this module that each package may import. Tests
// may import more.
var allowedImports = map[string][]string{
	"betanet":    {"proxy"},
	"breaker":    {},
	"proxy":      {},
	"httpclient": {"betanet", "schema"},
	"retry":      {},
	"schema":     {},
	"fake":       {},
	"snapshot":   {"betanet"},
	"fleet":      {"betanet", "breaker", "retry", "snapshot"},
	"config":     {"betanet", "discovery", "fleet", "httpclient", "otlp", "probe", "retry", "schema"},
	"poll":       {"betanet", "breaker", "fleet", "retry", "snapshot"},
	"exposition": {"betanet", "breaker", "fleet"},
	"discovery":  {"betanet", "fleet", "schema"},
	"otlp":       {"proxy", "retry", "schema"},
	"probe":      {"betanet", "fleet", "poll", "schema"},
	"status":     {"betanet", "breaker", "exposition", "fleet", "status/history"},
	"web":        {"exposition", "fleet", "probe", "status"},
	"app":        {"betanet", "breaker", "config", "discovery", "exposition", "fake", "fleet", "otlp", "poll", "probe", "status", "status/history", "web"},

	"status/history": {"betanet", "fleet"},
}

// libraryUsers lists the only packages that may import a library.
var libraryUsers = map[string][]string{
	"github.com/prometheus/client_golang/": {"fleet", "exposition", "web", "app", "otlp"}, // fleet needs histograms
	"github.com/prometheus/common/config":  {"config", "betanet", "httpclient", "otlp"},
	"github.com/alecthomas/kingpin/":       {"config", "web", "app"},
	"go.opentelemetry.io/":                 {"otlp"},
}

const module = "github.com/betanet/betanet_exporter/internal/"

func TestPackagesImportOnlyAllowedPackages(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
		name := strings.TrimPrefix(path, module)
		allowed, known := allowedImports[name]
		if !known {
			continue // packages that only tests use
		}
		seen++
		for _, i := range strings.Fields(imports) {
			if ours, ok := strings.CutPrefix(i, module); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which allowedImports does not list", name, ours)
			}
			for lib, by := range libraryUsers {
				if strings.HasPrefix(i+"/", lib) && !slices.Contains(by, name) {
					t.Errorf("%s imports %s, which only %v may import", name, i, by)
				}
			}
		}
	}
	if seen != len(allowedImports) {
		t.Errorf("got %d packages, want %d", seen, len(allowedImports))
	}
}
