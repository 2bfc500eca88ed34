package discovery

import (
	"crypto/sha256"
	"fmt"
	"io"
)

// document is a place's last content and what it says, so that content that did
// not change is not looked into again.
type document struct {
	sum     [sha256.Size]byte
	targets []Target
	err     error
}

// read takes all of r, in the format that parse knows.
func (d *document) read(r io.Reader, parse func([]byte, *listing) error) ([]Target, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("is too large, at most %d bytes are accepted", maxBody)
	}
	if sum := sha256.Sum256(body); sum != d.sum {
		var l listing
		err := parse(body, &l)
		if err != nil {
			l.targets = nil
		}
		*d = document{sum, l.targets, err}
	}
	return d.targets, d.err
}
