package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	sumCode = "package sum\n\n// Add adds.\nfunc Add(a, b int) int {\n\treturn a + b\n}\n"
	sumTest = "package sum\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(2, 2) != 4 {\n\t\tt.Error(\"wrong\")\n\t}\n}\n\n" +
		"func TestNothing(t *testing.T) {}\n\nfunc TestSkipped(t *testing.T) { t.Skip() }\n\nfunc TestFails(t *testing.T) { t.Error(\"always\") }\n"
	sumDiff = "--- a/sum/sum.go\n+++ b/sum/sum.go\n@@ -4,3 +4,3 @@\n func Add(a, b int) int {\n-\treturn a + b\n+\treturn BODY\n }\n"
)

// repository creates a module with one package and mutants of it, and returns its root.
func repository(t *testing.T, mutants map[string]string) string {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{"go.mod": "module sum.example\n\ngo 1.26\n", "sum/sum.go": sumCode, "sum/sum_test.go": sumTest}
	for name, text := range mutants {
		files["test/mutants/"+name+".patch"] = text
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("git", "init", "-q", root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return root
}

func mutant(header, body string) string {
	return "Change the sum.\n" + header + "\n" + strings.Replace(sumDiff, "BODY", body, 1)
}

func TestTheNamedTestsDecideTheVerdict(t *testing.T) {
	const add = "Kill: ./sum -run ^TestAdd$"
	for name, c := range map[string]struct{ patch, want string }{
		"killed":            {mutant(add, "a - b"), "killed"},
		"killed by a panic": {mutant(add, "a / (b - b)"), "killed"},
		"survives":          {mutant(add, "a * b"), "LIVED"},
		"one of two tests":  {mutant(add+"\nKill: ./sum -run ^TestNothing$", "a - b"), "LIVED"},
		"does not apply":    {strings.Replace(mutant(add, "a - b"), "-\treturn a + b", "-\treturn b + a", 1), "ERROR"},
		"does not compile":  {mutant(add, "c"), "ERROR"},
		"runs no test":      {mutant("Kill: ./sum -run ^TestAdds$", "a - b"), "ERROR"},
		"skips its test":    {mutant("Kill: ./sum -run ^TestSkipped$", "a - b"), "ERROR"},
		"fails without it":  {mutant("Kill: ./sum -run ^TestFails$", "a - b"), "ERROR"},
		"no such package":   {mutant("Kill: ./product -run ^TestAdd$", "a - b"), "ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			root := repository(t, map[string]string{"sum/x": c.patch})
			var out, errs bytes.Buffer
			code := run(context.Background(), []string{"-root", root}, &out, &errs)
			if !strings.HasPrefix(out.String(), c.want+" ") || (code == 0) != (c.want == "killed") {
				t.Errorf("got exit code %d and\n%s%s\nwant %s", code, &out, &errs, c.want)
			}
			if text, err := os.ReadFile(filepath.Join(root, "sum/sum.go")); err != nil || string(text) != sumCode {
				t.Errorf("the working tree was changed: %v\n%s", err, text)
			}
		})
	}
}

func TestMutantsAreIndependent(t *testing.T) {
	const add = "Kill: ./sum -run ^TestAdd$"
	root := repository(t, map[string]string{"sum/a": mutant(add, "a - b"), "sum/b": mutant(add, "a * b"), "other/c": mutant(add, "0")})
	var out bytes.Buffer
	run(context.Background(), []string{"-root", root, "sum"}, &out, &out)
	want := regexp.MustCompile(`^killed sum/a \(\d+s\)\nLIVED  sum/b \(\d+s\)\n.*\n\npackage +killed +lived +errors\nsum +1 +1 +0\nall +1 +1 +0\n$`)
	if !want.MatchString(out.String()) {
		t.Errorf("got\n%s\nwant %s", &out, want)
	}
}

func TestInvalidHeaderIsAnError(t *testing.T) {
	for name, patch := range map[string]string{
		"no Kill line":     mutant("Survives: all", "a - b"),
		"no title":         strings.TrimPrefix(mutant("Kill: ./sum -run x", "a - b"), "Change the sum.\n"),
		"unknown key":      mutant("Kill: ./sum -run x\nKil: ./sum -run y", "a - b"),
		"no -run":          mutant("Kill: ./sum TestAdd", "a - b"),
		"no valid pattern": mutant("Kill: ./sum -run (", "a - b"),
		"no diff":          "Change the sum.\nKill: ./sum -run x\n",
	} {
		root := repository(t, map[string]string{"sum/x": patch})
		var out bytes.Buffer
		if code := run(context.Background(), []string{"-root", root}, &out, &out); code != 1 || !strings.HasPrefix(out.String(), "mutants: sum/x: ") {
			t.Errorf("%s: got exit code %d and %s", name, code, &out)
		}
	}
	root := repository(t, map[string]string{"sum/x": mutant("Kill: ./sum -run x\n", "a - b")})
	var out bytes.Buffer
	if code := run(context.Background(), []string{"-root", root, "sums"}, &out, &out); code != 1 || !strings.Contains(out.String(), `no mutant matches "sums"`) {
		t.Errorf("got exit code %d and %s", code, &out)
	}
}

// TestEveryPatchApplies checks only that all patches apply and name tests. `make mutants`
// checks that they are killed, which takes longer.
func TestEveryPatchApplies(t *testing.T) {
	all, err := readPatches(".", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if out, err := exec.Command("git", "-C", "../..", "apply", "--check", filepath.Join("test", "mutants", p.pkg, filepath.Base(p.file))).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", p.name(), out)
		}
		for _, k := range p.kills {
			if !hasTest(t, filepath.Join("../..", k.dir), k.flags[1]) {
				t.Errorf("%s: %s names no test", p.name(), k)
			}
		}
	}
}

var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w*)\(`)

// hasTest reports whether a pattern of -run matches a test function of a package.
func hasTest(t *testing.T, dir, pattern string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	function, _, _ := strings.Cut(pattern, "/")
	re := regexp.MustCompile(function)
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(testFunction.FindAllStringSubmatch(string(text), -1), func(m []string) bool { return re.MatchString(m[1]) })
	})
}
