package config

import (
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/betanet/betanet_exporter/internal/fleet"
	"github.com/betanet/betanet_exporter/internal/schema"
)

// Write writes the configuration with the origin of each value. The settings that a file
// cannot set are comments; the rest is a valid file. Secrets are written as <secret>.
func (c *Config) Write(w io.Writer) error {
	p := &printer{Config: c}
	p.flags()
	p.defaults()
	if len(c.upstreamConfigs) > 0 {
		p.line(0, "upstreams:", "")
	}
	for i, e := range c.upstreamConfigs {
		p.upstream(e, c.upstreams[i])
	}
	for _, l := range c.document.sections {
		p.line(l.Depth, l.Text, l.Origin)
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

var wholeNumber = regexp.MustCompile(`^[0-9]+$`)

type printer struct {
	*Config
	b      strings.Builder
	prefix string
}

// line prints a line and, unless it is empty, the origin.
func (p *printer) line(depth int, text, origin string) {
	p.b.WriteString(p.prefix)
	p.b.WriteString(strings.Repeat("  ", depth))
	p.b.WriteString(text)
	if origin != "" {
		p.b.WriteString("  # " + origin)
	}
	p.b.WriteByte('\n')
}

// options prints options, grouped by the first part of their path. It skips options for
// which text returns no origin.
func (p *printer) options(depth int, path func(*option) string, text func(*option) (text, origin string)) {
	last := ""
	for _, o := range options {
		t, origin := text(o)
		if origin == "" {
			continue
		}
		group, key, nested := strings.Cut(path(o), ".")
		if !nested {
			p.line(depth, group+": "+t, origin)
			continue
		}
		if group != last {
			p.line(depth, group+":", "")
			last = group
		}
		p.line(depth+1, key+": "+t, origin)
	}
}

// flags prints the settings that a file cannot set.
func (p *printer) flags() {
	p.prefix = "# "
	p.line(0, "Set by flags and variables only:", "")
	p.options(0, func(o *option) string { return o.name }, func(o *option) (text, origin string) {
		v, known := p.values[o.name]
		if !known || o.upstream || slices.Contains([]string{"config.check", "config.print", "config.schema"}, o.name) {
			return "", ""
		}
		if o.repeated {
			return flowList(v.texts), v.origin
		}
		text = strings.Join(v.texts, "")
		if !o.isBool() && !wholeNumber.MatchString(text) {
			text = schema.QuoteYAML(text)
		}
		return text, v.origin
	})
	for _, s := range p.otelEnv {
		p.line(0, s.Name+": "+s.Printed, "env")
	}
	p.prefix = ""
}

// defaults prints the settings for upstreams without their own settings.
func (p *printer) defaults() {
	p.line(0, "defaults:", "")
	p.options(1, (*option).keyPath, func(o *option) (text, origin string) {
		v, known := p.values[o.name]
		switch {
		case !known || !o.upstream:
			return "", ""
		case o.computed() && len(v.texts) == 0:
			return computedValue(o.name, &p.Settings), v.origin
		default:
			return strings.Join(v.texts, ""), v.origin
		}
	})
	p.labels(1, p.document.defaults.labels)
	p.httpClient(1, p.document.defaults)
}

// upstream prints an upstream's own settings, and the computed defaults that differ
// because of them.
func (p *printer) upstream(e *upstreamConfig, u *fleet.Upstream) {
	first := "- "
	if u.Name != "" {
		origin := "default"
		if e.name != "" {
			origin = e.origin
		}
		p.line(1, first+"name: "+schema.QuoteYAML(u.Name), origin)
		first = "  "
	}
	if len(u.URLs) == 1 {
		p.line(1, first+"url: "+schema.QuoteYAML(u.URLs[0].String()), e.origin)
	} else {
		var urls []string
		for _, url := range u.URLs {
			urls = append(urls, url.String())
		}
		p.line(1, first+"replicas: "+flowList(urls), e.origin)
	}
	p.options(2, (*option).keyPath, func(o *option) (text, origin string) {
		if s := e.setting(o.name); s != nil {
			return strings.Join(s.texts, ""), s.origin
		}
		if own := computedValue(o.name, &u.Settings); own != computedValue(o.name, &p.Settings) {
			return own, "default"
		}
		return "", ""
	})
	p.labels(2, e.labels)
	p.httpClient(2, e)
}

func (p *printer) labels(depth int, labels []fleet.Label) {
	if len(labels) == 0 {
		return
	}
	var all []string
	for _, l := range labels {
		all = append(all, l.Name+": "+schema.QuoteYAML(l.Value))
	}
	p.line(depth, "labels: {"+strings.Join(all, ", ")+"}", "file")
}

func (p *printer) httpClient(depth int, u *upstreamConfig) {
	if u.http != nil {
		p.line(depth, "http_client: "+u.printed, "file")
	}
}

// computedValue returns the value of an option with a computed default, or "" for other
// options.
func computedValue(name string, s *fleet.Settings) string {
	switch name {
	case "collect.timeout":
		return s.Timeout.String()
	case "request.timeout":
		return s.RequestTimeout.String()
	case "retry.max-backoff":
		return s.MaxBackoff.String()
	case "metrics.latency-histogram":
		return strconv.FormatBool(s.Histogram)
	default:
		return ""
	}
}

// flowList returns a YAML list in flow style.
func flowList(texts []string) string {
	q := make([]string, len(texts))
	for i, t := range texts {
		q[i] = schema.QuoteYAML(t)
	}
	return "[" + strings.Join(q, ", ") + "]"
}
