package exposition

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/betanet"
	"github.com/betanet/betanet_exporter/internal/fleet"
)

// Format is an exposition format.
type Format int

// The formats. Text and OpenMetrics have the same lines, except for the names of
// families, le of whole numbers, and the # EOF line. Protobuf has native histograms.
const (
	Text        Format = iota // text 0.0.4
	OpenMetrics               // OpenMetrics 1.0
	Protobuf                  // length-delimited io.prometheus.client.MetricFamily
	numFormats
)

// flushSize is the number of bytes buffered before they are written.
const flushSize = 64 << 10

// scrape is the working memory of one scrape.
type scrape struct {
	rendered []*rendered
	exporter rendered
	lines    lines // of exporter
	buf      []byte
	out      io.Writer
	err      error
	wanted   func(name string) bool // selects families; nil for all

	message, metric, inner, value []byte // of the protobuf message being built
}

// Write writes all families in one format, with one view of each upstream. If names are
// given, which are names in the text format, it writes only these families. It blocks only
// on out.
func (r *Registry) Write(out io.Writer, f Format, names ...string) error {
	if len(names) == 0 {
		return r.write(out, f, nil)
	}
	return r.write(out, f, func(name string) bool { return slices.Contains(names, name) })
}

// write writes the wanted families.
func (r *Registry) write(out io.Writer, f Format, wanted func(name string) bool) error {
	return r.scrape(out, r.registrations(), func(s *scrape) error {
		s.wanted = wanted
		s.rendered = append(s.rendered, s.renderExporter(r))
		s.writeFamilies(f)
		for _, family := range r.runtime.families() {
			if s.wants(family.name) {
				s.append(family.text[f])
			}
		}
		return s.end(f)
	})
}

// WriteUpstreams writes only the families of upstreams.
func (r *Registry) WriteUpstreams(out io.Writer, f Format) error {
	return r.writeUpstreams(out, f, r.registrations())
}

// writeUpstreams writes the families of upstreams for the given upstreams only.
func (r *Registry) writeUpstreams(out io.Writer, f Format, registrations []*registration) error {
	return r.scrape(out, registrations, func(s *scrape) error {
		s.writeFamilies(f)
		return s.end(f)
	})
}

// scrape calls write with the current lines of the given upstreams.
func (r *Registry) scrape(out io.Writer, registrations []*registration, write func(*scrape) error) error {
	s := r.pool.Get().(*scrape)
	defer r.pool.Put(s)
	s.out, s.err, s.wanted, s.buf, s.rendered = out, nil, nil, s.buf[:0], s.rendered[:0]
	// Do not keep the lines of removed upstreams alive in the pool.
	defer func() { s.out, s.wanted = nil, nil; clear(s.rendered[:cap(s.rendered)]) }()
	now := time.Now()
	for _, reg := range registrations {
		s.rendered = append(s.rendered, reg.current(now))
	}
	return write(s)
}

// WriteProbe writes the documents of one upstream and the state of its endpoints,
// without the label upstream, for the multi-target pattern. It omits what accumulates
// across documents, such as histograms and sums. unfinished means that the requested
// collection is still running.
func WriteProbe(out io.Writer, f Format, v *fleet.View, unfinished bool) error {
	r := new(rendered)
	r.render(&renderContext{view: v, now: time.Now(), unfinished: unfinished}, newLabelSuffixes("", v.Upstream.Labels, v.Replica), func(f *family) bool {
		return f.upstream != nil && !f.accumulated && !(f.mixnodeSum && v.API == betanet.MixnodesAPI)
	})
	s := scrape{out: out, rendered: []*rendered{r}}
	s.writeFamilies(f)
	return s.end(f)
}

// end writes the end of the exposition and flushes the buffer. It returns the first error
// of all writes.
func (s *scrape) end(f Format) error {
	if f == OpenMetrics {
		s.append([]byte("# EOF\n"))
	}
	s.flush()
	return s.err
}

// writeFamilies writes the lines family by family.
func (s *scrape) writeFamilies(f Format) {
	for i := 0; i < len(families) && s.err == nil; i++ {
		switch {
		case !s.wants(families[i].name):
		case f == Protobuf:
			s.writeProtobuf(i)
		default:
			s.writeFamily(i, f)
		}
	}
}

func (s *scrape) wants(name string) bool { return s.wanted == nil || s.wanted(name) }

// renderExporter renders the families of the exporter and of the fleet.
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

// writeFamily writes the lines of one family. It omits a family without samples.
func (s *scrape) writeFamily(i int, f Format) {
	headed := false
	for _, r := range s.rendered {
		start, end := r.span(i)
		if start == end {
			continue
		}
		if !headed {
			s.append(headers[f][i])
			headed = true
		}
		if f == OpenMetrics {
			for _, offset := range r.floatOffsets {
				if start < offset && offset < end {
					s.append(r.buf[start:offset])
					s.append(dotZero)
					start = offset
				}
			}
		}
		s.append(r.buf[start:end])
	}
}

// append buffers b, and flushes the buffer once it is large.
func (s *scrape) append(b []byte) {
	s.buf = append(s.buf, b...)
	if len(s.buf) >= flushSize {
		s.flush()
	}
}

// flush writes the buffer, or discards it after an error.
func (s *scrape) flush() {
	if s.err == nil && len(s.buf) > 0 {
		_, s.err = s.out.Write(s.buf)
	}
	s.buf = s.buf[:0]
}

var dotZero = []byte(".0")

// headers are the HELP and TYPE lines of all families in Text and OpenMetrics.
var headers = func() (h [2][][]byte) {
	for _, f := range families {
		for format, name := range []string{f.name, openMetricsName(f)} {
			h[format] = append(h[format], []byte("# HELP "+name+" "+f.help+"\n# TYPE "+name+" "+string(f.metricType)+"\n"))
		}
	}
	return h
}()

// openMetricsName returns the name of a family in OpenMetrics, which for a counter is
// without the _total of its samples.
func openMetricsName(f family) string {
	if f.metricType == counter {
		return strings.TrimSuffix(f.name, "_total")
	}
	return f.name
}
