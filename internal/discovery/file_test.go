package discovery

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

const one, two = `[{"targets": ["a:1"]}]`, `[{"targets": ["a:1", "b:2"]}]`

// The lists of the documents one and two.
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
			t.Error("a.json was parsed again, or b.json was not; want only b.json parsed")
		}
	})
}

func TestFilesOfAllPatternsAreSortedWithoutDuplicates(t *testing.T) {
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

func TestAFileSourceIsIdentifiedByItsPaths(t *testing.T) {
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
