package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/betanet/betanet_exporter/internal/fake"
)

// loopback is the host on which most servers in these tests listen.
var loopback = []string{"127.0.0.1"}

// startExporter starts the exporter on a free port and returns it with its base URL
// once it is ready.
func startExporter(t *testing.T, args ...string) (p *process, base string) {
	t.Helper()
	p, urls := serve(t, loopback, "/-/ready", binary, func(port string) []string {
		return append([]string{"--web.listen-address=127.0.0.1:" + port}, args...)
	})
	return p, urls[0]
}

// startSimulator starts one process that simulates Betanet services with the given API, on
// the first addresses of 127.0.0.0/8, and returns it with their base URLs.
func startSimulator(t *testing.T, api string, count int, args ...string) (p *process, urls []string) {
	t.Helper()
	path := map[string]string{"v1": documents[0], "mixnodes": "/mixnodes"}[api]
	hosts := []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}[:count]
	return serve(t, hosts, path, binary, func(port string) []string {
		return append([]string{"simulate", "--api=" + api, fmt.Sprint("--count=", count), "--listen-address=127.0.0.1:" + port}, args...)
	})
}

// simulate starts three simulated Betanet services with the given API, and returns their base
// URLs.
func simulate(t *testing.T, api string) []string {
	t.Helper()
	_, urls := startSimulator(t, api, 3)
	return urls
}

// startExporterFor starts an exporter of upstreams with one collection per second, and returns
// its base URL once the expected number of them is up.
func startExporterFor(t *testing.T, up int, upstreams []string) string {
	t.Helper()
	args := []string{"--collect.interval=1s"}
	for _, u := range upstreams {
		args = append(args, "--betanet.url="+u)
	}
	_, base := startExporter(t, args...)
	waitForBody(t, fmt.Sprintf("%d upstreams are up", up), base+"/metrics", func(text string) error {
		if n := len(regexp.MustCompile(`(?m)^betanet_up.* 1$`).FindAllString(text, -1)); n != up {
			return fmt.Errorf("%d are up", n)
		}
		return nil
	})
	return base
}

// startHAProxy starts HAProxy with the configuration for a port, and returns its base URL once
// the path responds 200.
func startHAProxy(t *testing.T, path string, config func(port string) string) string {
	t.Helper()
	dir := t.TempDir()
	p, urls := serve(t, loopback, path, component(t, "haproxy", "haproxy"), func(port string) []string {
		// With SO_REUSEPORT, two instances could share a port.
		text := strings.Replace("\n"+config(port), "\nglobal\n", "\nglobal\n    noreuseport\n", 1)
		file := filepath.Join(dir, "haproxy.cfg")
		writeFile(t, file, text)
		return []string{"-db", "-f", file}
	})
	t.Cleanup(p.kill) // on SIGTERM it would exit with 143
	return urls[0]
}

// upstreamsFile writes a configuration with named upstreams. If a name is empty, the exporter
// names the upstream.
func upstreamsFile(t *testing.T, names, urls []string) string {
	t.Helper()
	text := "upstreams:\n"
	for i, url := range urls {
		if names[i] != "" {
			text += fmt.Sprintf("- {name: %s, url: %q}\n", names[i], url)
		} else {
			text += fmt.Sprintf("- {url: %q}\n", url)
		}
	}
	return tempFile(t, "upstreams.yml", text)
}

// unavailable skips the test, or fails it if CI=true.
func unavailable(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// runCommand runs a program in a directory ("" for the current one) and returns its
// trimmed output.
func runCommand(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return strings.TrimSpace(string(out))
}

// runWithoutWarning checks that a program succeeds and prints no warning.
func runWithoutWarning(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(strings.ToLower(string(out)), "warning") {
		t.Errorf("%s: %v\n%s", cmd, err, out)
	}
}

// readFile returns the content of a file; path elements are joined.
func readFile(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tempFile writes a file in a new temporary directory and returns its path.
func tempFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	writeFile(t, file, text)
	return file
}

// mustGet returns the body of a response that must have status 200.
func mustGet(t *testing.T, url string) string {
	t.Helper()
	body, err := get(url)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// waitForBody waits until a URL responds 200 with a body that passes a check.
func waitForBody(t *testing.T, what, url string, check func(body string) error) {
	t.Helper()
	wait(t, what, func() error {
		body, err := get(url)
		if err != nil {
			return err
		}
		return check(body)
	})
}

// contains returns a check for waitForBody that the body contains a text.
func contains(text string) func(body string) error {
	return func(body string) error {
		if !strings.Contains(body, text) {
			return fmt.Errorf("no %q in %.2000s", text, body)
		}
		return nil
	}
}

// getJSON decodes the body of a response with status 200.
func getJSON(url string, into any) error {
	body, err := get(url)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		return fmt.Errorf("get %s: %w", url, err)
	}
	return nil
}

// parseJSON decodes JSON that must be valid.
func parseJSON(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
}

// newCA returns a certificate authority that is valid for an hour.
func newCA() *fake.Certificate { return fake.Issue(nil, time.Now().Add(time.Hour)) }

// issueCertificate returns a certificate for a client or for a server on loopback.
func issueCertificate(by *fake.Certificate) *fake.Certificate {
	return fake.Issue(by, time.Now().Add(time.Hour), "127.0.0.1")
}

// writeCertificate writes a certificate and its key.
func writeCertificate(t *testing.T, c *fake.Certificate, certFile, keyFile string) {
	t.Helper()
	if err := c.Write(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
}

// replaceFile replaces a file atomically.
func replaceFile(t *testing.T, file, text string) {
	t.Helper()
	if err := fake.WriteFile(file, []byte(text)); err != nil {
		t.Fatal(err)
	}
}
