package main

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// versions matches what can be released: semantic versions and release candidates.
var versions = regexp.MustCompile(`^\d+\.\d+\.\d+(-rc\.\d+)?$`)

// tagged checks that the work tree is the commit with the tag of a version, without
// changes, and returns the commit's time. An untracked file is a change, because it
// could be compiled in.
func tagged(version string) (time.Time, error) {
	if !versions.MatchString(version) {
		return time.Time{}, fmt.Errorf("%q is not a version to release: check out a tag vX.Y.Z, without changes", version)
	}
	tags, err := git("tag", "--points-at", "HEAD", "--list", "v"+version)
	if err != nil {
		return time.Time{}, err
	}
	if tags != "v"+version {
		return time.Time{}, fmt.Errorf("the tag v%s does not name this commit", version)
	}
	changes, err := git("status", "--porcelain", "--untracked-files=all")
	if err != nil {
		return time.Time{}, err
	}
	if changes != "" {
		first, _, _ := strings.Cut(changes, "\n")
		return time.Time{}, fmt.Errorf("the work tree has changes that are not committed, such as %q", first)
	}
	text, err := git("log", "-1", "--format=%ct")
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

func git(args ...string) (string, error) {
	text, err := output(exec.Command("git", args...))
	return strings.TrimSpace(text), err
}

// output runs a command. Its error contains what the command printed.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, exit.Stderr)
	}
	return string(out), err
}
