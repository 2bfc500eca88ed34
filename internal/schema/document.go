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

// Bounds of a configuration file. They are far above what anyone needs, and
// keep a file with nested aliases from using up the machine.
const (
	maxFile     = 8 << 20
	maxDepth    = 32
	maxValues   = 500_000 // read, aliases included
	MaxErrors   = 1000    // kept
	maxText     = 4096    // bytes of one text
	maxSearched = 1 << 20 // in which the line of an error is looked for
)

// Document is a file that has been read and checked.
type Document struct {
	// Root is what the file contains as far as it is valid, nil for nothing.
	Root *Node

	name  string // as the user gave it
	where string // flag or variable that named it
	dir   string // to which files in it are relative

	errs     []error
	more     int   // errors beyond those that are kept
	values   int   // read so far
	tooLarge error // they are too many

	readable map[string]error // whether files can be read, by path
}

// Read reads and checks the file with a name, which the user gave by where: a flag
// or a variable.
func Read(name, where string, s *Schema) *Document {
	d := &Document{name: name, where: where, dir: filepath.Dir(name), readable: make(map[string]error)}
	if y := d.read(); y != nil {
		d.Root, d.values = &Node{doc: d, yaml: y, line: y.Line, depth: 1}, 1
		if d.Root.check(s); d.tooLarge != nil {
			d.Root = nil // what was not read would look missing
		}
	}
	return d
}

// Errors returns the errors in the file, at most MaxErrors of them, and how many
// there are beyond those.
func (d *Document) Errors() (all []error, more int) {
	if d.tooLarge != nil {
		return []error{d.tooLarge}, 0
	}
	return d.errs, d.more
}

func (d *Document) count() int { return len(d.errs) + d.more }

func (d *Document) full() bool { return len(d.errs) == MaxErrors }

// read reads the one YAML document of the file. It returns nil for a file that
// cannot be read, for reasons in the errors, and for one without a value.
func (d *Document) read() *yaml.Node {
	text, err := readFile(d.name)
	if err != nil {
		d.add(fmt.Errorf("%s: %s: %w", d.where, d.name, err))
		return nil
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // with which some editors begin a file
	if len(bytes.TrimSpace(text)) == 0 {
		// To a reload, a file that is just being written would mean that no upstream
		// is wanted any more.
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
		d.failAt(line, syntax(err, bytes.Split(text, []byte("\n"))[max(line, 1)-1]))
		return nil
	case second > 0:
		d.failAt(second, "a second document is not accepted, use one file with one document")
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
		return nil, fmt.Errorf("more than %d MiB, use a smaller file or discovery", maxFile>>20)
	}
	return text, nil
}

// Cause returns an error about a file without the file's name.
func Cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// invalidLine returns the first line that is not text, 0 if there is none.
func invalidLine(text []byte) int {
	control := func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' || r == 0x7f }
	for i, line := range bytes.Split(text, []byte("\n")) {
		if !utf8.Valid(line) || bytes.ContainsFunc(line, control) {
			return i + 1
		}
	}
	return 0
}

// Parse parses YAML: its first document, nil if it has none, and the line of its
// second one, 0 if it has none.
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
	return 1 + sort.Search(len(lines)-1, func(i int) bool {
		_, _, e := Parse(bytes.Join(lines[:i+1], nil))
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
		problem = "a tab where spaces are needed, indent with spaces only"
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

// failAt reports an error in the file as a whole, at a line if that is known.
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

// readableOnce is Readable, which it calls once for each file.
func (d *Document) readableOnce(path string) error {
	err, known := d.readable[path]
	if !known {
		err = Readable(path)
		d.readable[path] = err
	}
	return err
}

// Readable returns an error if a file cannot be read. It opens only regular files,
// because opening a pipe may block.
func Readable(path string) error {
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
