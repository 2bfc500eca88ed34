package poll

import (
	"testing"
	"time"
)

func TestAnUpstreamOverPlainHTTPHasNoCertificate(t *testing.T) {
	inBubble(t, defaults, 0, func(t *testing.T, b *fixture) {
		b.until(time.Second)
		if got := b.view().CertificateExpiry; !got.IsZero() {
			t.Errorf("got %v, want none", got)
		}
	})
}
