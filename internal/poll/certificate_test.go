package poll

import (
	"testing"
	"time"
)

func TestUpstreamOverPlainHTTPHasNoCertificate(t *testing.T) {
	inBubble(t, defaults, 0, func(t *testing.T, f *fixture) {
		f.until(time.Second)
		if got := f.view().CertificateExpiry; !got.IsZero() {
			t.Errorf("got %v, want none", got)
		}
	})
}
