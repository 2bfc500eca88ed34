package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// patch is one mutant: a unified diff below a header such as
//
//	Accept port 65536 in the URL of an upstream.
//	Kill: ./internal/config -run ^TestPorts$
//	Env: BETANET_FAULTS=all
//
// The first line describes the change. Each Kill line has a package and flags for its
// tests, and each of these runs must fail. Env and Survives are optional. Survives names
// tests that do not notice the change, and why.
type patch struct {
	pkg, file string
	title     string
	kills     []kill
	env       []string
}

// kill is a test run that must fail.
type kill struct {
	dir   string   // of the package, such as ./internal/config
	flags []string // of the test binary
}

func (k kill) String() string { return k.dir + " " + strings.Join(k.flags, " ") }

// name returns the name of the mutant, such as config/port-too-large.
func (p *patch) name() string {
	return p.pkg + "/" + strings.TrimSuffix(filepath.Base(p.file), ".patch")
}

// readPatches reads the chosen patches, sorted by name. A choice that matches no patch is an
// error.
func readPatches(dir string, chosen []string) ([]*patch, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.patch"))
	if err != nil {
		return nil, err
	}
	used := make([]bool, len(chosen))
	var all []*patch
	for _, file := range files {
		p := &patch{pkg: filepath.Base(filepath.Dir(file)), file: file}
		wanted := len(chosen) == 0
		for i, c := range chosen {
			if matched, _ := path.Match(c, p.name()); matched || c == p.pkg {
				wanted, used[i] = true, true
			}
		}
		if wanted {
			if err := p.read(); err != nil {
				return nil, fmt.Errorf("%s: %w", p.name(), err)
			}
			all = append(all, p)
		}
	}
	for i, c := range chosen {
		if !used[i] {
			return nil, fmt.Errorf("no mutant matches %q, use a package or package/name", c)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no mutants in %s", dir)
	}
	return all, nil
}

// read reads the header of the patch.
func (p *patch) read() error {
	text, err := os.ReadFile(p.file)
	if err != nil {
		return err
	}
	header, _, found := strings.Cut(string(text), "\n--- ")
	if !found {
		return fmt.Errorf("has no diff")
	}
	for i, line := range strings.Split(strings.TrimRight(header, "\n"), "\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch fields := strings.Fields(value); {
		case i == 0:
			p.title = line
		case key == "Kill" && len(fields) > 0:
			k, err := readKill(fields)
			if err != nil {
				return err
			}
			p.kills = append(p.kills, k)
		case key == "Env" && len(fields) == 1:
			p.env = append(p.env, fields[0])
		case key != "Survives":
			return fmt.Errorf("line %d of the header is not a Kill, Env or Survives line: %s", i+1, line)
		}
	}
	if p.title == "" || strings.HasPrefix(p.title, "Kill:") || len(p.kills) == 0 {
		return fmt.Errorf("the header needs a title and a Kill line")
	}
	return nil
}

// readKill reads a package, -run and a pattern, and further flags for the test binary.
func readKill(fields []string) (kill, error) {
	k := kill{dir: fields[0]}
	flags := fields[1:]
	if len(flags) < 2 || flags[0] != "-run" {
		return k, fmt.Errorf("want Kill: PACKAGE -run PATTERN [FLAG]..., got %v", fields)
	}
	if _, err := regexp.Compile(flags[1]); err != nil {
		return k, err
	}
	k.flags = append([]string{"-test.run", flags[1]}, flags[2:]...)
	return k, nil
}
