package test

import (
	"bytes"
	"context"
	"crypto/x509"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wholeImage lists every file and directory of the image, with mode and owner.
var wholeImage = []string{
	"drwxr-xr-x 0:0 etc",
	"-rw-r--r-- 0:0 etc/passwd",
	"drwxr-xr-x 0:0 etc/ssl",
	"drwxr-xr-x 0:0 etc/ssl/certs",
	"-rw-r--r-- 0:0 etc/ssl/certs/ca-certificates.crt",
	"drwxr-xr-x 0:0 usr",
	"drwxr-xr-x 0:0 usr/bin",
	"-rwxr-xr-x 0:0 usr/bin/betanet_exporter",
	"drwxr-xr-x 0:0 usr/share",
	"drwxr-xr-x 0:0 usr/share/doc",
	"drwxr-xr-x 0:0 usr/share/doc/betanet_exporter",
	"-rw-r--r-- 0:0 usr/share/doc/betanet_exporter/LICENSE",
	"-rw-r--r-- 0:0 usr/share/doc/betanet_exporter/LICENSES-OF-MODULES",
}

func TestImageHasOnlyTheProgram(t *testing.T) {
	component(t, "buildah", "buildah")
	chroot := component(t, "chroot", "coreutils")
	if os.Getuid() != 0 {
		unavailable(t, "only root can build the image and run its program")
	}
	archive := buildImage(t)
	all := images(t, archive)
	var architectures []string
	for _, i := range all {
		architectures = append(architectures, i.Architecture)
	}
	if want := []string{"amd64", "arm64"}; !slices.Equal(architectures, want) {
		t.Fatalf("the archive has images for %q, want %q", architectures, want)
	}
	for n, machine := range []elf.Machine{elf.EM_X86_64, elf.EM_AARCH64} {
		i := all[n]
		t.Run(i.Architecture, func(t *testing.T) {
			i.check(t, machine)
			if i.Architecture == runtime.GOARCH {
				i.run(t, chroot)
			}
		})
	}
	if readFile(t, archive) != readFile(t, buildImage(t)) {
		t.Error("a second build created a different archive")
	}
}

// buildImage builds the OCI archive and returns its path.
func buildImage(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	runMake(t, "..", "container", "DIST="+dir)
	archives, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(archives) != 1 || !strings.HasSuffix(archives[0], ".oci.tar") {
		t.Fatalf("make container created %q: %v", archives, err)
	}
	return archives[0]
}

// runMake is like tryMake, but fails the test if make fails.
func runMake(t *testing.T, dir string, args ...string) {
	t.Helper()
	if out, err := tryMake(t, dir, args...); err != nil {
		t.Fatalf("make %q: %v\n%s", args, err, out)
	}
}

// tryMake runs make at a low priority and returns its output.
func tryMake(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nice", append([]string{"make", "--no-print-directory", "-C", dir}, args...)...)
	// Also kill the processes that make started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = patience
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// check checks the files and the configuration of an image.
func (i *image) check(t *testing.T, machine elf.Machine) {
	var got []string
	for _, f := range i.files {
		got = append(got, fmt.Sprintf("%v %d:%d %s", f.FileInfo().Mode(), f.Uid, f.Gid, strings.TrimSuffix(f.Name, "/")))
	}
	slices.SortFunc(got, func(a, b string) int { return strings.Compare(strings.Fields(a)[2], strings.Fields(b)[2]) })
	if !slices.Equal(got, wholeImage) {
		t.Errorf("the image has the files\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wholeImage, "\n"))
	}
	c := i.Config
	if i.OS != "linux" || c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/usr/bin/betanet_exporter"}) || len(c.Cmd) > 0 || len(c.ExposedPorts) != 1 {
		t.Errorf("the image is for %s and has the configuration %+v", i.OS, c)
	}
	if _, ok := c.ExposedPorts["9200/tcp"]; !ok {
		t.Errorf("the image exposes the ports %v, want 9200/tcp", c.ExposedPorts)
	}
	for _, label := range []string{"title", "version", "revision", "source", "licenses"} {
		if c.Labels["org.opencontainers.image."+label] == "" {
			t.Errorf("no label %s among %v", label, c.Labels)
		}
	}
	program, err := elf.NewFile(bytes.NewReader(i.file("usr/bin/betanet_exporter")))
	if err != nil {
		t.Fatal(err)
	}
	if program.Machine != machine {
		t.Errorf("the program is for %v, want %v", program.Machine, machine)
	}
	if program.Section(".interp") != nil {
		t.Error("the program is not static")
	}
	if !x509.NewCertPool().AppendCertsFromPEM(i.file("etc/ssl/certs/ca-certificates.crt")) {
		t.Error("the image has no certificate")
	}
	if passwd := string(i.file("etc/passwd")); !strings.HasPrefix(passwd, "nonroot:x:65532:65532:") || strings.Count(passwd, "\n") != 1 {
		t.Errorf("etc/passwd is %q", passwd)
	}
}

// file returns the content of a file of the image.
func (i *image) file(name string) []byte {
	for _, f := range i.files {
		if f.Name == name {
			return f.content
		}
	}
	return nil
}

// run runs the program as the user of the image, in a chroot with only the files of the image.
func (i *image) run(t *testing.T, chroot string) {
	root := t.TempDir()
	i.unpack(t, root)
	inside := append([]string{"--userspec=" + i.Config.User, root}, i.Config.Entrypoint...)
	version := runCommand(t, "", chroot, append(slices.Clone(inside), "--version")...)
	labels := i.Config.Labels
	for _, want := range []string{"version " + labels["org.opencontainers.image.version"], "revision: " + labels["org.opencontainers.image.revision"]} {
		if !strings.Contains(version, want) {
			t.Errorf("--version prints %q, want %q in it", version, want)
		}
	}
	service := startServices(t, 1)[0]
	p, urls := serve(t, loopback, "/-/healthy", chroot, func(port string) []string {
		return append(slices.Clone(inside), "--web.listen-address=127.0.0.1:"+port, "--betanet.url="+service.url)
	})
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Cmd.Process.Pid))
	if err != nil || !strings.Contains(string(status), "\nUid:\t65532\t65532\t65532\t65532\n") {
		t.Errorf("the program does not run as 65532: %v\n%s", err, status)
	}
	waitForBody(t, "betanet_up", urls[0]+"/metrics", contains("\nbetanet_up 1\n"))
}
