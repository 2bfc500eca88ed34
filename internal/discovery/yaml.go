package discovery

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readYAML reads a list of groups. As in Prometheus, plain numbers and words
// such as yes are strings where a string is wanted, and aliases are followed.
func readYAML(body []byte, l *listing) error {
	d := yaml.NewDecoder(bytes.NewReader(body))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case err == io.EOF:
		return &fault{"", 1, "the document is empty, want a list of groups, [] for none"}
	case err != nil:
		return brokenYAML(err)
	}
	root := doc.Content[0]
	if v := valueOf(root); v.kind != aList {
		return wrongList(v)
	}
	for _, n := range root.Content {
		if err := readGroup(n, l); err != nil {
			return err
		}
	}
	switch err := d.Decode(&more); {
	case err == io.EOF:
		return nil
	case err != nil:
		return brokenYAML(err)
	}
	return &fault{"", more.Line, "a second document begins, want one"}
}

func readGroup(n *yaml.Node, l *listing) error {
	if err := l.begin(valueOf(n)); err != nil {
		return err
	}
	keys := follow(n).Content
	for i := 0; i < len(keys); i += 2 {
		k, v := valueOf(keys[i]), valueOf(keys[i+1])
		if err := l.key(k); err != nil {
			return err
		}
		inner := follow(keys[i+1]).Content
		switch {
		case v.kind == null:
		case k.text == "targets" && v.kind == aList:
			for _, n := range inner {
				if err := l.address(valueOf(n)); err != nil {
					return err
				}
			}
		case k.text == "targets":
			return l.wrong(step(k.text), v, aList)
		case v.kind != aMap:
			return l.wrong(step(k.text), v, aMap)
		default:
			for i := 0; i < len(inner); i += 2 {
				if err := l.label(valueOf(inner[i]), valueOf(inner[i+1])); err != nil {
					return err
				}
			}
		}
	}
	l.end()
	return nil
}

// follow gives what an alias stands for. An anchor is never an alias itself.
func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func valueOf(n *yaml.Node) value {
	v := value{kind: "something with a tag of its own", line: n.Line}
	n = follow(n)
	switch tag := n.ShortTag(); {
	case n.Kind == yaml.SequenceNode && tag == "!!seq":
		v.kind = aList
	case n.Kind == yaml.MappingNode && tag == "!!map":
		v.kind = aMap
	case n.Kind != yaml.ScalarNode:
	case tag == "!!null":
		v.kind = null
	case tag == "!!str", tag == "!!int", tag == "!!float", tag == "!!bool", tag == "!!timestamp", tag == "!!merge":
		v.kind, v.text = aString, n.Value
	}
	return v
}

// brokenYAML says what the parser says, without the names of anchors: an
// unquoted secret could look like one. Of mistakes on the first line, and of
// bytes that are no text, the parser tells no line.
func brokenYAML(err error) error {
	line, what := 0, strings.TrimPrefix(err.Error(), "yaml: ")
	if n, _ := fmt.Sscanf(what, "line %d: ", &line); n == 1 {
		_, what, _ = strings.Cut(what, ": ")
	}
	if strings.HasPrefix(what, "unknown anchor") {
		what = "unknown anchor"
	}
	if line > 0 && slices.Contains(lateByOne[:], what) {
		line++
	}
	return &fault{"", line, "the document is broken, want YAML: " + what}
}

// lateByOne are the mistakes whose lines the parser counts from 0.
var lateByOne = [...]string{
	"did not find expected <document start>",
	"did not find expected node content",
	"did not find expected '-' indicator",
	"did not find expected key",
	"did not find expected ',' or ']'",
	"did not find expected ',' or '}'",
}
