package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds of a configuration file. They are far above what anyone needs, and
// keep a file with nested aliases from using up the machine.
const (
	maxFile     = 8 << 20
	maxDepth    = 32
	maxValues   = 500_000 // read, aliases included
	maxErrors   = 1000    // shown
	maxText     = 4096    // bytes of one text
	maxUpstream = 100_000
	maxSearched = 1 << 20 // in which the line of an error is looked for
)

// source is a file that is being read. It collects the errors in it.
type source struct {
	name  string // as the user gave it
	where string // flag or variable that named it
	dir   string // to which files in it are relative

	errs   []error
	more   int   // errors beyond those shown
	values int   // read so far
	full   error // that they are too many

	paths map[string]error    // whether files can be read, by path
	tls   map[tlsConfig]error // whether TLS settings can be used
}

func newSource(name, where string) *source {
	return &source{
		name: name, where: where, dir: filepath.Dir(name),
		paths: make(map[string]error), tls: make(map[tlsConfig]error),
	}
}

// read reads the one YAML document of the file. No place is a file that cannot
// be read, for reasons in the errors, or in which nothing stands.
func (s *source) read() *place {
	text, err := readFile(s.name)
	if err != nil {
		s.add(fmt.Errorf("%s: %s: %w", s.where, s.name, err))
		return nil
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // with which some editors begin a file
	if len(bytes.TrimSpace(text)) == 0 {
		// To a reload, a file that is just being written would say that no upstream
		// is wanted any more.
		s.add(fmt.Errorf("%s: %s: is empty, use a file with at least a comment", s.where, s.name))
		return nil
	}
	if line := oddLine(text); line > 0 {
		s.failAt(line, "is no UTF-8 text, or holds control characters")
		return nil
	}
	root, second, err := parse(text)
	switch {
	case err != nil:
		line := lineOf(text, err)
		s.failAt(line, syntax(err, nthLine(text, line)))
		return nil
	case second > 0:
		s.failAt(second, "a second document is not accepted, use one file with one document")
		return nil
	case root == nil || len(root.Content) == 0:
		return nil
	}
	return (&place{source: s}).child("", 0, root.Content[0])
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("more than %d MiB, use a smaller file or discovery", maxFile>>20)
	}
	return text, nil
}

// cause is an error about a file without the file's name.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// oddLine is the first line that is no text, 0 if there is none.
func oddLine(text []byte) int {
	line := 1
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1, r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			return line
		case r == '\n':
			line++
		}
		text = text[size:]
	}
	return 0
}

// parse parses YAML: its first document, nil if it has none, and the line of its
// second one.
func parse(text []byte) (root *yaml.Node, second int, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var n [2]yaml.Node
	for i := range n {
		switch err := decoder.Decode(&n[i]); {
		case errors.Is(err, io.EOF):
			return root, 0, nil
		case err != nil:
			return nil, 0, err
		}
		root = &n[0]
	}
	return root, max(n[1].Line, 1), nil
}

// lineOf finds the line at which YAML goes wrong: the last one of the shortest
// beginning that goes wrong in the same way. The parser itself names another or
// none, which has to do for large files.
func lineOf(text []byte, err error) int {
	if len(text) > maxSearched {
		line := 0
		_, _ = fmt.Sscanf(err.Error(), "yaml: line %d:", &line)
		return line
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	ends := make([]int, len(lines))
	for i, end := 0, 0; i < len(lines); i++ {
		end += len(lines[i])
		ends[i] = end
	}
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		_, _, e := parse(text[:ends[i]])
		return e != nil && e.Error() == err.Error()
	})
}

var yamlLine = regexp.MustCompile(`^yaml: (line \d+: )?`)

// syntax returns what the YAML parser reports about a line, except for what it
// quotes: a password that begins with * looks like a reference.
func syntax(err error, line []byte) string {
	problem := yamlLine.ReplaceAllString(err.Error(), "")
	noToken := strings.Contains(problem, "cannot start any token")
	switch {
	case tabIndent.Match(line):
		problem = "a tab stands where spaces are needed, indent with spaces only"
	case noToken && tokenless.Match(line):
		problem = "a value that starts with @ or ` must be in quotes"
	case strings.HasPrefix(problem, "unknown anchor"):
		problem = "a value that starts with * refers to an anchor (&) that is not there before it, put the value in quotes"
	}
	return "is not valid YAML: " + problem
}

var (
	// tabIndent matches a line with a tab before its first text.
	tabIndent = regexp.MustCompile(`^[ -]*\t`)
	// tokenless matches a line with a value that starts as no YAML value may.
	tokenless = regexp.MustCompile("[:,\\[{-]\\s*[@`]")
)

// nthLine returns a line of a text, counted from 1; empty if there is none.
func nthLine(text []byte, n int) []byte {
	for range n - 1 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return line
}

// failAt reports an error in the file as a whole, at a line if that is known.
func (s *source) failAt(line int, problem string) {
	where := s.name
	if line > 0 {
		where = fmt.Sprintf("%s (line %d)", s.name, line)
	}
	s.add(fmt.Errorf("%s: %s", where, problem))
}

func (s *source) add(err error) {
	if len(s.errs) == maxErrors {
		s.more++
		return
	}
	s.errs = append(s.errs, err)
}

// errors are all errors in the file, and how many were one too many to keep.
func (s *source) errors() (all []error, more int) {
	if s.full != nil {
		return []error{s.full}, 0 // what was not read makes errors that are none
	}
	return s.errs, s.more
}

// join makes one error of many, at most maxErrors of them a line each; more have
// been left out already.
func join(all []error, more int) error {
	if left := len(all) - maxErrors; left > 0 {
		all, more = all[:maxErrors], more+left
	}
	if more > 0 {
		all = append(all[:len(all):len(all)], fmt.Errorf("and %d more errors", more))
	}
	return errors.Join(all...)
}
