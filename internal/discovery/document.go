package discovery

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
)

// document is a place's last content and what it lists, so that content that did
// not change is not parsed again.
type document struct {
	sum  [sha256.Size]byte // of the last content
	list List              // of the last good content; Err is that of the last content
}

// byteOrderMark is what some editors begin a text in UTF-8 with.
var byteOrderMark = []byte("\xef\xbb\xbf")

// read takes all of r, in the format that parse knows.
func (d *document) read(r io.Reader, parse func([]byte, *listing) error) List {
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("is too large, at most %d bytes are accepted", maxBody)
	}
	if err != nil {
		return d.failed(err)
	}
	if sum := sha256.Sum256(body); sum != d.sum {
		var l listing
		d.sum = sum
		if err := parse(bytes.TrimPrefix(body, byteOrderMark), &l); err != nil {
			d.list.Err = err
		} else {
			d.list = l.List
		}
	}
	return d.last()
}

// failed is what is listed while the content cannot be read.
func (d *document) failed(err error) List {
	d.sum, d.list.Err = [sha256.Size]byte{}, err // which is read again, whatever it is
	return d.last()
}

// last is what is listed now: with an error, what was listed before.
func (d *document) last() List {
	l := d.list
	l.Partial = l.Err != nil && l.Targets != nil
	return l
}
