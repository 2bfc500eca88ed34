package httpclient

import (
	"errors"
	"net/url"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const canary = "s3cr3t-canary"

func TestDecodingErrorsAreNotQuoted(t *testing.T) {
	for _, err := range []error{&yaml.TypeError{Errors: []string{canary}}, &url.Error{Op: "parse", URL: canary, Err: os.ErrInvalid}, errors.New("yaml: " + canary)} {
		if got := redact(err); strings.Contains(got, canary) {
			t.Errorf("%T: got %s", err, got)
		}
	}
}
