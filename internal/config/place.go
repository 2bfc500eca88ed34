package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// place is a value in a file, and where it stands.
type place struct {
	source *source
	parent *place
	key    string // in a mapping, "" in a list
	index  int    // in a list
	line   int
	depth  int
	secret bool       // nothing of what is below is ever shown
	node   *yaml.Node // aliases followed
}

// items are the values of a list; nothing at all is an empty one.
func (p *place) items() []*place {
	if p.null() {
		return nil
	}
	if p.node.Kind != yaml.SequenceNode {
		p.fail("is %s, use a list", kind(p.node))
		return nil
	}
	if p.tagged() {
		return nil
	}
	all := make([]*place, 0, len(p.node.Content))
	for i, n := range p.node.Content {
		e := p.child("", n.Line, n)
		if e == nil {
			break
		}
		e.index = i
		all = append(all, e)
	}
	return all
}

// text is the text of a scalar, as it was written: what it may be, the caller
// knows. It is false after an error.
func (p *place) text() (string, bool) {
	switch {
	case p.null():
		p.fail("has no value")
	case p.node.Kind != yaml.ScalarNode:
		p.fail("is %s, use a single value", kind(p.node))
	case p.tagged():
	case len(p.node.Value) > maxText && !p.secret:
		p.fail("is longer than %d bytes", maxText)
	default:
		return p.node.Value, true
	}
	return "", false
}

// null reports whether nothing stands here.
func (p *place) null() bool {
	return p.node.Kind == yaml.ScalarNode && p.node.Tag == "!!null" && p.node.Style&yaml.TaggedStyle == 0
}

// tagged reports and refuses a tag such as !!binary.
func (p *place) tagged() bool {
	if p.node.Style&yaml.TaggedStyle == 0 {
		return false
	}
	p.fail("a tag (!) is not accepted, use the value alone, in quotes if need be")
	return true
}

// child is a value below this one, nil if that is too much.
func (p *place) child(key string, line int, n *yaml.Node) *place {
	if line == 0 {
		line = n.Line
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	c := &place{source: p.source, parent: p, key: key, line: line, depth: p.depth + 1, secret: p.secret, node: n}
	if !p.source.allows(c, c.depth) {
		return nil
	}
	return c
}

// allows counts a value and reports whether that is not too much.
func (s *source) allows(p *place, depth int) bool {
	if depth > maxDepth {
		p.fail("is nested more than %d deep", maxDepth)
		return false
	}
	s.values++
	if s.values > maxValues && s.full == nil {
		s.full = fmt.Errorf("%s: is too much: more than %d values in the file, those of aliases counted each time", p.where(), maxValues)
	}
	return s.full == nil
}

// fail reports an error at this place.
func (p *place) fail(format string, args ...any) {
	if len(p.source.errs) == maxErrors {
		p.source.more++
		return
	}
	p.source.add(fmt.Errorf("%s: %w", p.where(), fmt.Errorf(format, args...)))
}

// where is the place as people find it.
func (p *place) where() string {
	path := p.path()
	if path != "" {
		path = ": " + path
	}
	return fmt.Sprintf("%s%s (line %d)", p.source.name, path, p.line)
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// path is the place from the top of the file, such as upstreams[0].name.
func (p *place) path() string {
	var parts []string
	for ; p != nil && p.parent != nil && p.parent.parent != nil; p = p.parent {
		switch {
		case p.parent.node != nil && p.parent.node.Kind == yaml.SequenceNode:
			parts = append(parts, "["+strconv.Itoa(p.index)+"]")
		case plainKey.MatchString(p.key):
			parts = append(parts, "."+p.key)
		case p.secret:
			parts = append(parts, ".?")
		default:
			parts = append(parts, fmt.Sprintf(".%.64q", p.key))
		}
	}
	slices.Reverse(parts)
	return strings.TrimPrefix(strings.Join(parts, ""), ".")
}

func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}

func sortedKeys[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// oneOfThese is "a, b or c".
func oneOfThese(texts []string) string {
	last := len(texts) - 1
	if last < 1 {
		return strings.Join(texts, "")
	}
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}
