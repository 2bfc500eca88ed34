package config

import (
	"fmt"
	"io"
	"strings"
)

// Write prints the configuration as YAML, with the origin of each value.
func (c *Config) Write(w io.Writer) error {
	var b strings.Builder
	section := ""
	for i := range options {
		o := &options[i]
		v, ok := c.values[o.name]
		if !ok || o.name == "config.check" || o.name == "config.print" {
			continue
		}
		first, key, _ := strings.Cut(o.name, ".")
		if key == "" {
			first, key = "collect", o.name
		}
		if first != section {
			section = first
			fmt.Fprintf(&b, "%s:\n", section)
		}
		text := strings.Join(v.texts, ", ")
		switch {
		case o.repeated:
			text = "[" + quoted(v.texts) + "]"
		case o.computed() && v.origin == "default":
			text = c.computed(o.name)
		case text == "" || strings.ContainsAny(text, `:#'"`):
			text = quoted(v.texts)
		}
		fmt.Fprintf(&b, "  %s: %s  # %s\n", key, text, v.origin)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// computed is the value of an option whose default depends on others.
func (c *Config) computed(name string) string {
	switch name {
	case "collect.timeout":
		return c.Settings.Timeout.String()
	case "request.timeout":
		return c.Settings.RequestTimeout.String()
	default:
		return c.Settings.MaxBackoff.String()
	}
}

func quoted(texts []string) string {
	if len(texts) == 0 {
		return `""`
	}
	q := make([]string, len(texts))
	for i, t := range texts {
		q[i] = fmt.Sprintf("%q", t)
	}
	return strings.Join(q, ", ")
}
