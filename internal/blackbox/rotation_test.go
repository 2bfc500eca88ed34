package blackbox

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// serveConfig starts an exporter with a configuration file and flags.
func serveConfig(t *testing.T, dir, text string, flags ...string) *program {
	t.Helper()
	file := filepath.Join(dir, "betanet.yml")
	write(t, file, text)
	return serve(t, nil, append([]string{"--config.file=" + file}, flags...)...)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := fake.WriteFile(file, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// TestANewCAFileIsReadWithoutARestart replaces the certificate of the upstream, and then the CA file of the exporter.
func TestANewCAFileIsReadWithoutARestart(t *testing.T) {
	t.Parallel()
	skipUnlessWholeSuite(t)
	dir := t.TempDir()
	first, second := certificate("127.0.0.1", time.Now().Add(time.Hour)), certificate("127.0.0.1", time.Now().Add(time.Hour))
	server := start(t)
	server.SetConnHandler(fake.TLS(first.Config()))
	ca := filepath.Join(dir, "ca.pem")
	write(t, ca, string(first.PEM()))
	p := serveConfig(t, dir, "upstreams: [{name: edge, url: '"+server.TLSURL()+"', http_client: {tls_config: {ca_file: ca.pem}}}]", patientFlags...)
	checkLeaks(t, p, server)
	p.awaitGood(t, "edge", documentBefore)

	server.SetConnHandler(fake.TLS(second.Config()))
	p.awaitBad(t, "edge", documentBefore, "tls")
	publish(server, documentAfter)
	write(t, ca, string(second.PEM()))
	p.awaitGood(t, "edge", documentAfter)

	// A file without a certificate does not remove the last good values.
	write(t, ca, "not a certificate")
	server.SetConnHandler(fake.TLS(second.Config())) // resets the connections
	p.await(t, "edge", func(e exposition) error {
		for _, path := range v1Paths {
			if err := (endpoint{"edge", path}).values(e, documentAfter); err != nil {
				return err
			}
		}
		return nil
	})
	write(t, ca, string(second.PEM()))
	p.awaitGood(t, "edge", documentAfter)
}
