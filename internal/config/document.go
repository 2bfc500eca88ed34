package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/discovery"
	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/httpclient"
	"github.com/betanet/betanet_exporter/internal/probe"
	"github.com/betanet/betanet_exporter/internal/schema"
)

const maxUpstreams = 100_000

// document has the valid settings of a configuration file.
type document struct {
	defaults  *upstreamConfig
	upstreams []*upstreamConfig
	discovery discovery.Config
	probe     probe.Config
	sections  []schema.Line // printed form of discovery and probe
}

// upstreamConfig is the configuration of an upstream, or the section defaults. For an
// upstream that is not in the file, path and line are empty.
type upstreamConfig struct {
	path string // such as upstreams[0]
	line int

	name     string
	urls     []*url.URL
	nameAt   string // where the name, or the URL that it is derived from, is set
	settings []setting
	labels   []fleet.Label
	http     *betanet.HTTPConfig // nil if not set
	printed  string              // printed form of http, without secrets
	origin   string              // as in optionValue
}

// setting is an option that is set in the file, in defaults or for an upstream.
type setting struct {
	option *option
	optionValue
}

// namesUpstreams reports whether the document configures upstreams or their discovery.
func (d *document) namesUpstreams() bool { return len(d.upstreams) > 0 || d.discovery.Any() }

// setting returns the setting of an option, or nil if it is not set here.
func (u *upstreamConfig) setting(name string) *setting {
	for i := range u.settings {
		if u.settings[i].option.name == name {
			return &u.settings[i]
		}
	}
	return nil
}

// readDocument reads a configuration file; where is the flag or variable that names it.
// It returns at most schema.MaxErrors errors, and the number of further errors.
func readDocument(name, where string) (d *document, errs []error, more int) {
	d = &document{defaults: &upstreamConfig{}}
	file := schema.Read(name, where, fileSchema())
	if root := file.Root; root != nil {
		d.defaults.read(root.Get("defaults"))
		for _, n := range root.Get("upstreams").Elements() {
			if u, ok := n.Value.(*upstreamConfig); ok {
				d.upstreams = append(d.upstreams, u)
			}
		}
		root.Get("probe").Decode(&d.probe)
		if n := root.Get("discovery"); n.Decode(&d.discovery) {
			d.readSources(n)
		}
	}
	if errs, more = file.Errors(); len(errs) == 0 {
		d.sections = append(file.Root.Get("discovery").Lines(0, "discovery"), file.Root.Get("probe").Lines(0, "probe")...)
	}
	return d, errs, more
}

// readSources sets the URLs and HTTP settings of discovery sources, which Decode skips.
func (d *document) readSources(n *schema.Node) {
	for i, s := range n.Get("files").Valid() {
		d.discovery.Files[i].HTTP = httpclient.FromNode(s.Get("http_client"))
	}
	for i, s := range n.Get("http").Valid() {
		h := &d.discovery.HTTP[i]
		h.HTTP, h.SourceHTTP = httpclient.FromNode(s.Get("http_client")), httpclient.FromNode(s.Get("source_http_client"))
		h.URL, _ = parseSourceURL(s.Get("url").Text()) // checked by the schema
	}
	for i, s := range n.Get("dns").Valid() {
		d.discovery.DNS[i].HTTP = httpclient.FromNode(s.Get("http_client"))
	}
}

// newUpstream reads an upstream. If it has errors, it may have no URL.
func newUpstream(n *schema.Node) *upstreamConfig {
	u := &upstreamConfig{path: n.Path(), line: n.Line(), origin: "file"}
	urls := n.Get("replicas").Valid()
	if one := n.Get("url"); one.Text() != "" {
		urls = append(urls, one)
	}
	for _, at := range urls {
		parsed, _ := parseURL(at.Text()) // checked by the schema
		u.urls = append(u.urls, parsed)
	}
	if len(urls) > 0 {
		u.nameAt = urls[0].Where()
	}
	if name := n.Get("name"); name.Text() != "" {
		u.name, u.nameAt = name.Text(), name.Where()
	}
	u.read(n)
	return u
}

// read reads the keys that upstreams and defaults share.
func (u *upstreamConfig) read(n *schema.Node) {
	for _, o := range options {
		if !o.upstream {
			continue
		}
		group, key, nested := strings.Cut(o.keyPath(), ".")
		s := n.Get(group)
		if nested {
			s = s.Get(key)
		}
		if s == nil {
			continue
		}
		v := optionValue{origin: "file", where: s.Where(), bad: s.Bad()}
		if !v.bad {
			v.texts = []string{s.Text()}
		}
		u.settings = append(u.settings, setting{o, v})
	}
	for _, l := range n.Get("labels").Valid() {
		u.labels = append(u.labels, fleet.Label{Name: l.Key(), Value: l.Text()})
	}
	slices.SortFunc(u.labels, func(a, b fleet.Label) int { return strings.Compare(a.Name, b.Name) })
	if http := n.Get("http_client"); httpclient.FromNode(http) != nil {
		u.http, u.printed = httpclient.FromNode(http), http.Print()
	}
}

// fileSchema returns the schema of the configuration file.
func fileSchema() *schema.Schema {
	client := httpclient.Section()
	common := commonKeys(client)
	upstream := append([]schema.Key{
		{Name: "name", Schema: &schema.Schema{Check: checkName, Doc: "Value of the label `upstream`, unique in the configuration. Default: host:port of the first URL."}},
		{Name: "url", Schema: &schema.Schema{Check: checkBy(parseURL), Doc: "Base URL, like `--betanet.url`."}},
		{Name: "replicas", Schema: &schema.Schema{
			Type: schema.Array, AtLeastOne: "URL", Elem: &schema.Schema{Check: checkBy(parseURL)}, Unique: nodeHostPort,
			Doc: "Instead of `url`: base URLs of replicas of one service, of which one is used at a time.",
		}},
	}, common...)
	return &schema.Schema{Type: schema.Object, Keys: []schema.Key{
		{Name: "defaults", Schema: &schema.Schema{Type: schema.Object, Keys: common, Doc: "Default settings of upstreams."}},
		{Name: "upstreams", Schema: &schema.Schema{Type: schema.Array, Max: maxUpstreams, Elem: &schema.Schema{
			Type: schema.Object, Keys: upstream, ExactlyOneOf: []string{"url", "replicas"},
			After: func(n *schema.Node) {
				n.Value = newUpstream(n)
				n.Forget()
			},
		}}},
		{Name: "discovery", Schema: discovery.Section(client, &schema.Schema{Check: checkBy(parseSourceURL), Shown: normalizeURL})},
		{Name: "probe", Schema: probe.Section()},
	}}
}

// commonKeys returns the keys that defaults and upstreams share: labels, http_client, and
// the options that may be set in the file, nested by the dots in their names.
func commonKeys(client *schema.Schema) []schema.Key {
	own := client.With("Prometheus' [HTTP settings](https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config): `basic_auth`, `authorization`, `oauth2`, `tls_config`, `proxy_url` ([proxies](#proxies)) and `http_headers`, which may set `Host`. The section of an upstream replaces the section in `defaults` completely; `{}` means no settings. Redirects and HTTP/2 are always off. Discovered upstreams use only the HTTP settings of their source.")
	var keys []schema.Key
	groups := make(map[string]*schema.Schema)
	for _, o := range options {
		if !o.upstream {
			continue
		}
		s := *o.accepts.schema
		s.Doc, s.Check = o.help, o.check
		name, key, nested := strings.Cut(o.keyPath(), ".")
		switch {
		case !nested:
			keys = append(keys, schema.Key{Name: name, Schema: &s})
			continue
		case groups[name] == nil:
			groups[name] = &schema.Schema{Type: schema.Object, Name: name}
			keys = append(keys, schema.Key{Name: name, Schema: groups[name]})
		}
		groups[name].Keys = append(groups[name].Keys, schema.Key{Name: key, Schema: &s})
	}
	return append(keys,
		schema.Key{Name: "labels", Schema: &schema.Schema{
			Type: schema.Map, Elem: &schema.Schema{}, MapKey: &schema.Schema{Pattern: labelName, Want: "a valid label name, use letters, digits and _, and no digit first", Check: checkLabel},
			Doc: "Labels for all series of the upstream. The labels of an upstream are added to the labels of `defaults`; a label with an empty value is removed. Reserved names: `upstream`, `replica`, `mixnode`, `endpoint`, `le`, `quantile`, `reason`, `state`, `__*`, and `instance` and `job`, which Prometheus sets.",
		}},
		schema.Key{Name: "http_client", Schema: own})
}

// checkBy returns a Schema.Check that accepts what parse accepts.
func checkBy[T any](parse func(string) (T, error)) func(string) error {
	return func(text string) error {
		_, err := parse(text)
		return err
	}
}

// parseSourceURL parses the URL of a discovery document, which may have a query.
func parseSourceURL(text string) (*url.URL, error) {
	base, query, _ := strings.Cut(text, "?")
	if strings.ContainsAny(query, "@#") {
		return nil, errors.New("the query of the URL contains @ or #, write %40 or %23")
	}
	u, err := parseURL(base)
	if err == nil {
		u.RawQuery = query
	}
	return u, err
}

// normalizeURL returns the URL of a discovery document in its normal form, or "" if it is
// not valid.
func normalizeURL(text string) string {
	u, err := parseSourceURL(text)
	if err != nil {
		return ""
	}
	return u.String()
}

// nodeHostPort returns the host and port of a URL, or "" if it is not valid.
func nodeHostPort(n *schema.Node) string {
	u, err := parseURL(n.Text())
	if err != nil {
		return ""
	}
	return fleet.HostPort(u)
}

// checkName returns an error if the name of an upstream is not valid. Names are used as
// label values, path segments and URL parameters.
func checkName(text string) error {
	if text == "" || fleet.IsDotSegment(text) || len(text) > 200 || strings.TrimSpace(text) != text || strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%.200q is not a valid name, use 1 to 200 bytes without white space at the ends", text)
	}
	return nil
}

var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

func checkLabel(name string) error {
	if name == "upstream" || fleet.IsInternalLabel(name) || fleet.IsExporterLabel(name) || fleet.IsScraperLabel(name) {
		return fmt.Errorf("the label %q is reserved, use another name", name)
	}
	return nil
}
