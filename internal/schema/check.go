package schema

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// check checks the value and everything below it.
func (n *Node) check(s *Schema) {
	n.schema, n.secret = s, n.secret || s.Secret
	before := n.doc.errorCount()
	var ok bool
	switch s.Type {
	case Object:
		ok = n.checkObject()
	case Map:
		ok = n.checkMap()
	case Array:
		ok = n.checkArray()
	case Any:
		n.checkAny()
	default:
		n.checkText()
	}
	n.bad = n.doc.errorCount() > before
	if ok && s.After != nil {
		s.After(n)
		n.bad = n.doc.errorCount() > before
	}
}

// checkKind reports an error and returns false if the value is not a YAML node of this
// kind. Null is accepted as any kind.
func (n *Node) checkKind(kind yaml.Kind) bool {
	if n.Null() || n.yaml.Kind == kind {
		return true
	}
	n.Fail("is %s, use %s", kindName(n.yaml.Kind), kindName(kind))
	return false
}

func kindName(kind yaml.Kind) string {
	switch kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}

// rejectTag reports an error and returns true if the value has a tag such as !!binary.
func (n *Node) rejectTag() bool {
	if n.yaml.Style&yaml.TaggedStyle == 0 {
		return false
	}
	n.Fail("a YAML tag (!) is not supported, use the value without it, in quotes if necessary")
	return true
}

func (n *Node) checkObject() bool {
	s := n.schema
	if n.Null() && len(s.ExactlyOneOf) > 0 {
		n.Fail("has no value, use a mapping with %s", OneOf(s.ExactlyOneOf))
		return false
	}
	if !n.checkKind(yaml.MappingNode) {
		return false
	}
	var present []string
	for _, c := range n.expandMapping() {
		present = append(present, c.key)
		if k := s.Key(c.key); k != nil {
			n.children = append(n.children, c)
			c.check(k)
		} else {
			n.failUnknownKey(c)
		}
	}
	n.checkExactlyOne(present)
	return !n.Null()
}

// failUnknownKey reports an unknown key. Below a secret value it shows the key only if it
// resembles a known key, because {password:hunter2} is a key in YAML.
func (n *Node) failUnknownKey(c *Node) {
	if n.doc.full() {
		n.doc.more++
		return
	}
	known := n.schema.names()
	near, ok := Suggest(c.key, known)
	switch {
	case ok:
		c.Fail("unknown key, did you mean %q?", near)
	case n.secret:
		n.Fail("has an unknown key, use %s", OneOf(known))
	default:
		c.Fail("unknown key, use %s", OneOf(known))
	}
}

// checkExactlyOne reports an error unless the object has exactly one of the keys in
// ExactlyOneOf. If none is present, but an unknown key is probably a misspelling of one, it
// reports nothing, because that key has already been reported.
func (n *Node) checkExactlyOne(present []string) {
	var first string
	keys := n.schema.ExactlyOneOf
	for _, k := range keys {
		switch c := n.Get(k); {
		case c != nil && first != "":
			c.Fail("must not be set together with %s, use one of the two", first)
		case c != nil:
			first = k
		}
	}
	mistyped := func(k string) bool { _, near := Suggest(k, keys); return near }
	switch {
	case first != "" || slices.ContainsFunc(present, mistyped):
	case len(keys) == 1:
		n.Fail("has no %s", keys[0])
	case len(keys) > 1:
		n.Fail("has no %s, use %s", keys[0], OneOf(keys))
	}
}

func (n *Node) checkMap() bool {
	if !n.checkKind(yaml.MappingNode) {
		return false
	}
	for _, c := range n.expandMapping() {
		n.children = append(n.children, c)
		switch err := n.checkKey(c.key); {
		case err != nil && n.secret:
			n.Fail("has a key that %w", err)
		case err != nil:
			c.Fail("%w", err)
		case c.Null():
			c.Fail("has no value")
		default:
			c.check(n.schema.Elem)
			continue
		}
		c.failed, c.bad = true, true
	}
	return !n.Null()
}

func (n *Node) checkKey(key string) error {
	if n.schema.MapKey == nil {
		return nil
	}
	return n.schema.MapKey.checkText(key, n.secret)
}

func (n *Node) checkArray() bool {
	s := n.schema
	if s.AtLeastOne != "" && (n.Null() || n.yaml.Kind == yaml.SequenceNode && len(n.yaml.Content) == 0) {
		n.Fail("is empty, use at least one %s", s.AtLeastOne)
	}
	if !n.checkKind(yaml.SequenceNode) {
		return false
	}
	if s.Max > 0 && len(n.yaml.Content) > s.Max {
		n.Fail("has %d elements, use at most %d", len(n.yaml.Content), s.Max)
		return false
	}
	n.children = n.expandList()
	seen := make(map[string]*Node)
	for _, c := range n.children {
		c.check(s.Elem)
		if s.Unique == nil || c.failed {
			continue
		}
		key := s.Unique(c)
		if first := seen[key]; key != "" && first != nil {
			c.Fail("duplicate of %s (line %d)", first.Path(), first.line)
			c.bad = true
		} else {
			seen[key] = c
		}
	}
	return !n.Null()
}

func (n *Node) checkAny() {
	switch n.yaml.Kind {
	case yaml.MappingNode:
		n.children = n.expandMapping()
	case yaml.SequenceNode:
		n.children = n.expandList()
	default:
		n.text()
	}
	for _, c := range n.children {
		c.check(n.schema)
	}
}

func (n *Node) checkText() {
	text, ok := n.text()
	if !ok {
		return
	}
	s := n.schema
	if s.Type == Boolean && (n.yaml.Tag != "!!bool" || text != "true" && text != "false") {
		n.Fail("is not valid, use true or false without quotes")
	} else if err := s.checkText(text, n.secret); err != nil {
		n.Fail("%w", err)
	} else if s.Type == File && text == "" {
		n.Fail("has no value")
	} else if s.Type == File {
		if err := n.doc.checkReadableOnce(n.FilePath()); err != nil {
			n.Fail("%w", err)
		}
	}
}

// text returns the text of a single value as written. It reports an error and returns
// false if the value is not a single value.
func (n *Node) text() (string, bool) {
	switch {
	case n.Null():
		n.Fail("has no value")
	case n.yaml.Kind != yaml.ScalarNode:
		n.Fail("is %s, use a single value", kindName(n.yaml.Kind))
	case n.rejectTag():
	case len(n.yaml.Value) > maxText && !n.secret:
		n.Fail("is longer than %d bytes", maxText)
	default:
		return n.yaml.Value, true
	}
	return "", false
}
