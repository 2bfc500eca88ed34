package config

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// keys is what a mapping of the file accepts: for each key, what reads its value
// into a T.
type keys[T any] map[string]func(*place, *T)

// mapping reads a mapping and returns its keys. Everything else, keys that are
// not known and keys that are there twice are errors; nothing at all is an empty
// mapping.
func mapping[T any](p *place, known keys[T], to *T) (present []string) {
	for _, e := range p.entries() {
		present = append(present, e.key)
		if read := known[e.key]; read != nil {
			read(e, to)
		} else {
			p.unknown(e, sortedKeys(known))
		}
	}
	return present
}

// unknown reports a key that is not accepted. Below secret places it is shown
// only if it is nearly a known one: {password:hunter2} is a key for YAML.
func (p *place) unknown(e *place, known []string) {
	if len(p.source.errs) == maxErrors {
		p.source.more++
		return
	}
	near, ok := nearest(e.key, known)
	switch {
	case ok:
		e.fail("unknown key, did you mean %q?", near)
	case p.secret:
		p.fail("a key in it is unknown, use %s", oneOfThese(known))
	default:
		e.fail("unknown key, use %s", oneOfThese(known))
	}
}

// entries are the values of a mapping, each with its key, merged ones (<<) after
// its own.
func (p *place) entries() []*place {
	if p.null() {
		return nil
	}
	if p.node.Kind != yaml.MappingNode {
		p.fail("is %s, use a mapping", kind(p.node))
		return nil
	}
	if p.tagged() || p.source.full != nil {
		return nil
	}
	var all []*place
	own := make(map[string]bool, len(p.node.Content)/2)
	p.each(p.node, func(key, value *yaml.Node) {
		if own[key.Value] {
			p.twice(key)
			return
		}
		own[key.Value] = true
		if e := p.child(key.Value, key.Line, value); e != nil {
			all = append(all, e)
		}
	})
	p.merged(p.node, p.depth, own, &all)
	return all
}

// twice reports a key that is there twice.
func (p *place) twice(key *yaml.Node) {
	p.source.values++
	e := &place{source: p.source, parent: p, key: key.Value, line: key.Line}
	if p.secret {
		e = &place{source: p.source, parent: p.parent, key: p.key, index: p.index, line: key.Line}
		e.fail("a key in it is there twice")
		return
	}
	e.fail("is there twice")
}

// each calls f for the entries of a mapping node, without its merges.
func (p *place) each(n *yaml.Node, f func(key, value *yaml.Node)) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind == yaml.AliasNode:
			key = &yaml.Node{Kind: key.Alias.Kind, Value: key.Alias.Value, Line: key.Line}
			fallthrough
		case key.Tag != "!!merge":
			if key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0 {
				p.fail("a key in it is no text")
				continue
			}
			f(key, n.Content[i+1])
		}
	}
}

// merged adds the entries that << brings into a mapping.
func (p *place) merged(n *yaml.Node, depth int, own map[string]bool, all *[]*place) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Tag != "!!merge" {
			continue
		}
		from := []*yaml.Node{n.Content[i+1]}
		if from[0].Kind == yaml.SequenceNode {
			from = from[0].Content
		}
		for _, m := range from {
			if m.Kind == yaml.AliasNode {
				m = m.Alias
			}
			if m.Kind != yaml.MappingNode {
				p.fail("<< brings in %s, use an alias of a mapping", kind(m))
				continue
			}
			p.source.values += len(m.Content) / 2
			if !p.source.allows(p, depth+1) {
				return
			}
			p.each(m, func(key, value *yaml.Node) {
				if own[key.Value] {
					return
				}
				own[key.Value] = true
				if e := p.child(key.Value, key.Line, value); e != nil {
					*all = append(*all, e)
				}
			})
			p.merged(m, depth+1, own, all)
		}
	}
}

// notEmpty reports a list in which nothing stands.
func (p *place) notEmpty(what string) {
	if p.null() || p.node.Kind == yaml.SequenceNode && len(p.node.Content) == 0 {
		p.fail("is empty, use at least one %s", what)
	}
}

// needs reports a mapping that has none of the keys, nor one that was probably
// meant to be it and is reported already.
func (p *place) needs(present []string, keys ...string) {
	if p.node.Kind != yaml.MappingNode && !p.null() {
		return
	}
	for _, k := range present {
		if slices.Contains(keys, k) {
			return
		}
	}
	for _, k := range present {
		if _, ok := nearest(k, keys); ok {
			return
		}
	}
	if len(keys) == 1 {
		p.fail("has no %s", keys[0])
	} else {
		p.fail("has no %s, use %s", keys[0], oneOfThese(keys))
	}
}
