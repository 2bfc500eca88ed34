package discovery

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAFileCanBeReplacedByRenaming(t *testing.T) {
	inBubble(t, []string{"*.json"}, func() { write(t, "a.json", one) }, func(w *fileFixture) {
		write(t, "a.json.new", two)
		w.wantNext(listOne)
		must(t, os.Rename("a.json.new", "a.json"))
		w.wantNext(listTwo)
	})
}

// Kubernetes mounts a ConfigMap as links into ..data, which is itself a link. It replaces
// ..data to switch to another directory.
func TestTheLinksOfAConfigMapAreFollowed(t *testing.T) {
	swap := func(version, content string) {
		write(t, filepath.Join(version, "a.json"), content)
		must(t, os.Symlink(version, "..data_tmp"))
		must(t, os.Rename("..data_tmp", "..data"))
	}
	prepare := func() {
		swap("..2026_01", one)
		must(t, os.Symlink("..data/a.json", "a.json"))
	}
	inBubble(t, []string{"*.json"}, prepare, func(w *fileFixture) {
		w.want(listOne)
		swap("..2026_02", two)
		must(t, os.RemoveAll("..2026_01"))
		w.wantNext(listTwo)
		must(t, os.RemoveAll("..2026_02"))
		w.wantNext("read a.json: no such file or directory")
		w.wantKept(listTwo)
		swap("..2026_03", one)
		w.wantNext(listOne)
	})
}

func TestAPartlyWrittenFileIsAnErrorUntilItIsComplete(t *testing.T) {
	for n := range len(two) {
		part, whole := two[:n], two
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inBubble(t, []string{"*.json"}, func() { write(t, "a.json", one) }, func(w *fileFixture) {
				write(t, "a.json", part)
				want := "read a.json: line 1: the document is cut off, want JSON"
				if n == 0 {
					want = "read a.json: line 1: the document is empty, want a list of groups, [] for none"
				}
				w.wantNext(want)
				w.wantKept(listOne)
				w.wantNext(want)
				write(t, "a.json", whole)
				w.wantNext(listTwo)
			})
		})
	}
}

func TestAnInvalidFileDoesNotAffectOthers(t *testing.T) {
	fill := func() {
		write(t, "a.json", one)
		write(t, "b.yml", "- targets: [b:1]\n  labels:\n    zone: [eu]\n")
		write(t, "c.json", "{")
	}
	inBubble(t, []string{"*.json", "*.yml"}, fill, func(w *fileFixture) {
		w.want("read b.yml: [0].labels.zone (line 3): is a list, want a string; read c.json: line 1: the document is a map, want a list of groups, [] for none")
		w.wantKept(listOne)
		write(t, "a.json", two)
		w.wantNext("read b.yml: [0].labels.zone (line 3): is a list, want a string; read c.json: line 1: the document is a map, want a list of groups, [] for none")
		w.wantKept(listTwo) // the change of a valid file applies
		write(t, "b.yml", "[]")
		w.wantNext("read c.json: line 1: the document is a map, want a list of groups, [] for none")
		must(t, os.Remove("c.json"))
		w.wantNext(listTwo)
	})
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	inBubble(t, []string{"*.json"}, func() { must(t, os.Mkdir("a.json", 0o755)) }, func(w *fileFixture) {
		w.want("read a.json: is not a regular file")
		must(t, os.Remove("a.json"))
		must(t, syscall.Mkfifo("a.json", 0o644))
		w.wantNext("read a.json: is not a regular file")
		must(t, os.Remove("a.json"))
		must(t, os.Symlink("a.json", "a.json"))
		w.wantNext("read a.json: too many levels of symbolic links")
	})
}

// The test replaces the directory with a file, because root can read every directory.
func TestADirectoryThatCannotBeReadIsAnError(t *testing.T) {
	inBubble(t, []string{"fleet/*.json"}, func() { write(t, "fleet/a.json", one) }, func(w *fileFixture) {
		must(t, os.Rename("fleet", "other"))
		write(t, "fleet", "")
		w.wantNext("read fleet: not a directory")
		w.wantKept(listOne)
	})
}

func TestTheFilesOfASourceHaveAtMost20000Targets(t *testing.T) {
	fill := func() { write(t, "a.json", big(1, 10_000, 0)); write(t, "b.json", big(1, 10_000, 0)) }
	inBubble(t, []string{"*.json"}, fill, func(w *fileFixture) {
		if got := len(w.list); got != 20_000 {
			t.Errorf("got %d targets, want 20000", got)
		}
		write(t, "c.json", one)
		w.wantNext("read c.json: brings the source to 20001 targets, at most 20000 are accepted")
	})
}

func TestASourceHasAtMost20000Files(t *testing.T) {
	dir := t.TempDir()
	for i := range 20_001 {
		must(t, os.Symlink("nothing", filepath.Join(dir, fmt.Sprintf("%05d.json", i))))
	}
	r := fileReader{[]string{filepath.Join(dir, "*.json")}, nil}
	list := r.read()
	if want := "20001 files match, at most 20000 are accepted"; list.Err == nil || !strings.HasPrefix(list.Err.Error(), want) {
		t.Errorf("got %v, want %q", list.Err, want)
	}
	must(t, os.Remove(filepath.Join(dir, "00000.json")))
	if paths, _, err := r.paths(); err != nil || len(paths) != 20_000 {
		t.Errorf("got %d paths and error %v, want 20000", len(paths), err)
	}
}

func TestADeletedFileIsForgotten(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.json", one)
	r := fileReader{[]string{"*.json"}, nil}
	for want := 1; want >= 0; want-- {
		err := r.read().Err
		if got := len(r.known); err != nil || got != want {
			t.Errorf("got %d known documents and error %v, want %d", got, err, want)
		}
		os.Remove("a.json")
	}
}

func TestFilesAreClosed(t *testing.T) {
	open := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(all)
	}
	t.Chdir(t.TempDir())
	write(t, "a.json", one)
	r := fileReader{[]string{"*.json"}, nil}
	before := open()
	for range 100 {
		r.read()
	}
	if after := open(); after > before+50 {
		t.Errorf("got %d open files after 100 reads, want at most %d", after, before+50)
	}
}
