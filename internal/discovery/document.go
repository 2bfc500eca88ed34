package discovery

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// parser parses a document into a builder.
type parser func(body []byte, b *builder) error

// document caches the result of parsing a file or a response.
type document struct {
	sum  [sha256.Size]byte // of the last content
	list List              // of the last good content, except Err, which is of the last content
}

// byteOrderMark precedes UTF-8 text from some editors.
var byteOrderMark = []byte("\xef\xbb\xbf")

// read reads all of r and parses it if the content has changed.
func (d *document) read(r io.Reader, parse parser) List {
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("is too large, at most %d bytes are accepted", maxBody)
	}
	if err != nil {
		return d.failed(err)
	}
	if sum := sha256.Sum256(body); sum != d.sum {
		var b builder
		d.sum = sum
		if err := parse(bytes.TrimPrefix(body, byteOrderMark), &b); err != nil {
			d.list.Err = err
		} else {
			d.list = b.List
		}
	}
	return d.last()
}

// failed records that the content could not be read, and returns the current list.
func (d *document) failed(err error) List {
	d.sum, d.list.Err = [sha256.Size]byte{}, err // parse the next content in any case
	return d.last()
}

// last returns the current list. If it has an error, its targets are the last good ones.
func (d *document) last() List {
	l := d.list
	l.Partial = l.Err != nil && l.Targets != nil
	return l
}

// causeOf unwraps an error of type E, whose text would repeat the path or the URL, which may
// have a secret query. It returns other errors unchanged.
func causeOf[E interface {
	error
	Unwrap() error
}](err error) error {
	var e E
	if errors.As(err, &e) {
		return e.Unwrap()
	}
	return err
}
