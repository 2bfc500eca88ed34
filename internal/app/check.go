package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/discovery"
)

// check reports everything that would keep the program from starting with a
// configuration that was loaded, and what discovery would find wrong in its files.
// It contacts nobody.
func check(c *config.Config, stdout, stderr io.Writer) error {
	warnings := c.Warnings()
	_, err := prepare(c.Discovery, nil)
	all := []error{usable(c.Upstreams()), err, checkPush(c)}
	if err == nil && c.Command == config.Serve {
		errs, more := checkFiles(c.Discovery.Files)
		all, warnings = append(all, errs...), append(warnings, more...)
	}
	for _, w := range warnings {
		fmt.Fprintf(stderr, "betanet_exporter: warning: %s\n", w)
	}
	if err := errors.Join(all...); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, "The configuration is valid.")
	return err
}

// checkFiles reads the files of discovery once. A file that exists and cannot be
// read as a list of groups is an error. What may change until the start, and what
// is left out while the rest is used, are warnings.
func checkFiles(sources []discovery.FileConfig) (errs []error, warnings []string) {
	for _, s := range sources {
		for _, pattern := range s.Paths {
			paths, err := filesOf(pattern)
			if err != nil {
				warnings = append(warnings, fmt.Sprintf("discovery.files: %s: %v", pattern, err))
			}
			for _, path := range paths {
				list := readOnce(path)
				if list.Err != nil {
					errs = append(errs, fmt.Errorf("discovery.files: %w", list.Err))
				}
				for _, text := range list.Rejected {
					warnings = append(warnings, fmt.Sprintf("discovery.files: target left out: %s", text))
				}
				if n := len(list.Stripped); n > 0 {
					warnings = append(warnings, fmt.Sprintf("discovery.files: %s: labels instance and job are dropped, targets: %d", path, n))
				}
			}
		}
	}
	return errs, warnings
}

// filesOf returns the files that exist of a path or pattern, with an error if
// there are none.
func filesOf(pattern string) ([]string, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) > 0 {
		return paths, err
	}
	if _, err := os.Stat(filepath.Dir(pattern)); err != nil {
		return nil, fmt.Errorf("no such directory: %s", filepath.Dir(pattern))
	}
	return nil, errors.New("no such file")
}

// readOnce reads a file of discovery as the exporter does.
func readOnce(path string) (list discovery.List) {
	s, err := discovery.NewFile([]string{path})
	if err != nil {
		list.Err = err
		return list
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.Run(ctx, func(l discovery.List) {
		list = l
		cancel()
	})
	return list
}
