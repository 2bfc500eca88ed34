package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// shipped lists the files and directories that every archive contains in addition to
// the program, except the Go code in them.
var shipped = []string{"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "docs", "examples", "monitoring"}

// A platform is an operating system and architecture to build for.
type platform struct{ os, arch string }

func (p platform) extension() string {
	if p.os == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

// pack returns an archive of the kind that is usual on the platform.
func (p platform) pack(dir string, entries []entry, modified time.Time) ([]byte, error) {
	if p.os == "windows" {
		return packZip(dir, entries, modified)
	}
	return packTarGz(dir, entries, modified)
}

// entries returns the program for the platform and the shipped files.
func (p platform) entries(ldflags string) ([]entry, error) {
	program, err := p.build(ldflags)
	if err != nil {
		return nil, err
	}
	entries, err := tracked(shipped...)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e entry) bool { return strings.HasSuffix(e.name, ".go") })
	licenses, err := output(exec.Command("deploy/licenses"))
	if err != nil {
		return nil, err
	}
	return append(entries, program, entry{"LICENSES-OF-MODULES", 0o644, []byte(licenses)}), nil
}

// build builds the program as `make build` does: one static file.
func (p platform) build(ldflags string) (entry, error) {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return entry{}, err
	}
	defer os.RemoveAll(dir)
	name := "betanet_exporter"
	if p.os == "windows" {
		name += ".exe"
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags", ldflags, "-o", filepath.Join(dir, name), ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch)
	if _, err := output(cmd); err != nil {
		return entry{}, err
	}
	content, err := os.ReadFile(filepath.Join(dir, name))
	return entry{name, 0o755, content}, err
}

// tracked returns the files that git tracks below some paths. A symbolic link to a
// directory becomes the files in that directory.
func tracked(paths ...string) ([]entry, error) {
	list, err := output(exec.Command("git", append([]string{"ls-files", "-z", "--"}, paths...)...))
	if err != nil {
		return nil, err
	}
	var entries []entry
	for name := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			files, err := linkedFiles(name)
			if err != nil {
				return nil, err
			}
			entries = append(entries, files...)
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		mode := fs.FileMode(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		entries = append(entries, entry{name, mode, content})
	}
	return entries, nil
}

// linkedFiles returns the files in the directory that a symbolic link points to, named as
// if they were below the link.
func linkedFiles(link string) ([]entry, error) {
	target, err := os.Readlink(link)
	if err != nil {
		return nil, err
	}
	target = path.Join(path.Dir(link), target)
	entries, err := tracked(target)
	for i := range entries {
		entries[i].name = link + strings.TrimPrefix(entries[i].name, target)
	}
	return entries, err
}

// chart packs the Helm chart with its version and the files that its links point to, as
// `helm package` would, but without needing Helm.
func chart(version string, modified time.Time) ([]byte, error) {
	const dir = "deploy/helm/betanet-exporter"
	const unreleased = "ersion: 0.0.0\n" // of version and appVersion
	entries, err := tracked(dir)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		e := &entries[i]
		e.name = strings.TrimPrefix(e.name, dir+"/")
		if e.name != "Chart.yaml" {
			continue
		}
		if n := bytes.Count(e.content, []byte(unreleased)); n != 2 {
			return nil, fmt.Errorf("found %d versions 0.0.0 in Chart.yaml, want 2: version and appVersion", n)
		}
		e.content = bytes.ReplaceAll(e.content, []byte(unreleased), []byte("ersion: "+version+"\n"))
	}
	return packTarGz("betanet-exporter", entries, modified)
}

// sbomTool lists the modules in a program.
const sbomTool = "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0"

// billOfMaterials returns a list of the modules in the program for Linux, which include
// the modules of the other platforms. It has no serial number and no time, so that the
// same modules give the same bytes.
func billOfMaterials() ([]byte, error) {
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	// go run cannot be used, because GOOS and GOARCH below would apply to the tool itself.
	install := exec.Command("go", "install", sbomTool)
	install.Env = append(os.Environ(), "GOBIN="+dir)
	if _, err := output(install); err != nil {
		return nil, err
	}
	list := exec.Command(filepath.Join(dir, "cyclonedx-gomod"), "app", "-json", "-std", "-licenses", "-noserial", "-notimestamp", "-main", ".", ".")
	list.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	text, err := output(list)
	return []byte(text), err
}
