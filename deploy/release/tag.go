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

// releaseVersion matches the versions that can be released: X.Y.Z and release candidates.
var releaseVersion = regexp.MustCompile(`^\d+\.\d+\.\d+(-rc\.\d+)?$`)

// tagTime returns the time of the commit that has the tag of a version. It is an error
// if that is not the current commit or if the working tree has changes. An untracked file is
// a change, because it could be compiled in.
func tagTime(version string) (time.Time, error) {
	if !releaseVersion.MatchString(version) {
		return time.Time{}, fmt.Errorf("%q cannot be released: check out a tag vX.Y.Z, without changes", version)
	}
	tags, err := git("tag", "--points-at", "HEAD", "--list", "v"+version)
	if err != nil {
		return time.Time{}, err
	}
	if tags != "v"+version {
		return time.Time{}, fmt.Errorf("the tag v%s does not point to this commit", version)
	}
	changes, err := git("status", "--porcelain", "--untracked-files=all")
	if err != nil {
		return time.Time{}, err
	}
	if changes != "" {
		first, _, _ := strings.Cut(changes, "\n")
		return time.Time{}, fmt.Errorf("the working tree has uncommitted changes, such as %q", first)
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

// output runs a command and returns its standard output. The error contains its standard
// error.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, exit.Stderr)
	}
	return string(out), err
}
