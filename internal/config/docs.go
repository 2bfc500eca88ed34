package config

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/betanet/betanet_exporter/internal/schema"
)

var (
	//go:embed configuration.md.tmpl
	pageTemplate string

	// exampleFile is shown in the documentation.
	//
	//go:embed example.yml
	exampleFile string
)

// Documentation returns the content of docs/configuration.md: the options of each
// command and the keys of the file.
func Documentation() (string, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"commands": func() []string { return []string{DemoCmd, SimulateCmd, CollectCmd} },
		"options":  optionTable,
		"example":  func() string { return exampleFile },
		"keys":     fileTable,
		"settings": settingsTable,
	}).Parse(pageTemplate)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, nil)
	return b.String(), err
}

// optionTable returns a table of the options that only this command has. The table of
// serve also has the options that several commands share.
func optionTable(command string) string {
	var b strings.Builder
	b.WriteString("| flag | variable | default | meaning |\n|---|---|---|---|\n")
	for _, o := range options {
		if only := o.onlyOf(); only != command && (command != ServeCmd || only != "") {
			continue
		}
		def := o.def
		if o.computed() {
			def = strings.Trim(def, "()")
		} else if def != "" {
			def = "`" + def + "`"
		}
		fmt.Fprintf(&b, "| `--%s` | `%s` | %s | %s |\n", o.name, o.variable(), def, o.help)
	}
	return b.String()
}

// fileTable returns table rows for the keys of the file, except the keys that defaults and
// upstreams share.
func fileTable() string {
	var b strings.Builder
	s := fileSchema()
	common := s.Key("defaults")
	var add func(path string, s *schema.Schema)
	add = func(path string, s *schema.Schema) {
		if s.Doc != "" {
			keyRow(&b, path, s)
		}
		if s.Elem != nil {
			path, s = path+"[]", s.Elem
		}
		for _, k := range s.Keys {
			if s != common && common.Key(k.Name) != k.Schema && s.Name == "" {
				add(strings.TrimPrefix(path+"."+k.Name, "."), k.Schema)
			}
		}
	}
	add("", s)
	return b.String()
}

// settingsTable returns table rows for the keys that defaults and upstreams share.
func settingsTable() string {
	var b strings.Builder
	for _, o := range options {
		if o.upstream {
			fmt.Fprintf(&b, "| `%s` | like `--%s` |\n", o.keyPath(), o.name)
		}
	}
	defaults := fileSchema().Key("defaults")
	for _, name := range []string{"labels", "http_client"} {
		keyRow(&b, name, defaults.Key(name))
	}
	return b.String()
}

func keyRow(b *strings.Builder, path string, s *schema.Schema) {
	def := ""
	if s.Default != "" {
		def = " Default: " + s.Default + "."
	}
	fmt.Fprintf(b, "| `%s` | %s%s |\n", path, s.Doc, def)
}

// JSONSchema returns the JSON Schema of the file and the definitions that it refers
// to as #/definitions/NAME.
func JSONSchema() (root, definitions map[string]any) { return fileSchema().JSON() }

// writeSchema writes the JSON Schema of the file.
func writeSchema(w io.Writer) error {
	root, definitions := JSONSchema()
	root["$schema"], root["title"], root["definitions"] = "http://json-schema.org/draft-07/schema#", "Configuration file of betanet_exporter (--config.file)", definitions
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(root)
}
