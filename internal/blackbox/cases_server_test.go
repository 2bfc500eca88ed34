package blackbox

import (
	"crypto/tls"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// Faults of the upstream as a whole: all three endpoints fail.

func connHandler(h fake.ConnHandler) func(*fake.Server) {
	return func(server *fake.Server) { server.SetConnHandler(h) }
}

// certificate returns a self-signed certificate for an address.
func certificate(ip string, until time.Time) *fake.Certificate { return fake.Issue(nil, until, ip) }

// Certificates of upstreams. The exporter trusts all but the last.
var (
	trusted     = certificate("127.0.0.1", time.Now().Add(time.Hour))
	expired     = certificate("127.0.0.1", time.Now().Add(-time.Hour))
	notYetValid = certificate("127.0.0.1", time.Now().Add(48*time.Hour))
	wrongHost   = certificate("127.0.0.9", time.Now().Add(time.Hour))
	untrusted   = certificate("127.0.0.1", time.Now().Add(time.Hour))

	roots = string(trusted.PEM()) + string(expired.PEM()) + string(notYetValid.PEM()) + string(wrongHost.PEM())
)

func upstreamCases() []faultCase {
	plain := func(name, reason string, retried bool, fault func(*fake.Server)) faultCase {
		return faultCase{name: name, reason: reason, retried: retried, whole: fault}
	}
	onTLS := func(name, reason string, retried bool, h fake.ConnHandler) faultCase {
		return faultCase{name: "TLS, " + name, reason: reason, retried: retried, whole: connHandler(h), tls: true}
	}
	tls10, clients := trusted.Config(), trusted.Config()
	tls10.MinVersion, tls10.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
	clients.ClientAuth = tls.RequireAnyClientCert
	return []faultCase{
		plain("refused", "connect", true, (*fake.Server).Refuse),
		plain("RST on connection", "reset", true, connHandler(fake.ResetOnAccept)),
		plain("RST on request", "reset", true, connHandler(fake.ResetOnFirstBytes)),
		plain("FIN on request", "eof", true, connHandler(fake.CutOnFirstBytes)),
		plain("SYN without a response", "timeout", true, func(server *fake.Server) {
			if err := server.FillBacklog(); err != nil {
				panic(err)
			}
		}),
		plain("accepted without a response", "timeout", true, connHandler(fake.HangOnAccept)),
		plain("TLS in response to plain HTTP", "eof", true, connHandler(fake.TLS(untrusted.Config()))),

		onTLS("untrusted certificate", "tls", false, fake.TLS(untrusted.Config())),
		onTLS("expired certificate", "tls", false, fake.TLS(expired.Config())),
		onTLS("certificate not yet valid", "tls", false, fake.TLS(notYetValid.Config())),
		onTLS("certificate of another host", "tls", false, fake.TLS(wrongHost.Config())),
		onTLS("TLS 1.0 only", "tls", false, fake.TLS(tls10)),
		onTLS("client certificate required", "tls", false, fake.TLS(clients)),
		onTLS("plain HTTP", "tls", false, fake.HTTPToTLS),
		onTLS("garbage", "tls", false, fake.TLSGarbage),
		onTLS("alert", "tls", false, fake.TLSAlert),
		onTLS("handshake ended by RST", "reset", true, fake.ResetOnFirstBytes),
		onTLS("handshake ended by FIN", "eof", true, fake.CutOnFirstBytes),
		onTLS("handshake without a response", "timeout", true, fake.HangOnAccept),

		plain("TLS alert in response to plain HTTP", "tls", false, connHandler(fake.TLSAlert)),
	}
}
