package config

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/betanet/betanet_exporter/internal/fleet"
)

// document is what stands in a configuration file, as far as it is valid.
type document struct {
	defaults  *entry
	upstreams []*entry
	discovery discovery
	probe     Probe
}

// entry is what is said about one upstream, or about all of them in defaults.
type entry struct {
	path string // upstreams[0]
	line int

	name     string
	urls     []*url.URL
	nameAt   string // where what names the upstream stands
	settings []setting
	labels   []fleet.Label
	http     *httpClient // nil if nothing is said about it
	origin   string      // file, or as of a value

	url, replicas *place // while the entry is read
}

// setting is an option that is set in the file.
type setting struct {
	option *option
	text   string
	where  string
	bad    bool // not accepted, and reported
}

// value is the setting as what an option is set to. A bad one has been reported,
// and sets nothing.
func (s *setting) value() value {
	v := value{origin: "file", where: s.where, bad: s.bad}
	if !s.bad {
		v.texts = []string{s.text}
	}
	return v
}

// namesUpstreams reports whether the document has upstreams, or says where to
// find some.
func (d *document) namesUpstreams() bool {
	return len(d.upstreams)+len(d.discovery.Files)+len(d.discovery.HTTP)+len(d.discovery.DNS) > 0
}

// setting finds an option among those of the entry, nil if it is not set there.
func (e *entry) setting(name string) *setting {
	for i := range e.settings {
		if e.settings[i].option.name == name {
			return &e.settings[i]
		}
	}
	return nil
}

// readDocument reads a configuration file. What is wrong in it is told to the
// source; the document then holds the rest.
func readDocument(s *source) *document {
	d := &document{defaults: &entry{}}
	root := s.read()
	if root == nil {
		return d
	}
	ofUpstreams := upstreamKeys()
	mapping(root, keys[document]{
		"defaults": func(p *place, d *document) { mapping(p, defaultsKeys(), d.defaults) },
		"upstreams": func(p *place, d *document) {
			items := p.items()
			if len(items) > maxUpstream {
				p.fail("are %d, use at most %d", len(items), maxUpstream)
				return
			}
			for _, i := range items {
				d.upstreams = append(d.upstreams, readUpstream(i, ofUpstreams))
			}
		},
		"discovery": func(p *place, d *document) { mapping(p, discoveryKeys(), &d.discovery) },
		"probe":     func(p *place, d *document) { mapping(p, keys[Probe]{"allow": readAllow}, &d.probe) },
	}, d)
	if s.full != nil {
		return &document{defaults: &entry{}} // what was not read would make errors that are none
	}
	return d
}

// defaultsKeys are the keys of defaults: each option of the table that may
// stand in a file, in the groups that the names of the flags make.
func defaultsKeys() keys[entry] {
	top := keys[entry]{"labels": readLabels, "http_client": readEntryHTTP}
	groups := make(map[string]keys[entry])
	for i := range options {
		o := &options[i]
		if !o.upstream {
			continue
		}
		group, key, nested := strings.Cut(o.keyPath(), ".")
		if !nested {
			top[group] = o.read
			continue
		}
		if groups[group] == nil {
			known := make(keys[entry])
			groups[group] = known
			top[group] = func(p *place, e *entry) { mapping(p, known, e) }
		}
		groups[group][key] = o.read
	}
	return top
}

// upstreamKeys are the keys of an upstream.
func upstreamKeys() keys[entry] {
	known := defaultsKeys()
	known["name"] = readName
	known["url"] = func(p *place, e *entry) {
		e.url = p
		e.addURL(p)
	}
	known["replicas"] = func(p *place, e *entry) {
		e.replicas = p
		p.notEmpty("URL")
		for _, i := range p.items() {
			e.addURL(i)
		}
	}
	return known
}

// read reads the value of an option.
func (o *option) read(p *place, e *entry) {
	text, ok := p.text()
	if ok {
		if err := o.set(&Config{}, text); err != nil {
			p.fail("%w", err)
			ok = false
		}
	}
	e.settings = append(e.settings, setting{o, text, p.where(), !ok})
}

// readUpstream reads one upstream. After an error it may have no URL.
func readUpstream(p *place, known keys[entry]) *entry {
	e := &entry{path: p.path(), line: p.line, origin: "file"}
	if p.null() {
		p.fail("has no value, use a mapping with url or replicas")
		return e
	}
	present := mapping(p, known, e)
	switch one, several := e.url, e.replicas; {
	case one != nil && several != nil:
		several.fail("is not accepted beside url, use one of the two")
	default:
		p.needs(present, "url", "replicas")
	}
	e.url, e.replicas = nil, nil
	return e
}

func (e *entry) addURL(p *place) {
	text, ok := p.text()
	if !ok {
		return
	}
	u, err := ParseURL(text)
	if err != nil {
		p.fail("%w", err)
		return
	}
	for _, other := range e.urls {
		if fleet.HostPort(other) == fleet.HostPort(u) {
			p.fail("%q is there twice", fleet.HostPort(u))
			return
		}
	}
	e.urls = append(e.urls, u)
	if e.nameAt == "" {
		e.nameAt = p.where()
	}
}

// readName reads the name of an upstream, which is a label, a part of a path and
// a parameter of a URL.
func readName(p *place, e *entry) {
	text, ok := p.text()
	switch {
	case !ok:
	case text == "" || fleet.IsPathStep(text) || len(text) > 200 || strings.TrimSpace(text) != text || strings.ContainsFunc(text, unicode.IsControl):
		p.fail("%.200q is no name, use 1 to 200 bytes without white space at the ends", text)
	default:
		e.name, e.nameAt = text, p.where()
	}
}

func readEntryHTTP(p *place, e *entry) { readHTTPClient(p, &e.http) }

func readLabels(p *place, e *entry) {
	for _, c := range p.entries() {
		switch {
		case !fleet.IsLabelName(c.key):
			c.fail("%.100q is no name of a label, use letters, digits and _, and no digit first", c.key)
		case c.key == "upstream" || fleet.IsInternalLabel(c.key) || fleet.IsExporterLabel(c.key) || fleet.IsScraperLabel(c.key):
			c.fail("the label %q is taken, use another name", c.key)
		default:
			if text, ok := c.text(); ok {
				e.labels = append(e.labels, fleet.Label{Name: c.key, Value: text})
			}
		}
	}
	slices.SortFunc(e.labels, func(a, b fleet.Label) int { return strings.Compare(a.Name, b.Name) })
}
