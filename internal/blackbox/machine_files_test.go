package blackbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// readOnly runs a command in mounts of its own, of which none can be written to.
const readOnly = `mount -o remount,bind,ro / && for m in /tmp /var /home /run "$TMPDIR"; do
	if mountpoint -q "$m"; then mount -o remount,bind,ro "$m" || exit 1; fi
done
if touch "$DIR/written" 2>/dev/null; then echo "$DIR can still be written to"; exit 1; fi
exec "$0" "$@"`

// TestItRunsWhereNothingCanBeWrittenAndNothingIsKnown starts an exporter, changes its file, and ends it, in surroundings
// of which it has no need.
func TestItRunsWhereNothingCanBeWrittenAndNothingIsKnown(t *testing.T) {
	t.Parallel()
	unshare := []string{"unshare", "-m"}
	if os.Getuid() != 0 {
		unshare = []string{"unshare", "-r", "-m"}
	}
	for name, by := range map[string][]string{
		"file system read-only":     append(unshare, "sh", "-c", readOnly),
		"working directory deleted": {"sh", "-c", `mkdir "$DIR/gone" && cd "$DIR/gone" && rmdir "$DIR/gone" && exec "$0" "$@"`},
		"no HOME":                   {"env", "-u", "HOME"},
		"no variable at all":        {"env", "-i"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := surroundings{by: by, env: []string{"DIR=" + dir}}
			if by[0] == "unshare" {
				permitted(t, s)
			}
			first, second := start(t), start(t)
			file := filepath.Join(dir, "betanet.yml")
			write(t, file, "upstreams: [{name: first, url: '"+first.URL()+"'}]")
			p := s.start(t, append([]string{"--config.file=" + file}, patient...)...)
			p.await(t, "", func(e exposition) error { return allGood(e, "first", documentBefore) })
			write(t, file, "upstreams: [{name: second, url: '"+second.URL()+"'}]")
			signal(t, p, syscall.SIGHUP)
			p.await(t, "", func(e exposition) error { return allGood(e, "second", documentBefore) })
			p.endsOn(t, syscall.SIGTERM)
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("got the files %v (%v), want the configuration alone", left, err)
			}
		})
	}
}

// permitted skips where the kernel does not let a test have mounts of its own.
func permitted(t *testing.T, s surroundings) {
	t.Helper()
	cmd := exec.Command(s.by[0], append(append([]string(nil), s.by[1:]...), "true")...)
	cmd.Env = append(os.Environ(), s.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("a read-only file system cannot be made here, it is not checked: %v: %s", err, strings.TrimSpace(string(out)))
	}
}
