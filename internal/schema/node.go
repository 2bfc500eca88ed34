package schema

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Node is a value in a file, with its location and the values below it.
type Node struct {
	doc      *Document
	parent   *Node
	schema   *Schema
	key      string // key in an object or map; "" in an array
	index    int    // index in an array
	line     int
	depth    int
	secret   bool       // never show the value or anything below it
	failed   bool       // an error has been reported here
	bad      bool       // an error has been reported here or below
	yaml     *yaml.Node // with aliases resolved
	children []*Node    // values of known keys, or elements of an array

	// Value is set by Schema.After.
	Value any
}

// Line returns the line of the key or the element.
func (n *Node) Line() int { return n.line }

// Bad reports whether there is an error in the value or below it.
func (n *Node) Bad() bool { return n.bad }

// Text returns a single value as written, or "" if n is nil or has an error.
func (n *Node) Text() string {
	if n == nil || n.failed {
		return ""
	}
	return n.yaml.Value
}

// FilePath returns the path in the value, resolved relative to the directory of the file.
func (n *Node) FilePath() string {
	if n.yaml.Value == "" || filepath.IsAbs(n.yaml.Value) {
		return n.yaml.Value
	}
	return filepath.Join(n.doc.dir, n.yaml.Value)
}

// Get returns the value of a key, or nil if it is not set or n is nil. The value may have
// errors.
func (n *Node) Get(key string) *Node {
	for _, c := range n.Elements() {
		if c.key == key {
			return c
		}
	}
	return nil
}

// Elements returns the values directly below this one. n may be nil.
func (n *Node) Elements() []*Node {
	if n == nil {
		return nil
	}
	return n.children
}

// Valid returns the elements that have no errors of their own. Values below them may have
// errors.
func (n *Node) Valid() []*Node {
	return slices.DeleteFunc(slices.Clone(n.Elements()), func(c *Node) bool { return c.failed })
}

// Key returns the key of a value in an object or a map.
func (n *Node) Key() string { return n.key }

// Forget drops the values below this one, to save memory once Value is set.
func (n *Node) Forget() { n.children = nil }

// Decode decodes the value like yaml.Unmarshal, without values that have errors but with
// defaults, and returns whether it succeeded. It does nothing if n is nil or has an error.
// If decoding fails, it reports an error that does not show the value.
func (n *Node) Decode(to any) bool {
	if n == nil || n.failed {
		return false
	}
	err := n.TryDecode(to)
	if err != nil {
		n.Fail("has an invalid value")
	}
	return err == nil
}

// TryDecode is like Decode, but returns the error, which may quote the value. n must not
// be nil.
func (n *Node) TryDecode(to any) error { return n.tree().Decode(to) }

// tree returns the value as a YAML node. Aliases and merges are resolved, values with
// errors are left out, and defaults are added.
func (n *Node) tree() *yaml.Node {
	if n.Null() {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	t := &yaml.Node{Kind: n.yaml.Kind, Tag: n.yaml.Tag, Value: n.yaml.Value}
	if t.Kind == yaml.ScalarNode {
		switch n.schema.Type {
		case Integer:
			number, _ := strconv.Atoi(t.Value) // for YAML, 0010 is 8
			t.Value, t.Tag = strconv.Itoa(number), "!!int"
		case Path, File:
			t.Value, t.Tag = n.FilePath(), "!!str"
		case Text, Duration:
			t.Tag = "!!str"
		}
	}
	add := func(key string, value *yaml.Node) {
		if t.Kind == yaml.MappingNode {
			t.Content = append(t.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key})
		}
		t.Content = append(t.Content, value)
	}
	for _, c := range n.Valid() {
		add(c.key, c.tree())
	}
	for _, k := range n.schema.Keys {
		if n.hasDefault(k) {
			add(k.Name, &yaml.Node{Kind: yaml.ScalarNode, Value: k.Default})
		}
	}
	return t
}

// hasDefault reports whether the default of a key applies.
func (n *Node) hasDefault(k Key) bool {
	return k.Default != "" && n.Get(k.Name) == nil && (n.schema.NoDefault == nil || !n.schema.NoDefault(n, k.Name))
}

// Null reports whether the value is null or empty.
func (n *Node) Null() bool {
	return n.yaml.Kind == yaml.ScalarNode && n.yaml.Tag == "!!null" && n.yaml.Style&yaml.TaggedStyle == 0
}

// Fail reports an error in this value.
func (n *Node) Fail(format string, args ...any) {
	n.failed = true
	n.doc.add(fmt.Errorf("%s: %w", n.Where(), fmt.Errorf(format, args...)))
}

// Where returns the file, path and line of the value.
func (n *Node) Where() string {
	path := n.Path()
	if path != "" {
		path = ": " + path
	}
	return fmt.Sprintf("%s%s (line %d)", n.doc.name, path, n.line)
}

// PlainKey matches keys that are shown without quotes.
var PlainKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// Path returns the path of the value in the file, such as upstreams[0].name.
func (n *Node) Path() string {
	var parts []string
	for ; n.parent != nil; n = n.parent {
		switch {
		case n.parent.yaml.Kind == yaml.SequenceNode:
			parts = append(parts, "["+strconv.Itoa(n.index)+"]")
		case PlainKey.MatchString(n.key):
			parts = append(parts, "."+n.key)
		case n.secret:
			parts = append(parts, ".?")
		default:
			parts = append(parts, fmt.Sprintf(".%.64q", n.key))
		}
	}
	slices.Reverse(parts)
	return strings.TrimPrefix(strings.Join(parts, ""), ".")
}
