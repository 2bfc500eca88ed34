// Package worktree copies the working tree for tests that change it or build from it.
package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Copy copies the files in root that git does not ignore, including uncommitted changes, to
// the directory to, which it creates. The files get the modes that a checkout with the umask
// would give them. Symbolic links remain links. Another user may own the working tree.
func Copy(ctx context.Context, root, to string, umask fs.FileMode) error {
	list, err := exec.CommandContext(ctx, "git", "-C", root, "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		from, file := filepath.Join(root, name), filepath.Join(to, name)
		info, err := os.Lstat(from)
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, but still in git's index
		}
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755&^umask); err != nil {
			return err
		}
		if err := copyFile(from, file, info, umask); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies a regular file or a symbolic link.
func copyFile(from, to string, info fs.FileInfo, umask fs.FileMode) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o666)
	if info.Mode()&0o100 != 0 {
		mode = 0o777
	}
	return os.WriteFile(to, text, mode&^umask)
}
