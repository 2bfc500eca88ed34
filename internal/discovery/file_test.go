package discovery

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const one, two = `[{"targets": ["a:1"]}]`, `[{"targets": ["a:1", "b:2"]}]`

// The lists in the documents one and two.
const listOne, listTwo = "a:1=http://a:1", "a:1=http://a:1 b:2=http://b:2"

// fileFixture is a running source of files in a directory, in a synctest bubble.
type fileFixture struct {
	*reports
	t      *testing.T
	rounds int
}

// inBubble runs a test of a file source in a new directory. prepare runs before the
// first read.
func inBubble(t *testing.T, patterns []string, prepare func(), do func(w *fileFixture)) {
	t.Chdir(t.TempDir()) // short paths in messages
	prepare()
	synctest.Test(t, func(t *testing.T) {
		f, err := NewFile(patterns)
		must(t, err)
		r, _ := run(t, f)
		synctest.Wait()
		do(&fileFixture{r, t, 1})
	})
}

// want checks the result of the last read.
func (w *fileFixture) want(want string) {
	w.t.Helper()
	w.wantLast(w.t, w.rounds, want)
}

// wantNext waits for the next read and checks its result.
func (w *fileFixture) wantNext(want string) {
	w.t.Helper()
	time.Sleep(5*time.Second - 1)
	synctest.Wait()
	w.wantLast(w.t, w.rounds, w.all[w.rounds-1]) // too early for the next read
	time.Sleep(time.Nanosecond)
	synctest.Wait()
	w.rounds++
	w.want(want)
}

// wantKept checks the targets of the last report, which must have an error.
func (w *fileFixture) wantKept(want string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := text(List{Targets: w.last.Targets}); w.last.Err == nil || !w.last.Partial || got != want {
		w.t.Errorf("got error %v, partial %v and targets %q, want an error and %q", w.last.Err, w.last.Partial, got, want)
	}
}

func TestARejectedTargetIsReportedWithItsFile(t *testing.T) {
	fill := func() { write(t, "a.json", `[{"targets": ["web frontend:21001", "a:1"]}]`) }
	inBubble(t, []string{"*.json"}, fill, func(w *fileFixture) {
		w.want(`a:1=http://a:1 rejected a.json: "web frontend:21001": [0].targets[0] (line 1): has a bad host name, want labels of 1 to 63 letters, digits, - and _, with - neither first nor last`)
	})
}

func TestFilesAreReadAgainEvery5Seconds(t *testing.T) {
	inBubble(t, []string{"a.json"}, func() { write(t, "a.json", one) }, func(w *fileFixture) {
		w.want(listOne)
		w.wantNext(listOne)
		write(t, "a.json", two)
		w.wantNext(listTwo)
	})
}

func TestRefreshIsTheTimeBetweenTwoReadsOfFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.json", one)
	synctest.Test(t, func(t *testing.T) {
		f, err := NewFile([]string{"a.json"})
		must(t, err)
		f.Refresh = time.Second
		r, _ := run(t, f)
		time.Sleep(3500 * time.Millisecond)
		r.wantLast(t, 4, listOne)
	})
}

func TestAnUnchangedFileIsNotParsedAgain(t *testing.T) {
	inBubble(t, []string{"*.json"}, func() { write(t, "a.json", one); write(t, "b.json", one) }, func(w *fileFixture) {
		before := w.list
		write(t, "a.json", one) // the same content with a later time
		write(t, "b.json", two)
		w.wantNext(listOne + " " + listTwo)
		if after := w.list; after[0].URL != before[0].URL || after[1].URL == before[1].URL {
			t.Error("got a.json decoded again or b.json not, want only b.json")
		}
	})
}

func TestFilesOfAllPatternsAreSortedAndUnique(t *testing.T) {
	fill := func() {
		write(t, "x/b.json", `[{"targets": ["b:1"]}]`)
		write(t, "x/a.yml", "- targets: [a:1]")
		write(t, "y/c.yaml", "- targets: [c:1]")
		write(t, "x/ignored.txt", "not a list")
	}
	inBubble(t, []string{"y/*.yaml", "x/*.json", "./x/b.json", "x/*.yml"}, fill, func(w *fileFixture) {
		w.want("a:1=http://a:1 b:1=http://b:1 c:1=http://c:1")
	})
}

func TestFilesOfAPatternMayAppearAndDisappear(t *testing.T) {
	const missing = "read fleet: no such file or directory"
	inBubble(t, []string{"fleet/*.json"}, func() {}, func(w *fileFixture) {
		w.want(missing)
		must(t, os.Mkdir("fleet", 0o755))
		w.wantNext("")
		write(t, "fleet/a.json", one)
		w.wantNext(listOne)
		write(t, "fleet/b.json", two)
		w.wantNext(listOne + " " + listTwo)
		must(t, os.Remove("fleet/a.json"))
		w.wantNext(listTwo)
		must(t, os.RemoveAll("fleet"))
		w.wantNext(missing)
		w.wantKept(listTwo)
	})
}

func TestAPathWithoutAPatternMustExist(t *testing.T) {
	const missing = "read fleet/a.json: no such file or directory"
	inBubble(t, []string{"fleet/a.json"}, func() {}, func(w *fileFixture) {
		w.want(missing)
		write(t, "fleet/a.json", one)
		w.wantNext(listOne)
		must(t, os.Remove("fleet/a.json"))
		w.wantNext(missing)
		w.wantKept(listOne)
	})
}

func TestAFileCanBeReplacedByRenaming(t *testing.T) {
	inBubble(t, []string{"*.json"}, func() { write(t, "a.json", one) }, func(w *fileFixture) {
		write(t, "a.json.new", two)
		w.wantNext(listOne)
		must(t, os.Rename("a.json.new", "a.json"))
		w.wantNext(listTwo)
	})
}

// Kubernetes mounts a ConfigMap as links into ..data, a link that it replaces to
// switch to another directory.
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
		half, whole := two[:n], two
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inBubble(t, []string{"*.json"}, func() { write(t, "a.json", one) }, func(w *fileFixture) {
				write(t, "a.json", half)
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
		w.wantKept(listTwo) // a change of a valid file applies
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

// Tests may run as root, who can read every directory.
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

func TestInvalidPathsAreRejected(t *testing.T) {
	const ext = ": want a path or pattern that ends in .json, .yml or .yaml"
	for _, c := range []struct {
		paths []string
		want  string
	}{
		{nil, "want at least one path"},
		{[]string{"a.json", ""}, `""` + ext},
		{[]string{"fleet/*"}, `"fleet/*"` + ext},
		{[]string{"a.toml"}, `"a.toml"` + ext},
		{[]string{"a.JSON"}, `"a.JSON"` + ext},
		{[]string{"a[.json"}, `"a[.json": syntax error in pattern`},
	} {
		if _, err := NewFile(c.paths); err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %v", c.paths, err, c.want)
		}
	}
}

func TestAFileSourceIsNamedByItsPaths(t *testing.T) {
	f, err := NewFile([]string{"fleet/*.json", "b.yml"})
	if must(t, err); f.String() != "file:fleet/*.json,b.yml" {
		t.Errorf("got %v, want file:fleet/*.json,b.yml", f)
	}
}

func TestAStoppedFileSourceReportsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := NewFile([]string{filepath.Join(t.TempDir(), "*.json")})
		must(t, err)
		r, stop := run(t, f)
		time.Sleep(7 * time.Second)
		start := time.Now()
		stop()
		if d := time.Since(start); d != 0 {
			t.Errorf("stopped after %v, want no delay", d)
		}
		time.Sleep(time.Minute)
		r.wantLast(t, 2, "")
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
		t.Errorf("got %d open files after 100 reads, want about %d", after, before)
	}
}
