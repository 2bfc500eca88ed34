package discovery

import (
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
// replaced; only a file that is written in place may be seen half. A pattern
// that matches nothing is an empty list, and a path without a pattern names a
// file that must be there.
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
func (f *File) Run(ctx context.Context, found func([]Target, error)) {
	every := f.Refresh
	if every <= 0 {
		every = 5 * time.Second
	}
	r := fileReader{f.patterns, nil}
	watch(ctx, every, func(context.Context) ([]Target, error) { return r.read() }, found)
}

type fileReader struct {
	patterns []string
	known    map[string]*document // by path, of the read before
}

// read reads all files. The first mistake is that of the whole.
func (r *fileReader) read() ([]Target, error) {
	paths, err := r.paths()
	if err != nil {
		return nil, err
	}
	before := r.known
	r.known = make(map[string]*document, len(paths))
	var all []Target
	var first error
	for _, p := range paths {
		d := before[p]
		if d == nil {
			d = new(document)
		}
		r.known[p] = d
		if first != nil {
			continue
		}
		list, err := readFile(p, d)
		switch {
		case err != nil:
			first = fmt.Errorf("read %s: %w", p, withoutPath(err))
		case len(all)+len(list) > maxTargets:
			first = fmt.Errorf("read %s: with the files before it lists %d targets, at most %d are accepted", p, len(all)+len(list), maxTargets)
		}
		all = append(all, list...)
	}
	if first != nil {
		return nil, first
	}
	return all, nil
}

// paths are the files that there are, each once.
func (r *fileReader) paths() ([]string, error) {
	var all []string
	for _, p := range r.patterns {
		files, err := glob(p)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			all = append(all, filepath.Clean(f))
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > maxFiles {
		return nil, fmt.Errorf("%d files match, at most %d are accepted", len(all), maxFiles)
	}
	return all, nil
}

// glob gives the files that a pattern matches. A directory that cannot be read
// is an error, other than in [filepath.Glob]: its files are not gone.
func glob(pattern string) ([]string, error) {
	if !isPattern(pattern) {
		return []string{pattern}, nil
	}
	if dir := filepath.Dir(pattern); !isPattern(dir) {
		if _, err := os.ReadDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read %s: %w", dir, withoutPath(err))
		}
	}
	return filepath.Glob(pattern)
}

func isPattern(path string) bool { return strings.ContainsAny(path, `*?[\`) }

func readFile(path string, d *document) ([]Target, error) {
	// Opening a pipe could wait for ever.
	switch info, err := os.Stat(path); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
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
