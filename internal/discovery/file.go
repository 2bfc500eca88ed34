package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// File is a source of files in Prometheus' format file_sd, JSON or YAML by
// their extension: [{"targets": ["host:port"], "labels": {"name": "value"}}].
//
// All files are read again each time, so that it does not matter how they are
// replaced; only a file that is written in place may be seen half. A file that
// cannot be read or parsed keeps the targets that it had, and the others are used.
// A pattern that matches no file in a directory that is there lists nothing; a
// directory, or a path without a pattern, that is not there is an error.
type File struct {
	// Refresh is the time between two reads, 0 for 5 s.
	Refresh time.Duration

	patterns []string
}

// NewFile makes the source of the files at paths, which may be patterns as in
// [filepath.Match].
func NewFile(paths []string) (*File, error) {
	if len(paths) == 0 {
		return nil, errors.New("want at least one path")
	}
	f := &File{patterns: slices.Clone(paths)}
	for _, p := range paths {
		if formatOf(p) == nil {
			return nil, fmt.Errorf("%q: want a path or pattern that ends in .json, .yml or .yaml", p)
		}
		if _, err := filepath.Match(p, ""); err != nil {
			return nil, fmt.Errorf("%q: %w", p, err)
		}
	}
	return f, nil
}

// String is file: and the paths, with commas between them.
func (f *File) String() string { return "file:" + strings.Join(f.patterns, ",") }

// Run is that of [Source].
func (f *File) Run(ctx context.Context, found func(List)) {
	every := f.Refresh
	if every <= 0 {
		every = 5 * time.Second
	}
	r := fileReader{f.patterns, nil}
	watch(ctx, every, func(context.Context) List { return r.read() }, found)
}

type fileReader struct {
	patterns []string
	known    map[string]*document // by path, of the read before
}

// maxErrors is how many errors of files a list names.
const maxErrors = 3

// read reads all files.
func (r *fileReader) read() List {
	paths, kept, err := r.paths()
	before := r.known
	r.known = make(map[string]*document, len(paths))
	var all List
	var errs []string
	if err != nil {
		errs = append(errs, err.Error())
	}
	fail := func(path string, err error) {
		errs = append(errs, fmt.Sprintf("read %s: %v", path, withoutPath(err)))
	}
	for _, p := range paths {
		d := before[p]
		if d == nil {
			d = new(document)
		}
		r.known[p] = d
		list := d.list
		if !slices.Contains(kept, p) {
			if list = readFile(p, d); list.Err != nil {
				fail(p, list.Err)
			}
		}
		if len(all.Targets)+len(list.Targets) > maxTargets {
			fail(p, fmt.Errorf("with the files before it lists %d targets, at most %d are accepted", len(all.Targets)+len(list.Targets), maxTargets))
			continue
		}
		all.Targets = append(all.Targets, list.Targets...)
		all.Stripped = append(all.Stripped, list.Stripped...)
		for _, text := range list.Rejected {
			all.Rejected = append(all.Rejected, p+": "+text)
		}
	}
	if len(errs) == 0 {
		return all
	}
	text := strings.Join(errs[:min(len(errs), maxErrors)], "; ")
	if more := len(errs) - maxErrors; more > 0 {
		text += fmt.Sprintf("; and %d more errors", more)
	}
	all.Err = errors.New(text)
	// With nothing read and nothing kept there is nothing to go by.
	all.Partial = len(all.Targets) > 0 || len(errs) < len(paths)
	return all
}

// paths are the files that there are, each once. Of a pattern whose directory
// cannot be read they are the files that were read there last: these are kept.
func (r *fileReader) paths() (all, kept []string, err error) {
	for _, p := range r.patterns {
		files, failed := glob(p)
		if failed != nil {
			err = cmp.Or(err, failed)
			for known := range r.known {
				if matches, _ := filepath.Match(p, known); matches { // the pattern was checked
					files, kept = append(files, known), append(kept, known)
				}
			}
		}
		for _, f := range files {
			all = append(all, filepath.Clean(f))
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > maxFiles {
		return all[:maxFiles], kept, fmt.Errorf("%d files match, at most %d are accepted", len(all), maxFiles)
	}
	return all, kept, err
}

// glob gives the files that a pattern matches. A directory that is not there, or
// cannot be read, is an error, other than in [filepath.Glob]: its files may not be
// gone.
func glob(pattern string) ([]string, error) {
	if !isPattern(pattern) {
		return []string{pattern}, nil
	}
	dir := filepath.Dir(pattern)
	for isPattern(dir) {
		dir = filepath.Dir(dir)
	}
	if _, err := os.ReadDir(dir); err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, withoutPath(err))
	}
	return filepath.Glob(pattern)
}

func isPattern(path string) bool { return strings.ContainsAny(path, `*?[\`) }

// readFile reads a file, of which a document that could not be read keeps what it
// had.
func readFile(path string, d *document) List {
	// Opening a pipe could wait forever.
	switch info, err := os.Stat(path); {
	case err != nil:
		return d.failed(err)
	case !info.Mode().IsRegular():
		return d.failed(errors.New("is not a regular file"))
	}
	f, err := os.Open(path)
	if err != nil {
		return d.failed(err)
	}
	defer f.Close()
	return d.read(f, formatOf(path))
}

func formatOf(path string) func([]byte, *listing) error {
	switch filepath.Ext(path) {
	case ".json":
		return readJSON
	case ".yml", ".yaml":
		return readYAML
	default:
		return nil
	}
}

// withoutPath is the cause alone, where the path is said already.
func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
