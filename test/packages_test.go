package test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/betanet/betanet_exporter/test/worktree"
)

// The versions of the packages in these tests.
const (
	firstVersion = "1.0.0"
	nextVersion  = "1.1.0-rc.1"
)

// packages returns a directory with the packages of the working tree, in the first version.
// They are built once for all tests.
func packages(t *testing.T) string {
	t.Helper()
	needNFPM(t)
	dir, err := buildPackagesOnce()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var buildPackagesOnce = sync.OnceValues(func() (string, error) {
	return buildPackages(filepath.Join(filepath.Dir(binary), "packages"), 0o022, firstVersion)
})

// needNFPM skips the test, or fails it if CI=true, if nfpm cannot be fetched.
func needNFPM(t *testing.T) {
	t.Helper()
	tool := regexp.MustCompile(`(?m)^NFPM=(\S+)$`).FindStringSubmatch(readFile(t, "..", "deploy", "packages", "build"))
	if tool == nil {
		t.Fatal("deploy/packages/build has no NFPM=")
	}
	if out, err := exec.Command("go", "run", tool[1], "--version").CombinedOutput(); err != nil {
		unavailable(t, fmt.Sprintf("%s cannot be fetched or built: %v\n%s", tool[1], err, out))
	}
}

// buildPackages copies the working tree to dir with a umask, builds the packages there, and
// returns their directory. settings are additional variables for make.
func buildPackages(dir string, umask fs.FileMode, version string, settings ...string) (string, error) {
	if err := worktree.Copy(context.Background(), "..", dir, umask); err != nil {
		return "", err
	}
	cmd := exec.Command("make", append([]string{
		"-C", dir, "package", "VERSION=" + version, "REVISION=0123456789abcdef", "BRANCH=main",
		"BUILD_DATE=20261124-12:00:00", "EPOCH=1795521600",
	}, settings...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return filepath.Join(dir, "dist"), nil
}

// deb returns the file name of a Debian package.
func deb(version, arch string) string {
	return fmt.Sprintf("betanet-exporter_%s_%s.deb", version, arch)
}

// packageFiles lists all packages of the first version.
var packageFiles = []string{
	"betanet-exporter-1.0.0-1.aarch64.rpm", "betanet-exporter-1.0.0-1.armv7hl.rpm", "betanet-exporter-1.0.0-1.x86_64.rpm",
	deb(firstVersion, "amd64"), deb(firstVersion, "arm64"), deb(firstVersion, "armhf"),
}

func packageFilesOf(extension string) []string {
	return slices.DeleteFunc(slices.Clone(packageFiles), func(name string) bool { return filepath.Ext(name) != extension })
}

func TestPackagesAreReproducible(t *testing.T) {
	first := packages(t)
	second, err := buildPackages(filepath.Join(t.TempDir(), "another directory"), 0o077, firstVersion)
	if err != nil {
		t.Fatal(err)
	}
	got, want := contents(t, second), contents(t, first)
	if names := slices.Sorted(maps.Keys(want)); !slices.Equal(names, packageFiles) {
		t.Errorf("got %v, want %v", names, packageFiles)
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s differs between two builds", name)
		}
	}
}

func TestPackageVersionsSortCorrectly(t *testing.T) {
	dpkg := component(t, "dpkg", "dpkg")
	packageVersion := func(version string) string {
		cmd := exec.Command(filepath.Join("..", "deploy", "packages", "build"), "version")
		cmd.Env = append(os.Environ(), "VERSION="+version, "REVISION=0123456789abcdef", "SOURCE_DATE_EPOCH=1795521600")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s of %s: %v", cmd, version, err)
		}
		return strings.TrimSpace(string(out))
	}
	previous, previousPackage := "", ""
	for _, version := range []string{"dev", "0.9.0", "1.0.0-rc.1", "1.0.0-rc.1-3-gabcdef1", "1.0.0-rc.2", "1.0.0", "1.0.0-dirty", "1.0.0-2-gabcdef1", "1.0.0-10-g0123456-dirty", "1.0.1"} {
		got := packageVersion(version)
		if previous != "" && exec.Command(dpkg, "--compare-versions", previousPackage, "lt", got).Run() != nil {
			t.Errorf("%s (%s) does not sort before %s (%s)", previous, previousPackage, version, got)
		}
		previous, previousPackage = version, got
	}
}

func TestLintianFindsNoErrorInThePackages(t *testing.T) {
	lintian := component(t, "lintian", "lintian")
	dir := packages(t)
	for _, name := range packageFilesOf(".deb") {
		out, err := exec.Command(lintian, "--fail-on", "error", filepath.Join(dir, name)).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// wantModes has the modes of the files that every package must have.
var wantModes = map[string]fs.FileMode{
	"/etc/betanet-exporter/config.yml":                             0o644,
	"/etc/default/betanet-exporter":                                0o644,
	"/usr/bin/betanet_exporter":                                    0o755,
	"/usr/share/man/man1/betanet_exporter.1.gz":                    0o644,
	"/usr/share/bash-completion/completions/betanet_exporter":      0o644,
	"/usr/share/betanet-exporter/dashboards/betanet-fleet.json":    0o644,
	"/usr/share/doc/betanet-exporter/licenses.gz":                  0o644,
	"/usr/share/doc/betanet-exporter/examples/config.yml":          0o644,
	"/usr/share/doc/betanet-exporter/examples/socket.conf":         0o644,
	"/usr/share/betanet-exporter/dashboards/betanet-upstream.json": 0o644,
}

// checkPackage checks that a package has the files in wantModes and more, which have mode
// 0644, that root owns all files, and that the mode of each is 0644 or 0755.
func checkPackage(t *testing.T, name string, modes map[string]fs.FileMode, owners []string, more ...string) {
	t.Helper()
	for file, mode := range wantModes {
		if modes[file] != mode {
			t.Errorf("%s: %s has mode %v, want %v", name, file, modes[file], mode)
		}
	}
	for _, file := range more {
		if modes[file] != 0o644 {
			t.Errorf("%s: %s has mode %v, want %v", name, file, modes[file], fs.FileMode(0o644))
		}
	}
	slices.Sort(owners)
	if owners = slices.Compact(owners); !slices.Equal(owners, []string{"root:root"}) {
		t.Errorf("%s: owners are %v, want only root", name, owners)
	}
	for file, mode := range modes {
		if mode.Perm() != 0o644 && mode.Perm() != 0o755 {
			t.Errorf("%s: %s has mode %v", name, file, mode)
		}
	}
}

func TestDebPackagesHaveAllFiles(t *testing.T) {
	component(t, "dpkg-deb", "dpkg")
	dir := packages(t)
	for _, name := range packageFilesOf(".deb") {
		out, err := exec.Command("dpkg-deb", "--fsys-tarfile", filepath.Join(dir, name)).Output()
		if err != nil {
			t.Fatal(err)
		}
		modes, owners := make(map[string]fs.FileMode), []string(nil)
		for _, f := range untar(t, out) {
			modes[strings.TrimPrefix(strings.TrimSuffix(f.Name, "/"), ".")] = f.FileInfo().Mode().Perm()
			owners = append(owners, f.Uname+":"+f.Gname)
		}
		checkPackage(
			t, name, modes, owners, "/lib/systemd/system/betanet-exporter.service", "/lib/systemd/system/betanet-exporter.socket",
			"/usr/share/zsh/vendor-completions/_betanet_exporter", "/usr/share/doc/betanet-exporter/copyright", "/usr/share/doc/betanet-exporter/changelog.gz",
		)
	}
}

func TestRPMPackagesHaveAllFiles(t *testing.T) {
	rpm := component(t, "rpm", "rpm")
	dir := packages(t)
	query := func(name string, args ...string) string {
		out, err := exec.Command(rpm, append(args, filepath.Join(dir, name))...).Output()
		if err != nil {
			t.Fatalf("rpm %v %s: %v", args, name, err)
		}
		return strings.TrimSpace(string(out))
	}
	for _, name := range packageFilesOf(".rpm") {
		if out := query(name, "-K", "--nosignature"); !strings.HasSuffix(out, "digests OK") {
			t.Errorf("rpm -K prints %s", out)
		}
		if got, want := query(name, "-qpc"), "/etc/betanet-exporter/config.yml\n/etc/default/betanet-exporter"; got != want {
			t.Errorf("%s: configuration is %q, want %q", name, got, want)
		}
		modes, owners := make(map[string]fs.FileMode), []string(nil)
		for line := range strings.Lines(query(name, "-qp", "--qf", "[%{FILENAMES} %{FILEMODES:octal} %{FILEUSERNAME}:%{FILEGROUPNAME}\n]")) {
			var file, owner string
			var mode uint32
			if _, err := fmt.Sscanf(line, "%s %o %s", &file, &mode, &owner); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			modes[file] = fs.FileMode(mode).Perm()
			owners = append(owners, owner)
		}
		checkPackage(
			t, name, modes, owners, "/usr/lib/systemd/system/betanet-exporter.service", "/usr/lib/systemd/system/betanet-exporter.socket",
			"/usr/share/zsh/site-functions/_betanet_exporter", "/usr/share/licenses/betanet-exporter/LICENSE",
		)
	}
}
