package exposition

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Format is a format of the exposition.
type Format int

// The formats. The first two are written line by line; they differ in names of
// families, whole le and the end. Protobuf has native histograms.
const (
	Text        Format = iota // text 0.0.4
	OpenMetrics               // OpenMetrics 1.0
	Protobuf                  // length-delimited io.prometheus.client.MetricFamily
	numFormats
)

// flushSize is how much is gathered before it is written.
const flushSize = 64 << 10

// scrape is the working memory of one scrape.
type scrape struct {
	rendered   []*rendered
	exporter rendered
	lines    lines // of exporter
	buf      []byte
	out      io.Writer
	err      error
	names     []string // names of the families that are wanted; empty for all

	message, metric, inner, value []byte // of a protobuf message that is being made
}

// Write writes everything that is known, in one format, as of one moment: all
// families show the same views. With names, it writes only the families of these
// names, as they are in the text format. It does not wait for anything but out.
func (r *Registry) Write(out io.Writer, f Format, names ...string) error {
	return r.scrape(out, r.registrations(), func(s *scrape) error {
		s.names = names
		s.rendered = append(s.rendered, s.renderExporter(r))
		s.families(f)
		for _, family := range r.runtime.families() {
			if s.wants(family.name) {
				s.append(family.text[f])
			}
		}
		return s.end(f)
	})
}

// WriteUpstreams writes what is known of the upstreams, and nothing about the
// exporter.
func (r *Registry) WriteUpstreams(out io.Writer, f Format) error {
	return r.scrape(out, r.registrations(), func(s *scrape) error {
		s.families(f)
		return s.end(f)
	})
}

// writeExporter writes what is about the exporter and all upstreams together, as
// text.
func (r *Registry) writeExporter(out io.Writer) error {
	return r.scrape(out, r.registrations(), func(s *scrape) error {
		s.rendered = append(s.rendered[:0], s.renderExporter(r))
		s.families(Text)
		for _, family := range r.runtime.families() {
			s.append(family.text[Text])
		}
		return s.end(Text)
	})
}

// writeRegistrations writes what is known of some upstreams, as text.
func (r *Registry) writeRegistrations(out io.Writer, slots []*registration) error {
	return r.scrape(out, slots, func(s *scrape) error {
		s.families(Text)
		return s.end(Text)
	})
}

// scrape takes the blocks of some upstreams as of one moment, and writes.
func (r *Registry) scrape(out io.Writer, slots []*registration, write func(*scrape) error) error {
	s := r.pool.Get().(*scrape)
	defer r.pool.Put(s)
	s.out, s.err, s.names, s.buf, s.rendered = out, nil, nil, s.buf[:0], s.rendered[:0]
	defer func() { s.out = nil; clear(s.rendered[:cap(s.rendered)]) }()
	now := time.Now()
	for _, slot := range slots {
		s.rendered = append(s.rendered, slot.current(now))
	}
	return write(s)
}

// WriteProbe writes what the documents of one upstream say and how its endpoints
// are, without the label upstream: the multi-target pattern. What is remembered
// from before, such as histograms and sums, is left out. late says that the
// collection that was asked for has not ended.
func WriteProbe(out io.Writer, f Format, v *fleet.View, late bool) error {
	e := newLabelSuffixes("", v.Upstream.Labels, v.Replica)
	b := new(rendered)
	b.render(&renderContext{view: v, now: time.Now(), unfinished: late}, e, func(f *family) bool {
		return f.upstream != nil && !f.accumulated && !(f.mixnodeSum && v.API == betanet.MixnodesAPI)
	})
	s := scrape{out: out, rendered: []*rendered{b}}
	s.families(f)
	return s.end(f)
}

// end writes what is left.
func (s *scrape) end(f Format) error {
	if f == OpenMetrics {
		s.append([]byte("# EOF\n"))
	}
	s.flush()
	return s.err
}

// families writes the lines of all blocks, family by family.
func (s *scrape) families(f Format) {
	for i := 0; i < len(families) && s.err == nil; i++ {
		switch {
		case !s.wants(families[i].name):
		case f == Protobuf:
			s.protobuf(i)
		default:
			s.family(i, f)
		}
	}
}

// wants reports whether a family was asked for.
func (s *scrape) wants(name string) bool { return len(s.names) == 0 || slices.Contains(s.names, name) }

// renderExporter makes the lines about the exporter and about all upstreams
// together, in the shape of an upstream's.
func (s *scrape) renderExporter(r *Registry) *rendered {
	w := &s.lines
	w.buf, w.floatOffsets, w.histograms = w.buf[:0], w.floatOffsets[:0], w.histograms[:0]
	t := newFleetTotals(s.rendered, r.counters)
	for i := range families {
		f := &families[i]
		w.name, w.family = f.name, i
		switch {
		case f.exporter != nil:
			f.exporter(r.Exporter, w)
		case f.fleet != nil && len(s.rendered) > 1:
			f.fleet(&t, w)
		}
		s.exporter.ends[i] = uint32(len(w.buf))
	}
	s.exporter.buf, s.exporter.floatOffsets, s.exporter.histograms = w.buf, w.floatOffsets, w.histograms
	return &s.exporter
}

// family writes the lines of one family from all blocks; one without samples is
// left out.
func (s *scrape) family(i int, f Format) {
	headed := false
	for _, b := range s.rendered {
		start, end := b.lines(i)
		if start == end {
			continue
		}
		if !headed {
			s.append(headers[f][i])
			headed = true
		}
		if f == OpenMetrics {
			for _, dot := range b.floatOffsets {
				if start < dot && dot < end {
					s.append(b.buf[start:dot])
					s.append(dotZero)
					start = dot
				}
			}
		}
		s.append(b.buf[start:end])
	}
}

// lines tells where the lines of a family stand in the block.
func (b *rendered) lines(i int) (start, end uint32) {
	if i > 0 {
		start = b.ends[i-1]
	}
	return start, b.ends[i]
}

func (s *scrape) append(b []byte) {
	s.buf = append(s.buf, b...)
	if len(s.buf) >= flushSize {
		s.flush()
	}
}

func (s *scrape) flush() {
	if s.err == nil && len(s.buf) > 0 {
		_, s.err = s.out.Write(s.buf)
	}
	s.buf = s.buf[:0]
}

var dotZero = []byte(".0")

// headers are the HELP and TYPE lines of all families, by format. OpenMetrics
// names the family of a counter without the _total of its samples.
var headers = func() (h [2][][]byte) {
	for _, f := range families {
		for format, name := range []string{f.name, openMetricsName(f)} {
			h[format] = append(h[format], []byte("# HELP "+name+" "+f.help+"\n# TYPE "+name+" "+string(f.kind)+"\n"))
		}
	}
	return h
}()

func openMetricsName(f family) string {
	if f.kind == counter {
		return strings.TrimSuffix(f.name, "_total")
	}
	return f.name
}
