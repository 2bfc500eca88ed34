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

// Node is a value in a file, where it is, and what was found below it.
type Node struct {
	doc    *Document
	parent *Node
	schema *Schema
	key    string // in an object or map, "" in an array
	index  int    // in an array
	line   int
	depth  int
	secret bool       // nothing of what is below is ever shown
	failed bool       // it has been reported
	bad    bool       // it has been reported, or something below it has
	yaml   *yaml.Node // aliases followed
	below  []*Node    // keys that are known, or elements

	// Value is what Schema.After made of the value.
	Value any
}

// Line returns the line of the key or the element.
func (n *Node) Line() int { return n.line }

// Bad reports whether the value, or something in it, has been reported.
func (n *Node) Bad() bool { return n.bad }

// Text returns a single value as it is written, "" if there is none or it has been
// reported.
func (n *Node) Text() string {
	if n == nil || n.failed {
		return ""
	}
	return n.yaml.Value
}

// FilePath returns the path that a text is, relative to the folder of the file.
func (n *Node) FilePath() string {
	if n.yaml.Value == "" || filepath.IsAbs(n.yaml.Value) {
		return n.yaml.Value
	}
	return filepath.Join(n.doc.dir, n.yaml.Value)
}

// Get returns the value at keys below an object, nil if there is none. It may have
// been reported.
func (n *Node) Get(keys ...string) *Node {
	for _, k := range keys {
		if n == nil {
			return nil
		}
		i := slices.IndexFunc(n.below, func(c *Node) bool { return c.key == k })
		if i < 0 {
			return nil
		}
		n = n.below[i]
	}
	return n
}

// Elements returns what is below a map or an array, nothing of a nil node.
func (n *Node) Elements() []*Node {
	if n == nil {
		return nil
	}
	return n.below
}

// Valid returns the Elements that have not been reported. Something below them may
// have been.
func (n *Node) Valid() []*Node {
	return slices.DeleteFunc(slices.Clone(n.Elements()), func(c *Node) bool { return c.failed })
}

// Key returns the key of a value in an object or a map.
func (n *Node) Key() string { return n.key }

// Forget forgets what is below the value, to save memory once its Value is made.
func (n *Node) Forget() { n.below = nil }

// Decode decodes the value as YAML does, without what has been reported, and
// reports whether it did. It leaves everything as it is for a node that is nil or
// has been reported. After the check, an error is a fault of the schema; it is
// reported without the value.
func (n *Node) Decode(to any) bool {
	if n == nil || n.failed {
		return false
	}
	err := n.TryDecode(to)
	if err != nil {
		n.Fail("has a value that is not accepted")
	}
	return err == nil
}

// TryDecode decodes the value as YAML does. Errors may quote the value.
func (n *Node) TryDecode(to any) error { return n.tree().Decode(to) }

// tree returns a YAML node without aliases, merges and tags.
func (n *Node) tree() *yaml.Node {
	if n.Null() {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	}
	t := &yaml.Node{Kind: n.yaml.Kind, Tag: n.yaml.Tag, Value: n.yaml.Value}
	if t.Kind == yaml.ScalarNode {
		switch n.schema.Kind {
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

// hasDefault reports whether a key of an object has its default.
func (n *Node) hasDefault(k Key) bool {
	return k.Default != "" && n.Get(k.Name) == nil && (n.schema.NoDefault == nil || !n.schema.NoDefault(n, k.Name))
}

// Null reports whether nothing is set here.
func (n *Node) Null() bool {
	return n.yaml.Kind == yaml.ScalarNode && n.yaml.Tag == "!!null" && n.yaml.Style&yaml.TaggedStyle == 0
}

// Fail reports an error at this value.
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

// PlainKey matches the keys that are shown without quotes.
var PlainKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// Path returns the path from the top of the file, such as upstreams[0].name.
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
