package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/test/worktree"
)

// tree is a copy of the working tree to which mutants are applied.
type tree struct {
	dir       string
	baselines map[string]baseline // by tests and environment
}

// baseline is the result of tests without a mutant.
type baseline struct {
	took time.Duration
	err  error
}

// copyTree copies the working tree at root. The caller must remove the copy.
func copyTree(ctx context.Context, root string) (*tree, error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return nil, err
	}
	t := &tree{dir: dir, baselines: make(map[string]baseline)}
	if err := worktree.Copy(ctx, root, dir, 0o022); err != nil {
		t.remove()
		return nil, err
	}
	return t, nil
}

func (t *tree) remove() { os.RemoveAll(t.dir) }

// judge applies a mutant, runs its tests and reverts it. The detail is the test run that did
// not notice the mutant, or the error in the patch.
func (t *tree) judge(ctx context.Context, p *patch) (v verdict, detail string) {
	for _, k := range p.kills {
		if err := t.baseline(ctx, k, p.env).err; err != nil {
			return faulty, fmt.Sprintf("without the mutant, %s: %v", k, err)
		}
	}
	if text, err := t.apply(ctx, p); err != nil {
		return faulty, "does not apply: " + text
	}
	defer func() {
		if text, err := t.apply(context.WithoutCancel(ctx), p, "--reverse"); err != nil {
			panic("cannot revert the mutant: " + text)
		}
	}()
	for _, k := range p.kills {
		if text, err := t.buildProgram(ctx, k); err != nil {
			return faulty, "does not compile: " + text
		}
		binary, err := t.compile(ctx, k)
		if err != nil {
			return faulty, fmt.Sprintf("does not compile: %v", err)
		}
		// A mutant may hang. Its tests get several times as long as without it.
		limit := time.Minute + 5*t.baseline(ctx, k, p.env).took
		switch out, err := t.test(ctx, binary, k, p.env, limit); {
		case err == nil:
			return lived, k.String()
		case !failedTest(out):
			return faulty, fmt.Sprintf("no test failed, but %s: %v: %s", k, err, lastLines(out))
		}
	}
	return killed, ""
}

// failedTest reports whether a test ran and failed. A failed test, a panic, a timeout or a
// leaked goroutine kills a mutant.
func failedTest(out string) bool {
	for _, sign := range []string{"--- FAIL: ", "panic: ", "fatal error: ", "goleak: "} {
		if strings.Contains(out, sign) {
			return true
		}
	}
	return false
}

// baseline runs tests without a mutant, once. They must pass, and at least one must run
// and not be skipped.
func (t *tree) baseline(ctx context.Context, k kill, env []string) baseline {
	key := strings.Join(append(env, k.String()), " ")
	if b, known := t.baselines[key]; known {
		return b
	}
	var b baseline
	binary, err := t.compile(ctx, k)
	if err == nil {
		start := time.Now()
		var out string
		out, err = t.test(ctx, binary, k, env, 10*time.Minute)
		b.took = time.Since(start)
		switch {
		case err != nil:
			err = fmt.Errorf("%w: %s", err, lastLines(out))
		case !strings.Contains(out, "\n--- PASS: ") && !strings.HasPrefix(out, "--- PASS: "):
			err = errors.New("no test ran")
		}
	}
	b.err = err
	t.baselines[key] = b
	return b
}

// buildProgram builds everything for tests that build the program themselves. There, a mutant
// that does not compile would look like a kill. Other test binaries contain the code that they
// test.
func (t *tree) buildProgram(ctx context.Context, k kill) (text string, err error) {
	if !strings.HasSuffix(k.dir, "/blackbox") {
		return "", nil
	}
	return t.command(ctx, t.dir, nil, "go", "build", "./...")
}

// compile builds the test binary of a package.
func (t *tree) compile(ctx context.Context, k kill) (binary string, err error) {
	binary = filepath.Join(t.dir, "mutant.test")
	text, err := t.command(ctx, t.dir, nil, "go", "test", "-vet=off", "-ldflags=-s -w", "-c", "-o", binary, k.dir)
	if err != nil {
		return "", errors.New(text)
	}
	return binary, nil
}

// test runs a test binary in the directory of its package.
func (t *tree) test(ctx context.Context, binary string, k kill, env []string, limit time.Duration) (out string, err error) {
	args := append([]string{"-test.v", "-test.failfast", "-test.count=1", "-test.timeout=" + limit.String()}, k.flags...)
	return t.command(ctx, filepath.Join(t.dir, k.dir), env, binary, args...)
}

// apply applies a patch, or reverts it with the flag --reverse.
func (t *tree) apply(ctx context.Context, p *patch, flags ...string) (text string, err error) {
	file, err := filepath.Abs(p.file)
	if err != nil {
		return "", err
	}
	return t.command(ctx, t.dir, []string{"GIT_CEILING_DIRECTORIES=" + filepath.Dir(t.dir)}, "git", append(append([]string{"apply", "-p1"}, flags...), file)...)
}

func (t *tree) command(ctx context.Context, dir string, env []string, name string, args ...string) (out string, err error) {
	var b bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	c.Stdout, c.Stderr = &b, &b
	c.WaitDelay = time.Second
	err = c.Run()
	return b.String(), err
}

// lastLines returns the end of a long output.
func lastLines(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
