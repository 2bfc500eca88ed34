package schema

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Redacted is printed instead of a secret.
const Redacted = "<secret>"

// Print returns a valid value in one line of YAML, without its secrets.
func (n *Node) Print() string {
	s := n.schema
	if s.Hidden {
		return Redacted
	}
	var all []string
	for _, c := range n.below {
		text := c.Print()
		if n.yaml.Kind == yaml.MappingNode {
			text = Quote(c.key) + ": " + text
		}
		all = append(all, text)
	}
	switch s.Kind {
	case Object, Map:
		return "{" + strings.Join(all, ", ") + "}"
	case Array:
		return "[" + strings.Join(all, ", ") + "]"
	case Boolean:
		return n.Text()
	case Integer, Duration:
		return plain(s, n.Text())
	case Path, File:
		return Quote(n.FilePath())
	}
	if s.Shown != nil {
		return Quote(s.Shown(n.Text()))
	}
	return Quote(n.Text())
}

var plainText = regexp.MustCompile(`^[A-Za-z/_.][A-Za-z0-9_./*+-]*(:[0-9]+)?$`)

// Quote returns a text as a YAML value, in quotes where it could be taken for
// something else.
func Quote(text string) string {
	if out, err := yaml.Marshal(text); err != nil || string(out) != text+"\n" || !plainText.MatchString(text) {
		return strconv.Quote(text)
	}
	return text
}

// plain returns a number or a duration in its usual form.
func plain(s *Schema, text string) string {
	if d, err := time.ParseDuration(text); s.Kind == Duration && err == nil {
		return d.String()
	}
	if number, err := strconv.Atoi(text); err == nil {
		return strconv.Itoa(number)
	}
	return text
}

// Join returns the values of keys of an object, "" if the first is not set or not
// valid.
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

// Line is a line of what is printed. Its origin is file, default, or "" where it
// only begins a block.
type Line struct {
	Depth        int
	Text, Origin string
}

// Lines returns a valid value with a key in block style: a line for each key, of
// objects in arrays too, with those that have a default. What is not set or empty
// has none.
func (n *Node) Lines(depth int, key string) (all []Line) {
	if n == nil || n.Null() {
		return nil
	}
	switch s := n.schema; {
	case s.Kind == Object:
		for i := range s.Keys {
			all = append(all, n.Get(s.Keys[i].Name).Lines(depth+1, s.Keys[i].Name)...)
		}
	case s.Kind == Array && s.Elem.Kind == Object:
		for _, c := range n.below {
			all = append(all, c.element(depth+1)...)
		}
	case s.Kind != Array || len(n.below) > 0:
		return []Line{{depth, key + ": " + n.Print(), "file"}}
	}
	if all == nil {
		return nil
	}
	return append([]Line{{depth, key + ":", ""}}, all...)
}

// element returns the lines of an object in an array, in the order of the schema.
func (n *Node) element(depth int) (all []Line) {
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
