// Command mutants applies patches to a copy of the code, one at a time, and reports which
// mutants the tests kill. A patch is a file <package>/<name>.patch in this directory. The
// program does not modify the working tree. The exit code is 1 if a mutant lived or a patch
// is invalid: a patch that does not apply or does not compile is an error, never a kill.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: mutants [-root DIR] [PACKAGE | PACKAGE/NAME]...\nWithout arguments, all mutants run. A * in a name matches any characters.\n")
	}
	root := flags.String("root", "..", "root of the repository")
	if err := flags.Parse(args); err != nil {
		return 1
	}
	failed, err := judgeAll(ctx, *root, flags.Args(), stdout)
	if err != nil {
		fmt.Fprintf(stderr, "mutants: %v\n", err)
	}
	if failed || err != nil {
		return 1
	}
	return 0
}

// judgeAll runs the chosen mutants, prints a line for each and the totals, and reports
// whether any mutant was not killed.
func judgeAll(ctx context.Context, root string, chosen []string, out io.Writer) (failed bool, err error) {
	all, err := readPatches(filepath.Join(root, "test", "mutants"), chosen)
	if err != nil {
		return false, err
	}
	tree, err := copyTree(ctx, root)
	if err != nil {
		return false, err
	}
	defer tree.remove()
	totals := make(map[string]*total)
	for _, p := range all {
		start := time.Now()
		result, detail := tree.judge(ctx, p)
		if ctx.Err() != nil {
			return true, context.Cause(ctx)
		}
		fmt.Fprintf(out, "%-6s %s (%.0fs)%s\n", result, p.name(), time.Since(start).Seconds(), indent(detail))
		if totals[p.pkg] == nil {
			totals[p.pkg] = new(total)
		}
		totals[p.pkg].add(result)
	}
	return writeTotals(out, totals), nil
}

// verdict is the result of a mutant.
type verdict string

const (
	killed verdict = "killed"
	lived  verdict = "LIVED"
	faulty verdict = "ERROR" // the patch or its header is wrong, not the tests
)

// total counts the mutants of one package.
type total struct{ killed, lived, errors int }

func (t *total) add(v verdict) {
	switch v {
	case killed:
		t.killed++
	case lived:
		t.lived++
	default:
		t.errors++
	}
}

// writeTotals writes a line for each package and one for all, and reports whether a
// mutant lived or was invalid.
func writeTotals(out io.Writer, totals map[string]*total) (failed bool) {
	const format = "%-12s %6v %6v %6v\n"
	fmt.Fprintf(out, "\n"+format, "package", "killed", "lived", "errors")
	var sum total
	for _, name := range slices.Sorted(maps.Keys(totals)) {
		t := totals[name]
		fmt.Fprintf(out, format, name, t.killed, t.lived, t.errors)
		sum.killed, sum.lived, sum.errors = sum.killed+t.killed, sum.lived+t.lived, sum.errors+t.errors
	}
	fmt.Fprintf(out, format, "all", sum.killed, sum.lived, sum.errors)
	return sum.lived+sum.errors > 0
}

// indent formats a detail as indented lines below the verdict.
func indent(detail string) string {
	if detail == "" {
		return ""
	}
	return "\n       " + strings.ReplaceAll(strings.TrimSpace(detail), "\n", "\n       ")
}
