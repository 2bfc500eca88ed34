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

// Decode decodes the document of an endpoint. It refuses a document with invalid
// syntax, trailing bytes, a duplicate key, an invalid number, or a required field that
// is missing, null or of another type. The error describes the problem and names the
// field, if there is one. Unknown fields are accepted. Keys are case-sensitive.
func Decode(e Endpoint, body []byte) (*Document, error) {
	d := decoders.Get().(*jsontext.Decoder)
	defer decoders.Put(d)
	d.Reset(bytes.NewBuffer(body))
	w := walker{dec: d}
	doc := w.document(e)
	w.expectEnd()
	if w.duplicate { // the decoder stopped there; check the syntax of the rest
		d.Reset(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
		rest := walker{dec: d}
		rest.skip()
		rest.expectEnd()
		if rest.syntax != nil {
			return nil, rest.syntax
		}
	}
	if w.syntax != nil {
		if text := detectFormat(body); text != "" {
			return nil, refusal{ReasonSyntax, text}
		}
		return nil, w.syntax
	}
	if w.refused != nil {
		return nil, w.refused
	}
	return doc, nil
}

// walker reads a document once. It records the first reason to refuse the document and
// continues to its end, because invalid syntax takes precedence.
type walker struct {
	dec       *jsontext.Decoder
	syntax    error
	refused   error
	duplicate bool // syntax is a duplicate key

	node  *Mixnode // current node; nil outside Mixnodes
	index int      // of node
}

func (w *walker) document(e Endpoint) *Document {
	d := &Document{Endpoint: e}
	if e == Mixnodes {
		d.Mixnodes = w.mixnodes()
	} else {
		w.object(fieldsOf[e], &d.Values)
	}
	return d
}

func (w *walker) mixnodes() []Mixnode {
	t, ok := w.token()
	if !ok {
		return nil
	}
	if t.Kind() != '[' {
		w.refuse(ReasonSchema, "the document is %s, want an array", typeName(t))
		w.skipRest(t)
		return nil
	}
	list := []Mixnode{}
	ids := make(map[string]struct{})
	for w.more(']') {
		w.index = len(list)
		list = append(list, Mixnode{})
		n := &list[w.index]
		w.node = n
		w.object(fieldsOf[Mixnodes], &n.Values)
		switch _, duplicate := ids[n.ID]; {
		case len(n.ID) == 0 || len(n.ID) > maxIDSize:
			w.refuse(ReasonSchema, "node %d: id has %d bytes, want 1 to %d", w.index, len(n.ID), maxIDSize)
		case duplicate:
			w.refuse(ReasonSchema, "node %d: duplicate id %q", w.index, n.ID)
		}
		ids[n.ID] = struct{}{}
	}
	return list
}

// objectName returns the name of the current object for errors.
func (w *walker) objectName() string {
	if w.node == nil {
		return "document"
	}
	return nodeName(w.node.ID, w.index)
}

// nodeName returns the name of a mixnode for errors: its id or, if the id is not valid,
// its index from 0. An id that could garble a log is quoted.
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

// object reads an object into values.
func (w *walker) object(specs []fieldSpec, values *Values) {
	t, ok := w.token()
	if !ok {
		return
	}
	if t.Kind() != '{' {
		w.refuse(ReasonSchema, "%s is %s, want an object", w.objectName(), typeName(t))
		w.skipRest(t)
		return
	}
	var seen uint
members:
	for w.more('}') {
		name, ok := w.token()
		if !ok {
			return
		}
		key := name.String()
		for i := range specs {
			if specs[i].key == key {
				seen |= 1 << i
				w.value(&specs[i], values)
				continue members
			}
		}
		w.skip()
	}
	for i := range specs {
		if specs[i].required && seen&(1<<i) == 0 {
			w.refuse(ReasonSchema, "%s: %s is missing", w.objectName(), specs[i].key)
		}
	}
}

// value reads the value of a field. A mean may be null, because Rust programs encode
// NaN, the mean of no values, as null. The mean is then unknown.
func (w *walker) value(spec *fieldSpec, values *Values) {
	t, ok := w.token()
	if !ok {
		return
	}
	want := "a number"
	switch k := t.Kind(); {
	case spec.jsonType == text && k == '"':
		w.text(spec, t)
		return
	case spec.jsonType == text:
		want = "a string"
	case spec.jsonType == mean && k == 'n':
		return
	case spec.jsonType == mean && k == '0':
		w.mean(spec, t, values)
		return
	case k == '0':
		w.whole(spec, t, values)
		return
	}
	w.refuse(ReasonSchema, "%s: %s is %s, want %s", w.objectName(), spec.key, typeName(t), want)
	w.skipRest(t)
}

func (w *walker) text(spec *fieldSpec, t jsontext.Token) {
	switch {
	case spec.field == nodeID:
		w.node.ID = t.String()
	case t.String() == active: // allocates nothing
		w.node.Status = active
	default:
		w.node.Status = t.String()
	}
}

// whole reads a whole number. It calls t.String again for the error, so that the first
// string does not escape and is not allocated. mean does the same.
func (w *walker) whole(spec *fieldSpec, t jsontext.Token, values *Values) {
	n, err := strconv.ParseUint(t.String(), 10, 64)
	if err != nil {
		w.refuse(ReasonValue, "%s: %s is %s, want a whole number from 0 to %d in plain digits", w.objectName(), spec.key, t.String(), uint64(math.MaxUint64))
	}
	values.Set(spec.field, n)
}

func (w *walker) mean(spec *fieldSpec, t jsontext.Token, values *Values) {
	digits := t.String()
	x, err := strconv.ParseFloat(digits, 64)
	negative := false
	if strings.HasPrefix(digits, "-") {
		mantissa, _, _ := strings.Cut(strings.ToLower(digits), "e")
		negative = strings.ContainsAny(mantissa, "123456789") // even if it rounds to -0
	}
	if err != nil || negative {
		w.refuse(ReasonValue, "%s: %s is %s, want 0 or more %s", w.objectName(), spec.key, t.String(), spec.unit)
	}
	values.SetFloat(spec.field, math.Abs(x)) // -0 is 0
}
