package schema

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Redacted is printed in place of a secret.
const Redacted = "<secret>"

// Print returns a valid value as one line of YAML, without secrets.
func (n *Node) Print() string {
	s := n.schema
	if s.Hidden {
		return Redacted
	}
	var all []string
	for _, c := range n.children {
		text := c.Print()
		if n.yaml.Kind == yaml.MappingNode {
			text = QuoteYAML(c.key) + ": " + text
		}
		all = append(all, text)
	}
	switch s.Type {
	case Object, Map:
		return "{" + strings.Join(all, ", ") + "}"
	case Array:
		return "[" + strings.Join(all, ", ") + "]"
	case Boolean:
		return n.Text()
	case Integer, Duration:
		return canonical(s, n.Text())
	case Path, File:
		return QuoteYAML(n.FilePath())
	}
	if s.Shown != nil {
		return QuoteYAML(s.Shown(n.Text()))
	}
	return QuoteYAML(n.Text())
}

var plainText = regexp.MustCompile(`^[A-Za-z/_.][A-Za-z0-9_./*+-]*(:[0-9]+)?$`)

// QuoteYAML returns a text as a YAML value. It adds quotes unless YAML reads the plain
// text as the same string.
func QuoteYAML(text string) string {
	if out, err := yaml.Marshal(text); err != nil || string(out) != text+"\n" || !plainText.MatchString(text) {
		return strconv.Quote(text)
	}
	return text
}

// canonical returns a number or a duration in canonical form.
func canonical(s *Schema, text string) string {
	if d, err := time.ParseDuration(text); s.Type == Duration && err == nil {
		return d.String()
	}
	if number, err := strconv.Atoi(text); err == nil {
		return strconv.Itoa(number)
	}
	return text
}

// Join returns the values or defaults of keys of an object, separated by spaces, or "" if
// the first key is not set or not valid.
func (n *Node) Join(keys ...string) string {
	var all []string
	for i, key := range keys {
		of := n.schema.Key(key)
		switch c := n.Get(key); {
		case c != nil && !c.bad && !c.Null():
			all = append(all, c.Print())
		case i == 0:
			return ""
		case n.hasDefault(Key{key, of}):
			all = append(all, of.Default)
		}
	}
	return strings.Join(all, " ")
}

// Line is a printed line. Origin is file, default, or "" for a line that only begins a
// block.
type Line struct {
	Depth        int
	Text, Origin string
}

// Lines returns a valid value and its key in block style: one line for each key of an
// object and of each object in an array. It includes the defaults of objects in an array,
// and skips other values that are empty or not set.
func (n *Node) Lines(depth int, key string) (all []Line) {
	if n == nil || n.Null() {
		return nil
	}
	switch s := n.schema; {
	case s.Type == Object:
		for i := range s.Keys {
			all = append(all, n.Get(s.Keys[i].Name).Lines(depth+1, s.Keys[i].Name)...)
		}
	case s.Type == Array && s.Elem.Type == Object:
		for _, c := range n.children {
			all = append(all, c.elementLines(depth+1)...)
		}
	case s.Type != Array || len(n.children) > 0:
		return []Line{{depth, key + ": " + n.Print(), "file"}}
	}
	if all == nil {
		return nil
	}
	return append([]Line{{depth, key + ":", ""}}, all...)
}

// elementLines returns the lines of an object in an array.
func (n *Node) elementLines(depth int) (all []Line) {
	first := "- "
	for _, k := range n.schema.Keys {
		text, origin := k.Default, "default"
		if c := n.Get(k.Name); c != nil && !c.Null() {
			text, origin = c.Print(), "file"
		} else if !n.hasDefault(k) {
			continue
		}
		all = append(all, Line{depth, first + k.Name + ": " + text, origin})
		first = "  "
	}
	return all
}
