package discovery

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonReader reads a JSON document token by token, to save memory.
type jsonReader struct {
	tokens *jsontext.Decoder
	body   []byte
	at     int // offset of the end of the last token
	line   int // line number of that offset
	b      *builder
}

// readJSON reads a list of groups.
func readJSON(body []byte, b *builder) error {
	// The builder reports duplicate keys with their paths.
	r := jsonReader{jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true)), body, 0, 1, b}
	v, err := r.next()
	if err != nil {
		return err
	}
	if err := checkList(v); err != nil {
		return err
	}
	err = r.each(func(v value) error {
		if err := b.beginGroup(v); err != nil {
			return err
		}
		if err := r.each(r.member); err != nil {
			return err
		}
		b.endGroup()
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := r.tokens.ReadToken(); err != io.EOF {
		return &documentError{"", r.line, "unexpected data after the list"}
	}
	return nil
}

// member reads the value of a key of a group.
func (r *jsonReader) member(k value) error {
	if err := r.b.addKey(k); err != nil {
		return err
	}
	v, err := r.next()
	if err == nil {
		err = r.b.checkType(k, v)
	}
	switch {
	case err != nil || v.typeName == null:
		return err
	case v.typeName == aList:
		return r.each(r.b.addTarget)
	}
	return r.each(func(k value) error {
		v, err := r.next()
		if err != nil {
			return err
		}
		return r.b.addLabel(k, v)
	})
}

// each calls do for every element of the current list or every key of the current map. do
// must read the rest of the element, or the value of the key.
func (r *jsonReader) each(do func(value) error) error {
	for {
		v, err := r.next()
		if err != nil || v.typeName == end {
			return err
		}
		if err := do(v); err != nil {
			return err
		}
	}
}

// end is the type name of a closing bracket.
const end = "the end"

// next reads a token.
func (r *jsonReader) next() (value, error) {
	tok, err := r.tokens.ReadToken()
	if err != nil {
		return value{}, r.syntaxError(err)
	}
	r.advance(int(r.tokens.InputOffset()))
	v := value{line: r.line}
	switch tok.Kind() {
	case '"':
		v.typeName, v.text = aString, tok.String()
	case '0':
		v.typeName = aNumber
	case 't', 'f':
		v.typeName = aBoolean
	case '[':
		v.typeName = aList
	case '{':
		v.typeName = aMap
	case ']', '}':
		v.typeName = end
	default:
		v.typeName = null
	}
	return v, nil
}

// advance sets the offset to a later one, and counts the lines before it.
func (r *jsonReader) advance(to int) {
	r.line += bytes.Count(r.body[r.at:to], []byte("\n"))
	r.at = to
}

// syntaxError replaces an error of the decoder with one that has a line. It omits the
// decoder's text, which could quote the document.
func (r *jsonReader) syntaxError(err error) error {
	var s *jsontext.SyntacticError
	if errors.As(err, &s) {
		r.advance(max(r.at, min(int(s.ByteOffset), len(r.body))))
	}
	switch {
	case err == io.EOF:
		return &documentError{"", 1, "the document is empty, want a list of groups, [] for none"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &documentError{"", r.line, "the document is cut off, want JSON"}
	default:
		return &documentError{"", r.line, "the document is not valid JSON in UTF-8"}
	}
}
