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

// File is a source of files in Prometheus' file_sd format, JSON or YAML depending on the
// extension: [{"targets": ["host:port"], "labels": {"name": "value"}}].
//
// It reads all files at each refresh, so they may be replaced in any way; only a file that is
// written in place may be seen incomplete. If a file cannot be read or parsed, its last
// targets are kept, and the other files are used. A pattern without matches in an
// existing directory lists nothing. A missing directory, or a missing path that is not a
// pattern, is an error.
type File struct {
	// Refresh is the time between two reads, by default 5 s.
	Refresh time.Duration

	patterns []string
}

// NewFile returns a source of the files at paths, which may be patterns of [filepath.Match].
// It returns an error if there are no paths or if one is not valid.
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

// String returns "file:" followed by the paths, separated by commas.
func (f *File) String() string { return "file:" + strings.Join(f.patterns, ",") }

// Run implements [Source].
func (f *File) Run(ctx context.Context, found func(List)) {
	every := f.Refresh
	if every <= 0 {
		every = 5 * time.Second
	}
	r := fileReader{f.patterns, nil}
	repeat(ctx, every, func(context.Context) List { return r.read() }, found)
}

// fileReader reads the files of a source and keeps their documents between reads.
type fileReader struct {
	patterns []string
	known    map[string]*document // documents of the last read, by path
}

// maxErrors is the maximum number of errors in the text of one error.
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
		errs = append(errs, fmt.Sprintf("read %s: %v", path, causeOf[*fs.PathError](err)))
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
			fail(p, fmt.Errorf("brings the source to %d targets, at most %d are accepted", len(all.Targets)+len(list.Targets), maxTargets))
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
	// Nothing is known if every file failed and no targets remain.
	all.Partial = len(all.Targets) > 0 || len(errs) < len(paths)
	return all
}

// paths returns the files to read without duplicates. For a pattern whose directory
// cannot be read, it returns the files of the last read, in both all and kept.
func (r *fileReader) paths() (all, kept []string, err error) {
	for _, p := range r.patterns {
		files, failed := glob(p)
		if failed != nil {
			err = cmp.Or(err, failed)
			for known := range r.known {
				if matches, _ := filepath.Match(p, known); matches { // NewFile checked the pattern
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

// glob returns the files that match a pattern. Unlike [filepath.Glob], it reports a
// directory that cannot be read as an error, because its files may still exist.
func glob(pattern string) ([]string, error) {
	if !isPattern(pattern) {
		return []string{pattern}, nil
	}
	dir := filepath.Dir(pattern)
	for isPattern(dir) {
		dir = filepath.Dir(dir)
	}
	if _, err := os.ReadDir(dir); err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, causeOf[*fs.PathError](err))
	}
	return filepath.Glob(pattern)
}

func isPattern(path string) bool { return strings.ContainsAny(path, `*?[\`) }

// readFile reads a file into its document.
func readFile(path string, d *document) List {
	// Opening a named pipe could block forever.
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

func formatOf(path string) parser {
	switch filepath.Ext(path) {
	case ".json":
		return readJSON
	case ".yml", ".yaml":
		return readYAML
	default:
		return nil
	}
}
