package betanet

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// compressed returns a compressed document.
func compressed(t *testing.T, newWriter func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := newWriter(&b)
	_, err := io.WriteString(w, document(Metrics, nil))
	if closeErr := w.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	return b.String()
}

func TestTheErrorNamesAKnownFormat(t *testing.T) {
	const notRequested = "-compressed, which was neither requested nor declared in Content-Encoding"
	doc := document(Metrics, nil)
	for want, body := range map[string]string{
		"begins with a byte order mark, want JSON in UTF-8 without one": "\ufeff" + doc,
		"begins with a byte order mark of UTF-16, want JSON in UTF-8":   "\xff\xfe{\x00}\x00",
		"begins with a byte order mark of UTF-32, want JSON in UTF-8":   "\xff\xfe\x00\x00{\x00\x00\x00",
		"looks gzip" + notRequested:                                     compressed(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		"looks deflate" + notRequested:                                  compressed(t, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
		"looks zstd" + notRequested: compressed(t, func(w io.Writer) io.WriteCloser {
			z, err := zstd.NewWriter(w)
			if err != nil {
				t.Fatal(err)
			}
			return z
		}),
		"looks like HTML or XML, want JSON": "\r\n<!DOCTYPE html><html>log in</html>",
	} {
		base := listen(t, func(conn net.Conn) {
			readRequest(conn)
			_, _ = io.WriteString(conn, okResponse(body, "Content-Type: application/json", "Connection: close"))
		})
		if f := wantFailure(t, open(t, base), Metrics, retryable(ReasonSyntax)); !strings.HasSuffix(f.Error(), "the document "+want) {
			t.Errorf("got %q, want it to end with %q", f, want)
		}
	}
}

func TestTheErrorForInvalidJSONNamesNoFormat(t *testing.T) {
	for _, body := range []string{"", "{", `{"packets_processed":<}`, "x", "\x78{"} {
		if _, err := Decode(Metrics, []byte(body)); err == nil || strings.Contains(err.Error(), "looks") || strings.Contains(err.Error(), "begins with") {
			t.Errorf("%q: got %v, want an error about its syntax", body, err)
		}
	}
}
