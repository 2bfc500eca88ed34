// Command generate writes the pages of docs that come from the code, into the
// folder given as its argument.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/exposition"
)

var pages = map[string]func() string{
	"metrics.md":       exposition.Documentation,
	"configuration.md": config.Documentation,
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate FOLDER")
		os.Exit(1)
	}
	for name, page := range pages {
		if err := os.WriteFile(filepath.Join(os.Args[1], name), []byte(page()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
