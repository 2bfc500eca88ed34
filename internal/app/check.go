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

// check reports every error that would prevent startup with these settings, and the
// errors and warnings about discovery files. It opens no connection.
func check(s settings, stdout, stderr io.Writer) error {
	warnings := s.Warnings()
	_, err := newSources(s.Discovery, nil)
	all := []error{checkClients(s.upstreams), err, checkPush(s.Config)}
	if err == nil && s.Command == config.ServeCmd {
		errs, more := checkFiles(s.Discovery.Files)
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

// checkFiles reads the discovery files once. A file that is not a list of target
// groups is an error. A missing file is a warning, because it may exist when the
// program starts. A target or label that would be left out is a warning as well.
func checkFiles(sources []discovery.FileConfig) (errs []error, warnings []string) {
	for _, s := range sources {
		for _, pattern := range s.Paths {
			paths, err := existingFiles(pattern)
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
					warnings = append(warnings, fmt.Sprintf("discovery.files: %s: dropping the labels instance and job, which Prometheus sets itself (targets: %d)", path, n))
				}
			}
		}
	}
	return errs, warnings
}

// existingFiles returns the files that match a pattern, or an error if there are none.
func existingFiles(pattern string) ([]string, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) > 0 {
		return paths, err
	}
	if _, err := os.Stat(filepath.Dir(pattern)); err != nil {
		return nil, fmt.Errorf("no such directory: %s", filepath.Dir(pattern))
	}
	return nil, errors.New("no such file")
}

// readOnce reads a discovery file in the same way as discovery does.
func readOnce(path string) (list discovery.List) {
	s, err := discovery.NewFile([]string{path})
	if err != nil {
		list.Err = err
		return list
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.Run(ctx, func(l discovery.List) { list = l; cancel() })
	return list
}
