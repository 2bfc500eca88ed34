// Command generate writes the files that are generated from the code: pages of docs, and
// the schema of the configuration file in the chart. Its argument is the directory docs.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/betanet/betanet_exporter/internal/config"
	"github.com/betanet/betanet_exporter/internal/exposition"
)

// pages maps file names, relative to docs, to functions that return the new content,
// given the current content.
var pages = map[string]func(before string) (string, error){
	"metrics.md":       func(string) (string, error) { return exposition.Documentation(), nil },
	"configuration.md": func(string) (string, error) { return config.Documentation() },
	"../deploy/helm/betanet-exporter/values.schema.json": valuesSchema,
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate DIRECTORY")
		os.Exit(1)
	}
	for name, page := range pages {
		if err := update(filepath.Join(os.Args[1], name), page); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func update(path string, page func(string) (string, error)) error {
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	after, err := page(string(before))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(after), 0o644)
}

// valuesSchema replaces the definitions in the chart's schema, which must be its last
// key, with the definitions of the configuration file.
func valuesSchema(before string) (string, error) {
	const key = `  "definitions": `
	rest, _, found := strings.Cut(before, key)
	if !found {
		return "", errors.New("no definitions to replace")
	}
	root, definitions := config.JSONSchema()
	definitions["config"] = root
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("  ", "  ")
	if err := e.Encode(definitions); err != nil {
		return "", err
	}
	return rest + key + b.String() + "}\n", nil
}
