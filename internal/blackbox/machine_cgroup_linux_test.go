package blackbox

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// limitedByKernel is a control group whose processes are killed when together they need more memory. Making one takes
// root, and a kernel that allows it; without, the test is skipped.
func limitedByKernel(t *testing.T, bytes int) surroundings {
	t.Helper()
	const v1, v2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
	root, file := v2, "memory.max"
	if _, err := os.Stat(filepath.Join(v1, "memory.limit_in_bytes")); err == nil {
		root, file = v1, "memory.limit_in_bytes"
	}
	group, err := os.MkdirTemp(root, "betanet")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	})
	// A file of its own making would not be a limit.
	limit, err := os.OpenFile(filepath.Join(group, file), os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	_, err = fmt.Fprint(limit, bytes)
	if closing := limit.Close(); err == nil {
		err = closing
	}
	if err != nil {
		t.Skip(err)
	}
	return surroundings{by: []string{"sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, group}}
}
