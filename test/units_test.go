package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxExposure is what `systemd-analyze security` may give a unit, in tenths of its
// scale from 0, safe, to 10.
const maxExposure = "15"

var execStart = regexp.MustCompile(`(?m)^ExecStart=(\S+)(.*)$`)

// TestTheUnitsAreValidAndHardened asks systemd, which knows them without running
// them. The program of a unit has to be there: here it is the one just built.
func TestTheUnitsAreValidAndHardened(t *testing.T) {
	analyze := component(t, "systemd-analyze", "systemd")
	dir := filepath.Join("..", "deploy", "systemd")
	for _, units := range [][]string{
		{"betanet-exporter.service", "betanet-exporter.socket"},
		{"example/betanet-exporter.service"},
	} {
		at := t.TempDir()
		for _, unit := range units {
			text := readText(t, filepath.Join(dir, unit))
			if strings.HasSuffix(unit, ".service") && !execStart.MatchString(text) {
				t.Fatalf("%s starts nothing", unit)
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

// TestTheConfigurationsOfTheServiceAreValid checks that of the packages as it is
// and with all that is commented out, and that of the example.
func TestTheConfigurationsOfTheServiceAreValid(t *testing.T) {
	ours := readText(t, filepath.Join("..", "deploy", "packages", "config.yml"))
	commented := regexp.MustCompile(`(?m)^#(\w| +(- |\w+:))`)
	all := commented.ReplaceAllString(ours, "$1")
	if !strings.Contains(all, "\nupstreams:\n  - name: edge-1\n") {
		t.Fatalf("the comments are no longer as this test takes them:\n%s", all)
	}
	example := readText(t, filepath.Join("..", "deploy", "systemd", "example", "config.yml"))
	password := filepath.Join(t.TempDir(), "betanet.password")
	writeFile(t, password, "secret")
	elsewhere := strings.ReplaceAll(example, "/run/credentials/betanet-exporter.service/betanet.password", password)
	if elsewhere == example {
		t.Error("the example takes no password from its credentials")
	}
	for name, text := range map[string]string{"as it is": ours, "without its comments": all, "of the example": elsewhere} {
		file := filepath.Join(t.TempDir(), "config.yml")
		writeFile(t, file, text)
		if out, err := exec.Command(binary, "--config.check", "--config.file="+file).CombinedOutput(); err != nil {
			t.Errorf("the configuration %s: %v\n%s", name, err, out)
		}
	}
}

func TestTheServiceUsesVariablesThatExist(t *testing.T) {
	known := readText(t, filepath.Join("..", "docs", "configuration.md"))
	n := 0
	for _, file := range []string{"packages/default", "systemd/betanet-exporter.service", "systemd/example/socket.conf"} {
		for _, name := range regexp.MustCompile(`BETANET_EXPORTER_\w+`).FindAllString(readText(t, filepath.Join("..", "deploy", file)), -1) {
			if n++; !strings.Contains(known, "`"+name+"`") {
				t.Errorf("%s: there is no %s", file, name)
			}
		}
	}
	if n < 5 {
		t.Errorf("saw %d variables, want more", n)
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
