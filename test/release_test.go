package test

import (
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/betanet/betanet_exporter/test/worktree"
)

func TestReleaseOfATag(t *testing.T) {
	git := component(t, "git", "git")
	tree := newRepository(t, git)
	t.Run("refused without a tag", func(t *testing.T) { checkRefusal(t, tree, "tag") })
	runCommand(t, tree, git, "tag", "v0.0.1")
	t.Run("refused with a change", func(t *testing.T) {
		stray := filepath.Join(tree, "stray.go")
		writeFile(t, stray, "package main\n")
		checkRefusal(t, tree, "stray.go")
		if err := os.Remove(stray); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("refused with another version", func(t *testing.T) { checkRefusal(t, tree, "v0.0.2", "VERSION=0.0.2") })

	runMake(t, tree, "release")
	first := contents(t, filepath.Join(tree, "dist"))
	t.Run("files", func(t *testing.T) { checkFiles(t, first) })
	t.Run("checksums", func(t *testing.T) { checkChecksums(t, first) })
	program := unpackLinuxProgram(t, first)
	t.Run("version", func(t *testing.T) {
		version := runCommand(t, "", program, "--version")
		head := runCommand(t, tree, git, "rev-parse", "HEAD")
		if !strings.Contains(version, "version 0.0.1 ") || !strings.Contains(version, "revision: "+head+")") {
			t.Errorf("--version of %s prints\n%s", head, version)
		}
	})
	t.Run("bill of materials", func(t *testing.T) { checkBillOfMaterials(t, program, first["betanet_exporter-0.0.1.cdx.json"]) })
	t.Run("chart", func(t *testing.T) {
		checkChartVersion(t, first["betanet-exporter-0.0.1.tgz"])
		checkMonitoringFiles(t, first["betanet-exporter-0.0.1.tgz"])
	})

	runMake(t, tree, "release", "DIST=again")
	if second := contents(t, filepath.Join(tree, "again")); !maps.Equal(first, second) {
		for name := range first {
			if first[name] != second[name] {
				t.Errorf("a second release differs in %s", name)
			}
		}
	}
}

// newRepository returns the directory of a new repository, with one commit that has the files
// of the working tree.
func newRepository(t *testing.T, git string) string {
	t.Helper()
	tree := t.TempDir()
	if err := worktree.Copy(t.Context(), "..", tree, 0o022); err != nil {
		t.Fatal(err)
	}
	runCommand(t, tree, git, "init", "--quiet", "--initial-branch=main")
	runCommand(t, tree, git, "add", "--all")
	runCommand(t, tree, git, "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "--quiet", "--message=all")
	return tree
}

// checkRefusal checks that make release fails with one line that has a reason, and creates no
// files.
func checkRefusal(t *testing.T, tree, reason string, args ...string) {
	t.Helper()
	out, err := tryMake(t, tree, append([]string{"release"}, args...)...)
	lines := regexp.MustCompile(`(?m)^release: .*$`).FindAllString(out, -1)
	if err == nil || len(lines) != 1 || !strings.Contains(lines[0], reason) {
		t.Errorf("make release %q: %v, want a line with %q\n%s", args, err, reason, out)
	}
	if _, err := os.Stat(filepath.Join(tree, "dist")); !os.IsNotExist(err) {
		t.Errorf("make release %q created dist: %v", args, err)
	}
}

func checkFiles(t *testing.T, release map[string]string) {
	want := []string{
		"betanet-exporter-0.0.1.tgz",
		"betanet_exporter-0.0.1.cdx.json",
		"betanet_exporter-0.0.1.darwin-amd64.tar.gz",
		"betanet_exporter-0.0.1.darwin-arm64.tar.gz",
		"betanet_exporter-0.0.1.linux-amd64.tar.gz",
		"betanet_exporter-0.0.1.linux-arm64.tar.gz",
		"betanet_exporter-0.0.1.windows-amd64.zip",
		"betanet_exporter-0.0.1.windows-arm64.zip",
		"sha256sums.txt",
	}
	if got := slices.Sorted(maps.Keys(release)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// checkChecksums checks that sha256sums.txt has the checksums of all files.
func checkChecksums(t *testing.T, release map[string]string) {
	var want strings.Builder
	for _, name := range slices.Sorted(maps.Keys(release)) {
		if name != "sha256sums.txt" {
			fmt.Fprintf(&want, "%x  %s\n", sha256.Sum256([]byte(release[name])), name)
		}
	}
	if got := release["sha256sums.txt"]; got != want.String() {
		t.Errorf("sha256sums.txt is\n%swant\n%s", got, want.String())
	}
}

// unpackLinuxProgram unpacks the program for this machine and returns its path. It also
// checks the other files in the archive.
func unpackLinuxProgram(t *testing.T, release map[string]string) string {
	t.Helper()
	dir := "betanet_exporter-0.0.1.linux-" + runtime.GOARCH
	file := filepath.Join(t.TempDir(), "betanet_exporter")
	missing := []string{
		"LICENSE", "LICENSES-OF-MODULES", "README.md", "CHANGELOG.md", "examples/README.md", "examples/config/one.yml",
		"monitoring/alerts/betanet.yml", "monitoring/dashboards/betanet-fleet.json", "betanet_exporter",
	}
	for _, f := range untar(t, gunzip(t, []byte(release[dir+".tar.gz"]))) {
		name, inside := strings.CutPrefix(f.Name, dir+"/")
		missing = slices.DeleteFunc(missing, func(m string) bool { return m == name })
		want := fs.FileMode(0o644)
		if name == "betanet_exporter" {
			want = 0o755
			if err := os.WriteFile(file, f.content, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if !inside || f.FileInfo().Mode() != want || path.Ext(name) == ".go" {
			t.Errorf("the archive has the unexpected file or mode %v %s", f.FileInfo().Mode(), f.Name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("the archive lacks %q", missing)
	}
	return file
}

// checkBillOfMaterials compares a bill of materials with the modules recorded in the program.
func checkBillOfMaterials(t *testing.T, program, bill string) {
	var got struct {
		BomFormat  string
		Components []struct{ Name, Version string }
		Metadata   struct {
			Component struct{ Name, Version string }
		}
	}
	parseJSON(t, bill, &got)
	if got.BomFormat != "CycloneDX" || got.Metadata.Component.Name != "github.com/betanet/betanet_exporter" || got.Metadata.Component.Version != "v0.0.1" {
		t.Errorf("got format %q and component %v", got.BomFormat, got.Metadata.Component)
	}
	built, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"std " + built.GoVersion}
	for _, module := range built.Deps {
		want = append(want, module.Path+" "+module.Version)
	}
	var listed []string
	for _, c := range got.Components {
		listed = append(listed, c.Name+" "+c.Version)
	}
	slices.Sort(want)
	slices.Sort(listed)
	if len(want) < 10 || !slices.Equal(listed, want) {
		t.Errorf("got the modules\n%s\nwant\n%s", strings.Join(listed, "\n"), strings.Join(want, "\n"))
	}
}

// checkChartVersion checks the version of the chart in a release.
func checkChartVersion(t *testing.T, chart string) {
	for _, f := range untar(t, gunzip(t, []byte(chart))) {
		if f.Name != "betanet-exporter/Chart.yaml" {
			continue
		}
		var metadata struct {
			Version    string
			AppVersion string `yaml:"appVersion"`
		}
		if err := yaml.Unmarshal(f.content, &metadata); err != nil {
			t.Fatal(err)
		}
		if metadata.Version != "0.0.1" || metadata.AppVersion != "0.0.1" {
			t.Errorf("the chart has the versions %v", metadata)
		}
		return
	}
	t.Error("the chart has no Chart.yaml")
}
