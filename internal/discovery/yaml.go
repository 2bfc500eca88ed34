package discovery

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readYAML reads a list of groups. As in Prometheus, plain numbers and words such as
// yes are strings, and aliases are followed.
func readYAML(body []byte, b *builder) error {
	d := yaml.NewDecoder(bytes.NewReader(body))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case err == io.EOF:
		return &documentError{"", 1, "the document is empty, want a list of groups, [] for none"}
	case err != nil:
		return yamlError(err)
	}
	root := doc.Content[0]
	if err := checkList(valueOf(root)); err != nil {
		return err
	}
	for _, n := range root.Content {
		if err := readGroup(n, b); err != nil {
			return err
		}
	}
	switch err := d.Decode(&more); {
	case err == io.EOF:
		return nil
	case err != nil:
		return yamlError(err)
	}
	return &documentError{"", more.Line, "a second document, want one"}
}

func readGroup(n *yaml.Node, b *builder) error {
	if err := b.beginGroup(valueOf(n)); err != nil {
		return err
	}
	members := follow(n).Content
	for i := 0; i < len(members); i += 2 {
		k, v := valueOf(members[i]), valueOf(members[i+1])
		if err := b.addKey(k); err != nil {
			return err
		}
		if err := b.checkType(k, v); err != nil {
			return err
		}
		inner := follow(members[i+1]).Content
		switch v.typeName {
		case aList:
			for _, n := range inner {
				if err := b.addTarget(valueOf(n)); err != nil {
					return err
				}
			}
		case aMap:
			for i := 0; i < len(inner); i += 2 {
				if err := b.addLabel(valueOf(inner[i]), valueOf(inner[i+1])); err != nil {
					return err
				}
			}
		}
	}
	b.endGroup()
	return nil
}

// follow returns the node that an alias refers to, and other nodes unchanged.
func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func valueOf(n *yaml.Node) value {
	v := value{typeName: "a value with a custom tag", line: n.Line}
	n = follow(n)
	switch tag := n.ShortTag(); {
	case n.Kind == yaml.SequenceNode && tag == "!!seq":
		v.typeName = aList
	case n.Kind == yaml.MappingNode && tag == "!!map":
		v.typeName = aMap
	case n.Kind != yaml.ScalarNode:
	case tag == "!!null":
		v.typeName = null
	case tag == "!!str", tag == "!!int", tag == "!!float", tag == "!!bool", tag == "!!timestamp", tag == "!!merge":
		v.typeName, v.text = aString, n.Value
	}
	return v
}

// yamlError converts an error of the parser. It omits the names of anchors, because an
// unquoted secret can look like one. The parser reports no line for errors on the first
// line and for invalid bytes.
func yamlError(err error) error {
	line, problem := 0, strings.TrimPrefix(err.Error(), "yaml: ")
	if n, _ := fmt.Sscanf(problem, "line %d: ", &line); n == 1 {
		_, problem, _ = strings.Cut(problem, ": ")
	}
	if strings.HasPrefix(problem, "unknown anchor") {
		problem = "unknown anchor"
	}
	if line > 0 && slices.Contains(zeroBased[:], problem) {
		line++
	}
	return &documentError{"", line, "the document is not valid YAML: " + problem}
}

// zeroBased has the errors whose lines the parser counts from 0.
var zeroBased = [...]string{
	"did not find expected <document start>",
	"did not find expected node content",
	"did not find expected '-' indicator",
	"did not find expected key",
	"did not find expected ',' or ']'",
	"did not find expected ',' or '}'",
}
