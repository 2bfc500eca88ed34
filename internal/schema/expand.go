package schema

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// expandList returns the values of a list. It returns none for null.
func (n *Node) expandList() []*Node {
	if n.Null() || n.rejectTag() {
		return nil
	}
	all := make([]*Node, 0, len(n.yaml.Content))
	for i, y := range n.yaml.Content {
		c := n.child("", y.Line, y)
		if c == nil {
			break
		}
		c.index = i
		all = append(all, c)
	}
	return all
}

// expandMapping returns the values of a mapping. Its own values come before merged values
// (<<). It returns none for null.
func (n *Node) expandMapping() (all []*Node) {
	if n.Null() || n.rejectTag() || n.doc.tooLarge != nil {
		return nil
	}
	seen := make(map[string]bool, len(n.yaml.Content)/2)
	add := func(key string, line int, value *yaml.Node) {
		seen[key] = true
		if c := n.child(key, line, value); c != nil {
			all = append(all, c)
		}
	}
	n.eachPair(n.yaml, func(key string, line int, value *yaml.Node) {
		if seen[key] {
			n.failDuplicateKey(key, line)
		} else {
			add(key, line, value)
		}
	})
	n.merge(n.yaml, n.depth, func(key string, line int, value *yaml.Node) {
		if !seen[key] {
			add(key, line, value)
		}
	})
	return all
}

// failDuplicateKey reports a duplicate key. It does not show the key below a secret value.
func (n *Node) failDuplicateKey(key string, line int) {
	n.doc.values++
	if n.secret {
		at := *n
		at.line, n.failed = line, true
		at.Fail("has a duplicate key")
		return
	}
	(&Node{doc: n.doc, parent: n, key: key, line: line}).Fail("duplicate key")
}

// eachPair calls f for the entries of a mapping node, except merges.
func (n *Node) eachPair(m *yaml.Node, f func(key string, line int, value *yaml.Node)) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, line := m.Content[i], m.Content[i].Line
		tagged := key.Style&yaml.TaggedStyle != 0
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		} else if key.Tag == "!!merge" {
			continue
		}
		if key.Kind != yaml.ScalarNode || tagged {
			n.Fail("has a key that is not a string")
			continue
		}
		f(key.Value, line, m.Content[i+1])
	}
}

// merge calls add for the entries that << merges into a mapping.
func (n *Node) merge(m *yaml.Node, depth int, add func(key string, line int, value *yaml.Node)) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Tag != "!!merge" {
			continue
		}
		from := []*yaml.Node{m.Content[i+1]}
		if from[0].Kind == yaml.SequenceNode {
			from = from[0].Content
		}
		for _, other := range from {
			if other.Kind == yaml.AliasNode {
				other = other.Alias
			}
			if other.Kind != yaml.MappingNode {
				n.Fail("<< merges %s, use an alias of a mapping", kindName(other.Kind))
				continue
			}
			n.doc.values += len(other.Content) / 2
			if !n.doc.withinLimits(n, depth+1) {
				return
			}
			n.eachPair(other, add)
			n.merge(other, depth+1, add)
		}
	}
}

// child returns a new node for a value below this one, or nil if a limit is exceeded.
func (n *Node) child(key string, line int, y *yaml.Node) *Node {
	if y.Kind == yaml.AliasNode {
		y = y.Alias
	}
	c := &Node{doc: n.doc, parent: n, key: key, line: line, depth: n.depth + 1, secret: n.secret, yaml: y}
	if !n.doc.withinLimits(c, c.depth) {
		return nil
	}
	return c
}

// withinLimits counts a value, and reports whether it is within the limits.
func (d *Document) withinLimits(n *Node, depth int) bool {
	if depth > maxDepth {
		n.Fail("is nested more than %d levels deep", maxDepth)
		return false
	}
	d.values++
	if d.values > maxValues && d.tooLarge == nil {
		d.tooLarge = fmt.Errorf("%s: is too large: more than %d values in the file, including the values of each alias", n.Where(), maxValues)
	}
	return d.tooLarge == nil
}
