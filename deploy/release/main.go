// Command release builds the files of a release: an archive for each platform, the
// Helm chart, a list of the modules in the program (SBOM), and checksums. It releases
// only the commit of a tag, and the same tag gives the same bytes.
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// platforms lists the platforms that get an archive.
var platforms = []platform{
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"windows", "amd64"},
	{"windows", "arm64"},
}

func main() {
	ldflags := flag.String("ldflags", "", "flags for the linker")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: release [-ldflags FLAGS] VERSION DIRECTORY, in the root of the repository")
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(1)
	}
	if err := release(flag.Arg(0), *ldflags, flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func release(version, ldflags, dir string) error {
	modified, err := tagTime(version)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	program := "betanet_exporter-" + version
	builders := make(map[string]func() ([]byte, error)) // by file name
	for _, p := range platforms {
		name := program + "." + p.os + "-" + p.arch
		builders[name+p.extension()] = func() ([]byte, error) {
			entries, err := p.entries(ldflags)
			if err != nil {
				return nil, err
			}
			return p.pack(name, entries, modified)
		}
	}
	builders["betanet-exporter-"+version+".tgz"] = func() ([]byte, error) { return chart(version, modified) }
	builders[program+".cdx.json"] = billOfMaterials
	return write(dir, builders)
}

// write builds and writes the files and, last, their checksums.
func write(dir string, builders map[string]func() ([]byte, error)) error {
	sums := make(checksums)
	for _, name := range slices.Sorted(maps.Keys(builders)) {
		b, err := builders[name]()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return err
		}
		sums.add(name, b)
		fmt.Println(filepath.Join(dir, name))
	}
	return os.WriteFile(filepath.Join(dir, "sha256sums.txt"), sums.text(), 0o644)
}
