package test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxExposure is the worst accepted rating of `systemd-analyze security`, in tenths of
// its scale from 0 (safe) to 10.
const maxExposure = "15"

var execStart = regexp.MustCompile(`(?m)^ExecStart=(\S+)(.*)$`)

// TestUnitsAreValidAndHardened checks the units without running them. The program of a
// unit must exist, so ExecStart names the one just built.
func TestUnitsAreValidAndHardened(t *testing.T) {
	analyze := component(t, "systemd-analyze", "systemd")
	dir := filepath.Join("..", "deploy", "systemd")
	for _, units := range [][]string{
		{"betanet-exporter.service", "betanet-exporter.socket"},
		{"example/betanet-exporter.service"},
	} {
		at := t.TempDir()
		for _, unit := range units {
			text := readFile(t, dir, unit)
			if strings.HasSuffix(unit, ".service") && !execStart.MatchString(text) {
				t.Fatalf("%s has no ExecStart", unit)
			}
			writeFile(t, filepath.Join(at, filepath.Base(unit)), execStart.ReplaceAllString(text, "ExecStart="+binary+"$2"))
		}
		for _, unit := range units {
			file := filepath.Join(at, filepath.Base(unit))
			out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput()
			if err != nil || len(out) > 0 {
				t.Errorf("systemd-analyze verify %s: %v\n%s", unit, err, out)
			}
			if filepath.Ext(unit) != ".service" {
				continue
			}
			out, err = exec.Command(analyze, "security", "--offline=true", "--no-pager", "--threshold="+maxExposure, file).CombinedOutput()
			if err != nil {
				t.Errorf("systemd-analyze security %s: %v\n%s", unit, err, out)
			}
		}
	}
}

// TestServiceConfigurationsAreValid checks the configuration of the packages,
// unchanged and with its commented-out settings enabled, and that of the example.
func TestServiceConfigurationsAreValid(t *testing.T) {
	ours := readFile(t, "..", "deploy", "packages", "config.yml")
	commented := regexp.MustCompile(`(?m)^#(\w| +(- |\w+:))`)
	all := commented.ReplaceAllString(ours, "$1")
	if !strings.Contains(all, "\nupstreams:\n  - name: edge-1\n") {
		t.Fatalf("the comments are not in the expected form:\n%s", all)
	}
	example := readFile(t, "..", "deploy", "systemd", "example", "config.yml")
	password := tempFile(t, "betanet.password", "secret")
	elsewhere := strings.ReplaceAll(example, "/run/credentials/betanet-exporter.service/betanet.password", password)
	if elsewhere == example {
		t.Error("the example uses no password from LoadCredential=")
	}
	for name, text := range map[string]string{"of the packages": ours, "with all settings enabled": all, "of the example": elsewhere} {
		if out, err := exec.Command(binary, "--config.check", "--config.file="+tempFile(t, "config.yml", text)).CombinedOutput(); err != nil {
			t.Errorf("the configuration %s: %v\n%s", name, err, out)
		}
	}
}

func TestServiceFilesUseOnlyExistingVariables(t *testing.T) {
	known := readFile(t, "..", "docs", "configuration.md")
	n := 0
	for _, file := range []string{"packages/default", "systemd/betanet-exporter.service", "systemd/example/socket.conf"} {
		for _, name := range regexp.MustCompile(`BETANET_EXPORTER_\w+`).FindAllString(readFile(t, "..", "deploy", file), -1) {
			if n++; !strings.Contains(known, "`"+name+"`") {
				t.Errorf("%s: unknown variable %s", file, name)
			}
		}
	}
	if n < 5 {
		t.Errorf("found %d variables, want at least 5", n)
	}
}
