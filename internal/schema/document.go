package schema

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

// Limits of a file, far above normal use. They bound the memory and time that reading it
// takes, even if it has nested aliases.
const (
	maxFile     = 8 << 20 // bytes
	maxDepth    = 32      // levels of nesting
	maxValues   = 500_000 // values, including the values of each alias
	MaxErrors   = 1000    // errors that are kept; further errors are only counted
	maxText     = 4096    // bytes of a single value
	maxSearched = 1 << 20 // bytes of a file in which lineOf searches
)

// Document is a file that has been read and checked against a schema.
type Document struct {
	// Root is the value in the file, or nil if there is none or it could not be read.
	// Errors returns its errors.
	Root *Node

	name  string // as the user wrote it
	where string // flag or variable that names it
	dir   string // directory to which paths in the file are relative

	errs     []error
	more     int   // errors that are only counted
	values   int   // number of values read so far
	tooLarge error // set when there are more than maxValues

	readable map[string]error // results of CheckReadable, by path
}

// Read reads a file and checks it. where is the flag or variable that names the file; an
// error begins with it if the file is empty or cannot be read.
func Read(name, where string, s *Schema) *Document {
	d := &Document{name: name, where: where, dir: filepath.Dir(name), readable: make(map[string]error)}
	if y := d.read(); y != nil {
		d.Root, d.values = &Node{doc: d, yaml: y, line: y.Line, depth: 1}, 1
		if d.Root.check(s); d.tooLarge != nil {
			d.Root = nil // values that were not read would look missing
		}
	}
	return d
}

// Errors returns at most MaxErrors errors in the file, and the number of further errors.
func (d *Document) Errors() (all []error, more int) {
	if d.tooLarge != nil {
		return []error{d.tooLarge}, 0
	}
	return d.errs, d.more
}

func (d *Document) errorCount() int { return len(d.errs) + d.more }

func (d *Document) full() bool { return len(d.errs) == MaxErrors }

// read reads the YAML document of the file. It returns nil after an error, and for a
// file without a value.
func (d *Document) read() *yaml.Node {
	text, err := readFile(d.name)
	if err != nil {
		d.add(fmt.Errorf("%s: %s: %w", d.where, d.name, err))
		return nil
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // byte order mark
	if len(bytes.TrimSpace(text)) == 0 {
		// Do not let a reload remove all upstreams while the file is being written.
		d.add(fmt.Errorf("%s: %s: is empty, use a file with at least a comment", d.where, d.name))
		return nil
	}
	if line := invalidLine(text); line > 0 {
		d.failAt(line, "is not UTF-8 text, or contains control characters")
		return nil
	}
	root, second, err := Parse(text)
	switch {
	case err != nil:
		line := lineOf(text, err)
		d.failAt(line, syntaxProblem(err, bytes.Split(text, []byte("\n"))[max(line, 1)-1]))
		return nil
	case second > 0:
		d.failAt(second, "contains a second document, use one document per file")
		return nil
	case root == nil || len(root.Content) == 0:
		return nil
	}
	y := root.Content[0]
	if y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	return y
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, Cause(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, Cause(err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("is larger than %d MiB, use a smaller file or discovery", maxFile>>20)
	}
	return text, nil
}

// Cause removes the file name from an error about a file.
func Cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// invalidLine returns the number of the first line that is not UTF-8 or has a control
// character, or 0 if there is none.
func invalidLine(text []byte) int {
	control := func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' || r == 0x7f }
	for i, line := range bytes.Split(text, []byte("\n")) {
		if !utf8.Valid(line) || bytes.ContainsFunc(line, control) {
			return i + 1
		}
	}
	return 0
}

// Parse parses YAML. It returns the first document, or nil if there is none, and the line
// of the second document, or 0 if there is none.
func Parse(text []byte) (root *yaml.Node, second int, err error) {
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

// lineOf returns the line of a syntax error: the last line of the shortest prefix of the
// text that has the same error. The parser often reports another line or none. For a
// large file, lineOf returns the line that the parser reports, or 0.
func lineOf(text []byte, err error) int {
	if len(text) > maxSearched {
		line := 0
		_, _ = fmt.Sscanf(err.Error(), "yaml: line %d:", &line)
		return line
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		_, _, e := Parse(bytes.Join(lines[:i+1], nil))
		return e != nil && e.Error() == err.Error()
	})
}

var yamlLine = regexp.MustCompile(`^yaml: (line \d+: )?`)

// syntaxProblem describes a syntax error without quoting the file. The parser would quote
// a password that begins with *, because it is an alias in YAML.
func syntaxProblem(err error, line []byte) string {
	problem := yamlLine.ReplaceAllString(err.Error(), "")
	noToken := strings.Contains(problem, "cannot start any token")
	switch {
	case tabIndent.Match(line):
		problem = "a tab where spaces are needed, indent with spaces only"
	case noToken && reservedStart.Match(line):
		problem = "a value that starts with @ or ` must be in quotes"
	case strings.HasPrefix(problem, "unknown anchor"):
		problem = "a value that starts with * refers to an anchor (&) that is not defined before it, put the value in quotes"
	}
	return "is not valid YAML: " + problem
}

var (
	// tabIndent matches a line that is indented with a tab.
	tabIndent = regexp.MustCompile(`^[ -]*\t`)
	// reservedStart matches a line with a value that starts with a reserved character.
	reservedStart = regexp.MustCompile("[:,\\[{-]\\s*[@`]")
)

// failAt reports an error at a line of the file. The line is 0 if it is unknown.
func (d *Document) failAt(line int, problem string) {
	where := d.name
	if line > 0 {
		where = fmt.Sprintf("%s (line %d)", d.name, line)
	}
	d.add(fmt.Errorf("%s: %s", where, problem))
}

func (d *Document) add(err error) {
	if d.full() {
		d.more++
		return
	}
	d.errs = append(d.errs, err)
}

// checkReadableOnce is like CheckReadable but caches the results.
func (d *Document) checkReadableOnce(path string) error {
	err, known := d.readable[path]
	if !known {
		err = CheckReadable(path)
		d.readable[path] = err
	}
	return err
}

// CheckReadable returns an error if a file cannot be read. It opens only regular files,
// because opening a pipe may block.
func CheckReadable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		err = errors.New("is a directory")
	case err == nil && info.Mode().IsRegular():
		var f *os.File
		if f, err = os.Open(path); err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, Cause(err))
	}
	return nil
}
