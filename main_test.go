package main

import (
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/betanet/betanet_exporter/internal/harness"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"betanet_exporter": main})
}

// TestScripts runs the program as its users do. Each file of testdata/script
// documents one use.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"certificate": certificate,
			"expand":      expand,
			"fetch":       fetch,
			"port":        port,
			"post":        post,
		},
	})
}

func checkUsage(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// port NAME... sets each variable to a free port on loopback. No other script gets the
// same port, and no outgoing connection uses it.
func port(ts *testscript.TestScript, neg bool, names []string) {
	for _, name := range names {
		for used := true; used; {
			p, err := harness.FreePort("127.0.0.1")
			ts.Check(err)
			_, used = usedPorts.LoadOrStore(p, true)
			ts.Setenv(name, p)
		}
	}
}

var usedPorts sync.Map // ports that scripts use

// certificate CERT KEY writes a certificate for 127.0.0.1, ::1 and example.com, and
// its key.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, len(args) == 2, "certificate CERT KEY")
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pair := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	ts.Check(err)
	for i, block := range []pem.Block{{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, {Type: "PRIVATE KEY", Bytes: key}} {
		ts.Check(os.WriteFile(ts.MkAbs(args[i]), pem.EncodeToMemory(&block), 0o600))
	}
}

// fetch URL TEXT repeats a request for up to 30 seconds until the response contains
// the text, and writes the body to the file response. With ! it repeats the request
// until the response does not contain the text.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, len(args) == 2, "fetch URL TEXT")
	var last string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		r, err := http.Get(args[0])
		if err != nil {
			last = err.Error()
			continue
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		ts.Check(err)
		last = string(b)
		if strings.Contains(last, args[1]) != neg {
			ts.Check(os.WriteFile(ts.MkAbs("response"), b, 0o644))
			return
		}
	}
	preposition := "with"
	if neg {
		preposition = "without"
	}
	ts.Fatalf("%s: no response %s %q within 30s, last response:\n%s", args[0], preposition, args[1], last)
}

// expand FILE [TO] replaces variables, written as ${NAME}, in a file.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, len(args) == 1 || len(args) == 2, "expand FILE [TO]")
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[len(args)-1]), []byte(text), 0o644))
}

// post URL PATTERN sends a POST request and requires that the response matches the
// pattern.
func post(ts *testscript.TestScript, neg bool, args []string) {
	checkUsage(ts, len(args) == 2, "post URL PATTERN")
	r, err := http.Post(args[0], "", nil)
	ts.Check(err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	ts.Check(err)
	if !regexp.MustCompile(args[1]).Match(b) {
		ts.Fatalf("%s: got %q, want a match of %q", args[0], b, args[1])
	}
}
