package betanet

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of a document.
const (
	maxDepth  = 32  // levels of arrays and objects
	maxIDSize = 128 // bytes of a mixnode's id
)

var decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(bytes.NewReader(nil)) }}

// Decode reads the document of an endpoint, strictly: broken syntax, bytes
// after the document, duplicate keys, a required field that is missing, null
// or of another type, a number that is not what the field holds: each refuses
// the whole document with an error that says which field and why. Unknown
// fields are accepted. Keys are matched to the letter.
func Decode(e Endpoint, body []byte) (Document, error) {
	d := decoders.Get().(*jsontext.Decoder)
	defer decoders.Put(d)
	d.Reset(bytes.NewBuffer(body))
	w := walker{dec: d}
	doc := w.document(e)
	w.end()
	if w.duplicate { // which ends reading
		d.Reset(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
		rest := walker{dec: d}
		rest.skip()
		rest.end()
		if rest.syntax != nil {
			return nil, rest.syntax
		}
	}
	if w.syntax != nil { // a cut document says nothing about its fields
		if text := nameForeign(body); text != "" {
			return nil, refusal{ReasonSyntax, text}
		}
		return nil, w.syntax
	}
	if w.refused != nil {
		return nil, w.refused
	}
	return doc, nil
}

// field is one key of an object and where its value goes.
type field struct {
	name     string
	optional bool
	to       any // *uint64, *string, or **uint64, **float64 for what may be unknown
	seen     bool
}

// walker goes once through a document. It keeps the first thing that refuses
// it, and goes on to its end: broken syntax has the last word.
type walker struct {
	dec       *jsontext.Decoder
	syntax    error
	refused   error
	duplicate bool // syntax is a duplicate key
}

func (w *walker) document(e Endpoint) Document {
	switch e {
	case Metrics:
		d := new(MetricsDoc)
		w.object(theDocument, []field{
			{name: "packets_processed", to: &d.PacketsProcessed},
			{name: "packets_dropped", to: &d.PacketsDropped},
		})
		return d
	case Nodes:
		d := new(NodesDoc)
		w.object(theDocument, []field{
			{name: "active_nodes", to: &d.Active},
			{name: "inactive_nodes", to: &d.Inactive},
			{name: "total_nodes", to: &d.Total},
		})
		return d
	case Network:
		d := new(NetworkDoc)
		w.object(theDocument, []field{
			{name: "bytes_transmitted", to: &d.BytesTransmitted},
			{name: "bytes_received", to: &d.BytesReceived},
			{name: "avg_latency_ms", to: &d.AvgLatencyMS},
			{name: "peak_throughput", to: &d.PeakThroughput},
		})
		return d
	default:
		return w.mixnodes()
	}
}

func (w *walker) mixnodes() MixnodesDoc {
	t, ok := w.token()
	if !ok {
		return nil
	}
	if t.Kind() != '[' {
		w.refuse(ReasonSchema, "the document is %s, want an array", kind(t))
		w.skipRest(t)
		return nil
	}
	nodes := MixnodesDoc{}
	ids := make(map[string]struct{})
	for w.more(']') {
		var n Mixnode
		index := len(nodes)
		what := func() string { return nodeName(n.ID, index) }
		w.object(what, []field{
			{name: "id", to: &n.ID},
			{name: "status", to: &n.Status},
			{name: "packets_processed", to: &n.PacketsProcessed},
			{name: "packets_forwarded", to: &n.PacketsForwarded, optional: true},
			{name: "packets_dropped", to: &n.PacketsDropped, optional: true},
			{name: "uptime_seconds", to: &n.UptimeSeconds, optional: true},
			{name: "avg_latency_ms", to: &n.AvgLatencyMS, optional: true},
		})
		switch _, twice := ids[n.ID]; {
		case len(n.ID) == 0 || len(n.ID) > maxIDSize:
			w.refuse(ReasonSchema, "node %d: id has %d bytes, want 1 to %d", index, len(n.ID), maxIDSize)
		case twice:
			w.refuse(ReasonSchema, "node %d: duplicate id %q", index, n.ID)
		}
		ids[n.ID] = struct{}{}
		nodes = append(nodes, n)
	}
	return nodes
}

// nodeName names a mixnode in an error: by its id, or by its index from 0 as
// long as no valid id was read. An id that could disturb a log is quoted.
func nodeName(id string, index int) string {
	if id == "" || len(id) > maxIDSize {
		return "node " + strconv.Itoa(index)
	}
	for _, c := range []byte(id) {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return "node " + strconv.QuoteToASCII(id)
		}
	}
	return "node " + id
}

// theDocument names the whole document in an error.
func theDocument() string { return "document" }

// object reads one object into fields and refuses it if one is missing. what
// names the object; it is asked when there is something to refuse.
func (w *walker) object(what func() string, fields []field) {
	t, ok := w.token()
	if !ok {
		return
	}
	if t.Kind() != '{' {
		w.refuse(ReasonSchema, "%s is %s, want an object", what(), kind(t))
		w.skipRest(t)
		return
	}
members:
	for w.more('}') {
		name, ok := w.token()
		if !ok {
			return
		}
		key := name.String()
		for i := range fields {
			if fields[i].name == key {
				fields[i].seen = true
				w.value(what, &fields[i])
				continue members
			}
		}
		w.skip()
	}
	for _, f := range fields {
		if !f.seen && !f.optional {
			w.refuse(ReasonSchema, "%s: %s is missing", what(), f.name)
		}
	}
}

// value reads the value of a field, whatever its type. The latency may be null,
// as Rust programs write the mean of nothing: it is then unknown.
func (w *walker) value(what func() string, f *field) {
	t, ok := w.token()
	if !ok {
		return
	}
	want := "a number"
	switch to := f.to.(type) {
	case *string:
		if t.Kind() == '"' {
			*to = t.String()
			return
		}
		want = "a string"
	case *uint64:
		if t.Kind() == '0' {
			*to = w.uint(what, f.name, t.String())
			return
		}
	case **uint64:
		if t.Kind() == '0' {
			v := w.uint(what, f.name, t.String())
			*to = &v
			return
		}
	case **float64:
		switch t.Kind() {
		case '0':
			v := w.latency(what, f.name, t.String())
			*to = &v
			return
		case 'n':
			return
		}
	}
	w.refuse(ReasonSchema, "%s: %s is %s, want %s", what(), f.name, kind(t), want)
	w.skipRest(t)
}

func (w *walker) uint(what func() string, name, digits string) uint64 {
	v, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		w.refuse(ReasonValue, "%s: %s is %s, want a whole number from 0 to %d in plain digits", what(), name, digits, uint64(math.MaxUint64))
	}
	return v
}

func (w *walker) latency(what func() string, name, digits string) float64 {
	v, err := strconv.ParseFloat(digits, 64)
	mantissa, _, _ := strings.Cut(strings.ToLower(digits), "e")
	negative := strings.HasPrefix(digits, "-") && strings.ContainsAny(mantissa, "123456789") // also what rounds to -0
	if err != nil || negative {
		w.refuse(ReasonValue, "%s: %s is %s, want 0 or more milliseconds", what(), name, digits)
	}
	return math.Abs(v) // -0 is 0
}
