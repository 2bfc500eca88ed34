package discovery

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonReader walks a JSON document token by token, so that nothing is held that
// the listing does not want.
type jsonReader struct {
	tokens *jsontext.Decoder
	body   []byte
	at     int // where the last token ended
	line   int // on which it ended
	list   *listing
}

// readJSON reads a list of groups.
func readJSON(body []byte, l *listing) error {
	// The listing looks for keys that are given twice, and says where.
	r := jsonReader{jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true)), body, 0, 1, l}
	v, err := r.next()
	if err != nil {
		return err
	}
	if v.kind != aList {
		return wrongList(v)
	}
	err = r.each(func(v value) error {
		if err := l.begin(v); err != nil {
			return err
		}
		if err := r.each(r.key); err != nil {
			return err
		}
		l.end()
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := r.tokens.ReadToken(); err != io.EOF {
		return &fault{"", r.line, "something follows the list"}
	}
	return nil
}

func (r *jsonReader) key(k value) error {
	if err := r.list.key(k); err != nil {
		return err
	}
	v, err := r.next()
	switch {
	case err != nil:
		return err
	case v.kind == null: // how programs in Go write that there are none
		return nil
	case k.text == "targets" && v.kind == aList:
		return r.each(r.list.address)
	case k.text == "targets":
		return r.list.wrong(step(k.text), v, aList)
	case v.kind != aMap:
		return r.list.wrong(step(k.text), v, aMap)
	}
	return r.each(func(k value) error {
		v, err := r.next()
		if err != nil {
			return err
		}
		return r.list.label(k, v)
	})
}

// each calls do for every element of the list, or key of the map, that has just
// begun; do reads what is in it.
func (r *jsonReader) each(do func(value) error) error {
	for {
		v, err := r.next()
		if err != nil || v.kind == end {
			return err
		}
		if err := do(v); err != nil {
			return err
		}
	}
}

// end is the kind of a bracket that closes.
const end = "the end"

// next reads a token.
func (r *jsonReader) next() (value, error) {
	tok, err := r.tokens.ReadToken()
	if err != nil {
		return value{}, r.broken(err)
	}
	r.advance(int(r.tokens.InputOffset()))
	v := value{line: r.line}
	switch tok.Kind() {
	case '"':
		v.kind, v.text = aString, tok.String()
	case '0':
		v.kind = aNumber
	case 't', 'f':
		v.kind = aBoolean
	case '[':
		v.kind = aList
	case '{':
		v.kind = aMap
	case ']', '}':
		v.kind = end
	default:
		v.kind = null
	}
	return v, nil
}

func (r *jsonReader) advance(to int) {
	r.line += bytes.Count(r.body[r.at:to], []byte("\n"))
	r.at = to
}

// broken says where the document stops to be JSON. The decoder's own words
// could quote it.
func (r *jsonReader) broken(err error) error {
	var s *jsontext.SyntacticError
	if errors.As(err, &s) {
		r.advance(max(r.at, min(int(s.ByteOffset), len(r.body))))
	}
	switch {
	case err == io.EOF:
		return &fault{"", 1, "the document is empty, want a list of groups, [] for none"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &fault{"", r.line, "the document is cut off, want JSON"}
	default:
		return &fault{"", r.line, "the document is broken, want JSON in UTF-8"}
	}
}
