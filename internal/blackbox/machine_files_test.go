package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// readOnly runs a command with its own mounts, all of them read-only.
const readOnly = `mount -o remount,bind,ro / && for m in /tmp /var /home /run "$TMPDIR"; do
	if mountpoint -q "$m"; then mount -o remount,bind,ro "$m" || exit 1; fi
done
if touch "$DIR/written" 2>/dev/null; then echo "$DIR can still be written to"; exit 1; fi
exec "$0" "$@"`

// TestTheExporterRunsInAMinimalEnvironment starts an exporter, reloads its file and stops it, each time in an environment
// that lacks something.
func TestTheExporterRunsInAMinimalEnvironment(t *testing.T) {
	t.Parallel()
	unshare := []string{"unshare", "-m"}
	if os.Getuid() != 0 {
		unshare = []string{"unshare", "-r", "-m"}
	}
	for name, wrapper := range map[string][]string{
		"read-only file system":     append(unshare, "sh", "-c", readOnly),
		"deleted working directory": {"sh", "-c", `mkdir "$DIR/gone" && cd "$DIR/gone" && rmdir "$DIR/gone" && exec "$0" "$@"`},
		"no HOME":                   {"env", "-u", "HOME"},
		"no variables":              {"env", "-i"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			l := launch{wrapper: wrapper, env: []string{"DIR=" + dir}}
			if wrapper[0] == "unshare" {
				skipUnlessPermitted(t, l)
			}
			first, second := start(t), start(t)
			file := filepath.Join(dir, "betanet.yml")
			write(t, file, "upstreams: [{name: first, url: '"+first.URL()+"'}]")
			p := l.start(t, append([]string{"--config.file=" + file}, patientFlags...)...)
			p.awaitGood(t, "first", documentBefore)
			write(t, file, "upstreams: [{name: second, url: '"+second.URL()+"'}]")
			signal(t, p, syscall.SIGHUP)
			p.awaitGood(t, "second", documentBefore)
			p.checkEndsOn(t, syscall.SIGTERM)
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("got the files %v (%v), want only the configuration", left, err)
			}
		})
	}
}

// skipUnlessPermitted skips the test where the kernel does not permit private mounts.
func skipUnlessPermitted(t *testing.T, l launch) {
	t.Helper()
	cmd := exec.Command(l.wrapper[0], append(slices.Clone(l.wrapper[1:]), "true")...)
	cmd.Env = append(os.Environ(), l.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("a read-only file system is not permitted here: %v: %s", err, strings.TrimSpace(string(out)))
	}
}
