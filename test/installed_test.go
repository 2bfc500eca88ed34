package test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Names and files of an installed package.
const (
	packageName = "betanet-exporter"
	serviceUser = "betanet-exporter"
	configFile  = "/etc/betanet-exporter/config.yml"
	defaultFile = "/etc/default/betanet-exporter"
	unitFile    = "/lib/systemd/system/betanet-exporter.service"
	enabledLink = "/etc/systemd/system/multi-user.target.wants/betanet-exporter.service"
)

// leftovers lists the files that must not exist after a purge.
var leftovers = []string{
	"/usr/bin/betanet_exporter", unitFile, filepath.Dir(configFile), defaultFile, enabledLink,
	"/etc/systemd/system/betanet-exporter.service", "/usr/share/betanet-exporter",
	// State of deb-systemd-helper for services that were enabled or masked.
	"/var/lib/systemd/deb-systemd-helper-enabled/betanet-exporter.service.dsh-also",
	"/var/lib/systemd/deb-systemd-helper-enabled/multi-user.target.wants/betanet-exporter.service",
	"/var/lib/systemd/deb-systemd-helper-masked/betanet-exporter.service",
}

// TestPackageFromInstallationToPurge installs a package on this machine, and removes it even if
// the test fails.
func TestPackageFromInstallationToPurge(t *testing.T) {
	component(t, "dpkg", "dpkg")
	component(t, "runuser", "util-linux")
	needInstall(t)
	first := filepath.Join(packages(t), deb(firstVersion, "amd64"))
	nextDir, err := buildPackages(filepath.Join(t.TempDir(), "next"), 0o022, nextVersion, "ARCHITECTURES=amd64")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, file := range uninstall(t) {
			t.Errorf("the test left %s on this machine", file)
		}
	})

	dpkg(t, "--install", first)
	if text := runCommand(t, "", "/usr/bin/betanet_exporter", "--version"); !strings.Contains(text, "version "+firstVersion+" ") {
		t.Errorf("the program prints %s", text)
	}
	if text := runCommand(t, "", "dpkg", "--verify", packageName); text != "" {
		t.Errorf("dpkg --verify prints %s", text)
	}
	conffiles := runCommand(t, "", "dpkg-query", "--show", "--showformat=${Conffiles}", packageName)
	for _, file := range []string{configFile, defaultFile} {
		if !strings.Contains(conffiles, file+" ") {
			t.Errorf("%s is not a configuration file for dpkg: %s", file, conffiles)
		}
	}
	account := runCommand(t, "", "getent", "passwd", serviceUser)
	if !strings.HasSuffix(account, ":/nonexistent:/usr/sbin/nologin") {
		t.Errorf("the user is %s, want no home directory and no login shell", account)
	}
	if _, err := os.Lstat(enabledLink); err != nil {
		t.Errorf("the service is not enabled: %v", err)
	}

	edited := editConfiguration(t)
	runService(t)

	dpkg(t, "--install", filepath.Join(nextDir, deb("1.1.0~rc.1", "amd64")))
	if text := runCommand(t, "", "/usr/bin/betanet_exporter", "--version"); !strings.Contains(text, "version "+nextVersion+" ") {
		t.Errorf("after the upgrade the program prints %s", text)
	}
	checkEdited := func(when string) {
		t.Helper()
		for file, want := range edited {
			if got, err := os.ReadFile(file); err != nil || string(got) != want {
				t.Errorf("after the %s, %s is %q, %v, want it unchanged", when, file, got, err)
			}
		}
	}
	checkEdited("upgrade")
	dpkg(t, "--remove", packageName)
	checkEdited("removal")
	for _, gone := range []string{"/usr/bin/betanet_exporter", unitFile} {
		if _, err := os.Lstat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after the removal %s exists: %v", gone, err)
		}
	}
	dpkg(t, "--purge", packageName)
	for _, gone := range leftovers {
		if _, err := os.Lstat(gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after the purge %s exists: %v", gone, err)
		}
	}
	if _, err := user.Lookup(serviceUser); err != nil {
		t.Errorf("the purge deleted the user, so that another user could get its uid and files: %v", err)
	}
}

// needInstall skips the test, or fails it if CI=true, on a machine where it must not install
// the package. On a CI machine, it removes what a killed test left behind.
func needInstall(t *testing.T) {
	t.Helper()
	reason, ci := "", os.Getenv("CI") == "true"
	arch, _ := exec.Command("dpkg", "--print-architecture").Output()
	switch _, err := os.Stat("/run/systemd/system"); {
	case os.Geteuid() != 0:
		reason = "only root can install a package"
	case strings.TrimSpace(string(arch)) != "amd64":
		reason = "the package is for amd64, but this machine is not"
	case err == nil:
		reason = "systemd is running and would start the service"
	case installed() && !ci:
		reason = packageName + " is installed or its user exists: purge the package and delete the user if they are not needed"
	case installed():
		t.Logf("removed from this machine: %v", uninstall(t))
		return
	default:
		return
	}
	unavailable(t, reason)
}

// installed reports whether the package or its user exists.
func installed() bool {
	_, err := user.Lookup(serviceUser)
	return err == nil || exec.Command("dpkg-query", "--show", packageName).Run() == nil
}

// uninstall removes everything that an installation leaves behind. It returns the files that
// a purge should have removed.
func uninstall(t *testing.T) (left []string) {
	if exec.Command("dpkg-query", "--show", packageName).Run() == nil {
		dpkg(t, "--purge", "--force-remove-reinstreq", packageName)
	}
	if _, err := user.Lookup(serviceUser); err == nil {
		if out, err := exec.Command("deluser", "--quiet", "--system", serviceUser).CombinedOutput(); err != nil {
			t.Errorf("deluser: %v\n%s", err, out)
		}
	}
	for _, file := range leftovers {
		if _, err := os.Lstat(file); err == nil {
			left = append(left, file)
			os.RemoveAll(file)
		}
	}
	return left
}

// dpkg runs dpkg without input. It retries while another process holds the lock.
func dpkg(t *testing.T, args ...string) {
	t.Helper()
	wait(t, "dpkg "+strings.Join(args, " "), func() error {
		out, err := exec.Command("dpkg", args...).CombinedOutput()
		switch {
		case err != nil && bytes.Contains(out, []byte("lock")):
			return fmt.Errorf("%w: %s", err, out)
		case err != nil:
			t.Fatalf("dpkg %v: %v\n%s", args, err, out)
		}
		return nil
	})
}

// editConfiguration edits the configuration as an administrator would, and returns the new
// content of the files. One of the two configured upstreams is down.
func editConfiguration(t *testing.T) map[string]string {
	t.Helper()
	healthy := startServices(t, 1)[0]
	closedPort := freePort(t, loopback)
	config := readFile(t, configFile) + fmt.Sprintf(`
defaults: {collect: {interval: 1s}, retry: {attempts: 1}}
upstreams: [{name: healthy, url: "%s"}, {name: down, url: "http://127.0.0.1:%s"}]
`, healthy.url, closedPort)
	variables := strings.ReplaceAll(readFile(t, defaultFile), `ARGS=""`, `ARGS="--log.format=json --log.level=debug"`) +
		fmt.Sprintf("BETANET_EXPORTER_WEB_LISTEN_ADDRESS=\"127.0.0.1:%s\"\n", freePort(t, loopback))
	edited := map[string]string{configFile: config, defaultFile: variables}
	for file, text := range edited {
		writeFile(t, file, text)
	}
	return edited
}

// runService runs the unit's program as its user, as systemd would.
func runService(t *testing.T) {
	t.Helper()
	u := readUnit(t)
	account, err := user.Lookup(serviceUser)
	if err != nil {
		t.Fatal(err)
	}
	s := listenAsSystemd(t)
	command := append([]string{"-u", u.value["User"], "--", "env", "-i", "NOTIFY_SOCKET=" + s.name, "WATCHDOG_USEC=4000000"}, u.environment...)
	p := start(t, component(t, "runuser", "util-linux"), append(command, u.command...)...)

	ready := s.expect(t, p, "READY=1")
	if ready.uid != account.Uid {
		t.Errorf("the process runs as user %s, want %s", ready.uid, account.Uid)
	}
	s.expect(t, p, `STATUS=Watching 2 upstreams: 1 up, 1 down`)
	s.expect(t, p, "WATCHDOG=1")
	for _, line := range p.log.Lines() {
		if line != "" && !strings.HasPrefix(line, "{") {
			t.Errorf("the log has %q, want JSON as configured in %s", line, defaultFile)
		}
	}

	reload := func() {
		t.Helper()
		command := strings.Fields(os.Expand(u.value["ExecReload"], func(string) string { return strconv.Itoa(ready.pid) }))
		runCommand(t, "", command[0], command[1:]...)
		s.expect(t, p, `RELOADING=1\nMONOTONIC_USEC=[1-9]\d+`)
		s.expect(t, p, "READY=1")
	}
	reload()
	valid := readFile(t, configFile)
	writeFile(t, configFile, "upstreams: 1\n")
	reload()
	s.expect(t, p, `STATUS=Watching 2 upstreams: 1 up, 1 down; the last reload failed, see the log`)
	writeFile(t, configFile, valid)
	reload()
	s.expect(t, p, `STATUS=Watching 2 upstreams: 1 up, 1 down`)

	if err := syscall.Kill(ready.pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.expect(t, p, "STOPPING=1")
	select {
	case <-p.Gone:
	case <-time.After(patience):
		t.Fatalf("%s did not exit", p)
	}
	if p.Err != nil {
		t.Errorf("%s ended with %v", p, p.Err)
	}
}
