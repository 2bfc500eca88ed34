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

// TestUnitsAreValidAndHardened checks the units without running them. systemd-analyze needs
// the program to exist, so ExecStart is set to the one built for the tests.
func TestUnitsAreValidAndHardened(t *testing.T) {
	analyze := component(t, "systemd-analyze", "systemd")
	dir := filepath.Join("..", "deploy", "systemd")
	for _, units := range [][]string{
		{"betanet-exporter.service", "betanet-exporter.socket"},
		{"example/betanet-exporter.service"},
	} {
		copies := t.TempDir()
		for _, unit := range units {
			text := readFile(t, dir, unit)
			if strings.HasSuffix(unit, ".service") && !execStart.MatchString(text) {
				t.Fatalf("%s has no ExecStart", unit)
			}
			writeFile(t, filepath.Join(copies, filepath.Base(unit)), execStart.ReplaceAllString(text, "ExecStart="+binary+"$2"))
		}
		for _, unit := range units {
			file := filepath.Join(copies, filepath.Base(unit))
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

// TestServiceConfigurationsAreValid checks the configuration in the packages, unchanged and with
// its commented-out settings enabled, and the configuration of the example.
func TestServiceConfigurationsAreValid(t *testing.T) {
	packaged := readFile(t, "..", "deploy", "packages", "config.yml")
	commented := regexp.MustCompile(`(?m)^#(\w| +(- |\w+:))`)
	all := commented.ReplaceAllString(packaged, "$1")
	if !strings.Contains(all, "\nupstreams:\n  - name: edge-1\n") {
		t.Fatalf("the comments are not in the expected form:\n%s", all)
	}
	example := readFile(t, "..", "deploy", "systemd", "example", "config.yml")
	password := tempFile(t, "betanet.password", "secret")
	withPassword := strings.ReplaceAll(example, "/run/credentials/betanet-exporter.service/betanet.password", password)
	if withPassword == example {
		t.Error("the example does not use the password from LoadCredential=")
	}
	for name, text := range map[string]string{"of the packages": packaged, "with all settings enabled": all, "of the example": withPassword} {
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
