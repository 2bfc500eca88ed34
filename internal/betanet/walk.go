package betanet

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// token reads the next token; ok is false after invalid syntax.
func (w *walker) token() (t jsontext.Token, ok bool) {
	if w.syntax != nil {
		return t, false
	}
	t, err := w.dec.ReadToken()
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		w.duplicate = true
		w.syntax = refusal{ReasonSchema, "duplicate key at " + strconv.Quote(string(w.dec.StackPointer()))}
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		w.syntax = refusal{ReasonSyntax, fmt.Sprintf("the document is truncated after %d bytes", w.dec.InputOffset())}
	case err != nil:
		w.syntax = refusal{ReasonSyntax, err.Error()}
	case w.dec.StackDepth() > maxDepth:
		w.syntax = refusal{ReasonSyntax, fmt.Sprintf("more than %d levels deep", maxDepth)}
	}
	return t, w.syntax == nil
}

// more reports whether the current object or array has another element. If not, it reads
// the closing bracket.
func (w *walker) more(end jsontext.Kind) bool {
	if w.syntax == nil && w.dec.PeekKind() == end {
		w.token()
		return false
	}
	return w.syntax == nil
}

// skip reads and ignores a value.
func (w *walker) skip() {
	if t, ok := w.token(); ok {
		w.skipRest(t)
	}
}

// skipRest reads to the end of the value that begins with t.
func (w *walker) skipRest(t jsontext.Token) {
	if t.Kind() != '{' && t.Kind() != '[' {
		return
	}
	for depth := w.dec.StackDepth(); w.dec.StackDepth() >= depth; {
		if _, ok := w.token(); !ok {
			return
		}
	}
}

// expectEnd refuses a document that is followed by more data.
func (w *walker) expectEnd() {
	if w.syntax != nil {
		return
	}
	if _, err := w.dec.ReadToken(); err != io.EOF {
		w.syntax = refusal{ReasonSyntax, fmt.Sprintf("unexpected data after the document, at byte %d", w.dec.InputOffset())}
	}
}

// refuse records a reason to refuse the document, unless there is one already.
func (w *walker) refuse(r Reason, format string, args ...any) {
	if w.refused == nil && w.syntax == nil {
		w.refused = refusal{r, fmt.Sprintf(format, args...)}
	}
}

// typeName returns the name of the type of a value, with its article, for errors.
func typeName(t jsontext.Token) string {
	switch t.Kind() {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	default:
		return "an array"
	}
}
