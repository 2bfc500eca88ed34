package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A moduleProgram is built from a Go module, because no Debian package has it.
type moduleProgram struct {
	name, module string
	flags        []string // for go install

	once sync.Once
	err  error
}

// path returns the path of the program in the user's cache. Building takes minutes, so a
// missing program is built only with CI=true, and a failure is not retried.
func (p *moduleProgram) path(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(p.module, "@")
	dir := filepath.Join(cache, "betanet_exporter", p.name+"-"+version)
	path := filepath.Join(dir, p.name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	install := append(append([]string{"install"}, p.flags...), p.module)
	if os.Getenv("CI") != "true" {
		t.Skipf("%s %s is missing: GOBIN=%s go %s", p.name, version, dir, strings.Join(install, " "))
	}
	p.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "go", install...)
		cmd.Env = append(os.Environ(), "GOBIN="+dir)
		cmd.WaitDelay = patience
		if out, err := cmd.CombinedOutput(); err != nil {
			p.err = fmt.Errorf("%s: %w\n%s", cmd, err, out)
		}
	})
	if p.err != nil {
		t.Fatal(p.err)
	}
	return path
}
